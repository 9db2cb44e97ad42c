package dev.larder.worker;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** How this process works on jobs. */
@ConfigMapping(prefix = "larder.worker")
public interface WorkerSettings {

    /** Whether this process works on jobs at all. */
    @WithDefault("true")
    boolean enabled();

    /** For people; the host's name where it has none. */
    Optional<String> name();

    /** How many jobs at once. */
    @WithDefault("2")
    int slots();

    /**
     * Slots that prebuild jobs never take; less than {@link #slots}. Without it one slot in two is kept from prebuild jobs
     * that may take more than an hour, and none from the others.
     */
    Optional<Integer> reserved();

    /** Tags of the jobs it takes: it must have all that a job names; an untagged worker takes untagged jobs only. */
    Map<String, String> tags();

    /** The backstop where a wake-up was lost. */
    @WithDefault("1s")
    Duration poll();

    /** How long a stop waits for running jobs before it hands them back. */
    @WithDefault("10s")
    Duration drain();
}
