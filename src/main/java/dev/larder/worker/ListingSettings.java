package dev.larder.worker;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** How what exists is compared with what should. */
@ConfigMapping(prefix = "larder.inventory")
public interface ListingSettings {

    /** How often a worker lists what exists where it builds; 0: only when somebody asks. */
    @WithDefault("15m")
    Duration every();

    /** How long before a listing began a build must have ended for the listing to say something about it. */
    @WithDefault("5m")
    Duration grace();
}
