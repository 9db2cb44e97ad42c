package dev.larder.jobs;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** How a server keeps the queue. The keys stand beside those of the worker in its process. */
@ConfigMapping(prefix = "larder.worker")
public interface QueueSettings {

    /** The backstop where a wake-up was lost. */
    @WithDefault("1s")
    Duration poll();

    /** Three of these missed, and the worker's jobs are taken back. */
    @WithDefault("5s")
    Duration heartbeat();

    /** How many workers may be lost over a job before it fails. */
    @WithDefault("3")
    int maxAttempts();

    /**
     * How long past its deadline, or past a wish to cancel it, a job may be before it is taken from its worker. It must be
     * longer than what any worker gives a script to end ({@code larder.backend.exec.stop-grace}). A worker that is lost loses
     * its jobs earlier, by its heartbeat.
     */
    @WithDefault("15m")
    Duration overrun();

    /** How long what a job said is kept after it. */
    @WithDefault("14d")
    Duration logRetention();

    /** How long a start may wait for a worker before it is withdrawn. */
    @WithDefault("1h")
    Duration patience();
}
