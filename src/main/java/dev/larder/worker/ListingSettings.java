package dev.larder.worker;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Settings of the comparison of existing items with the expected ones. */
@ConfigMapping(prefix = "larder.inventory")
public interface ListingSettings {

    /** How often a worker lists the items that exist where it builds. 0: only on request. */
    @WithDefault("15m")
    Duration every();

    /** A build must have ended this long before a listing began for the listing to count for its workspace. */
    @WithDefault("5m")
    Duration grace();
}
