package dev.larder.reconcile;

import dev.larder.pool.Builders;
import dev.larder.pool.Pause;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Why a cycle does not do what it otherwise would, or why that waits. Nothing is written for a hold. */
public sealed interface Hold {

    /**
     * Prebuilds are missing, but newest builds failed.
     *
     * @param until inclusive: at this instant it still holds
     * @param failures that were counted
     */
    record Backoff(Instant until, int failures) implements Hold {}

    /** @param reason as marked, or about to be marked by the same plan */
    record HardLimited(String reason) implements Hold {}

    /** @param reason as marked, or about to be marked by the same plan */
    record ValidationFailed(String reason) implements Hold {}

    /** A pause of scope {@code create} holds creation; of scope {@code all} everything. Claims go on. */
    record Paused(Pause pause) implements Hold {}

    /**
     * Every place where prebuilds could be made is in trouble. Nothing is created until its next probe is due, and then
     * one, unless one waits already.
     */
    record PlaceHeld(Builders.Held place) implements Hold {}

    /**
     * No living worker takes the preset's jobs. They are queued all the same: what starts workers looks at the queue.
     *
     * @param since when the oldest prebuild that waits was created; null where none waits
     */
    record NoWorker(Builders.None missing, @Nullable Instant since) implements Hold {}
}
