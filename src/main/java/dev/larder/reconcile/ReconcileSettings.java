package dev.larder.reconcile;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Settings of the reconciler. */
@ConfigMapping(prefix = "larder.reconcile")
public interface ReconcileSettings {

    /** The time between two full cycles. Wake-ups cause cycles of the marked presets in between. */
    @WithDefault("1m")
    Duration interval();

    /** A cycle that takes longer is ended. */
    @WithDefault("1m")
    Duration cycleDeadline();

    /**
     * A process that holds the reconciler's lock and that the database has not heard of for this long loses
     * it. From a second to ten minutes.
     */
    @WithDefault("10s")
    Duration lockSilence();

    /** How often what there is of every preset is read for the metrics of this process. */
    @WithDefault("15s")
    Duration showEvery();

    /** How long a stop waits for the cycle that is running. */
    @WithDefault("10s")
    Duration stopDeadline();

    /** How many presets are worked on at once; their writes share the request pool. */
    @WithDefault("4")
    int concurrency();

    /** Waited per failure before prebuilds are created again. */
    @WithDefault("1m")
    Duration backoffInterval();

    /** How long a failure counts. */
    @WithDefault("1h")
    Duration failureLookback();

    /** How many attempts in a row may fail before creation stops; 0 is no limit. */
    @WithDefault("3")
    int hardLimit();

    /** What of these a plan needs. */
    default Limits limits() {
        return new Limits(backoffInterval(), failureLookback(), hardLimit());
    }
}
