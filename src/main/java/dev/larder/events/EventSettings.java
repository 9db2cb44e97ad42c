package dev.larder.events;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** The event feed (decision 0035). */
@ConfigMapping(prefix = "larder.events")
public interface EventSettings {

    /** How much of the past a follower is told that names no event to resume after. */
    @WithDefault("300s")
    Duration replay();
}
