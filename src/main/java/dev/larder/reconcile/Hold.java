package dev.larder.reconcile;

import dev.larder.pool.Pause;
import java.time.Instant;

/** Why a cycle does not do what it otherwise would. Nothing is written for a hold. */
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
}
