package dev.larder.jobs;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Settings of the queue. Their keys have the prefix of the worker in the same process. */
@ConfigMapping(prefix = "larder.worker")
public interface QueueSettings {

    /** The poll interval, which covers lost wake-ups. */
    @WithDefault("1s")
    Duration poll();

    /** After three missed heartbeats a worker's jobs are taken back. */
    @WithDefault("5s")
    Duration heartbeat();

    /** How many workers may be lost with a job before the job fails. */
    @WithDefault("3")
    int maxAttempts();

    /**
     * How long a job may run past its deadline, or past a request to cancel it, before it is taken from its worker.
     * Must be longer than the time any worker gives a script to end ({@code larder.backend.exec.stop-grace}). A
     * lost worker loses its jobs earlier, by its heartbeat.
     */
    @WithDefault("15m")
    Duration overrun();

    /** How long a start may wait for a worker before it is withdrawn. */
    @WithDefault("1h")
    Duration patience();
}
