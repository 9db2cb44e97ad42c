package dev.larder.worker;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** Settings of the worker in this process. */
@ConfigMapping(prefix = "larder.worker")
public interface WorkerSettings {

    /** Whether this process runs jobs. */
    @WithDefault("true")
    boolean enabled();

    /** The name that operators see. The host's name by default. */
    Optional<String> name();

    /** Jobs that run at the same time. */
    @WithDefault("2")
    int slots();

    /**
     * Slots that prebuild jobs never take; fewer than {@link #slots}. By default one slot in two is kept free of
     * prebuild jobs that may take more than an hour, and none of other prebuild jobs.
     */
    Optional<Integer> reserved();

    /**
     * Tags of the worker. It takes jobs whose tags it has all; a worker without tags takes only jobs without tags.
     */
    Map<String, String> tags();

    /** The poll interval, which covers lost wake-ups. */
    @WithDefault("1s")
    Duration poll();

    /** How long a stop waits for running jobs before it requeues them. */
    @WithDefault("10s")
    Duration drain();

    /** The folder of uploaded files that the worker has fetched. Workers of one user on one machine may share it. */
    @WithDefault("${java.io.tmpdir}/larder-files")
    Path filesRoot();

    /** The most bytes of them that are kept for the next job. Files in use do not count. */
    @WithDefault("4G")
    MemorySize filesMaxSize();
}
