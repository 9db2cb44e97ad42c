package dev.larder.reconcile;

import dev.larder.model.Pause;
import dev.larder.model.WorkerSupply;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Why a cycle does not act as it otherwise would, or why its action waits. Nothing is written for it. */
public sealed interface Blocker {

    /**
     * Prebuilds are missing, but newest builds failed.
     *
     * @param until inclusive: at this instant it still holds
     * @param failures that were counted
     */
    record Backoff(Instant until, int failures) implements Blocker {}

    /** @param reason as marked, or about to be marked by the same plan */
    record HardLimited(String reason) implements Blocker {}

    /** @param reason as marked, or about to be marked by the same plan */
    record ValidationFailed(String reason) implements Blocker {}

    /** A pause of scope {@code create} holds creation; of scope {@code all} everything. Claims go on. */
    record Paused(Pause pause) implements Blocker {}

    /** The rollout that makes the version ready is held: the version before is refilled in its place. */
    record RolloutHeld() implements Blocker {}

    /**
     * Every place where prebuilds could be made is in trouble. Nothing is created until its next probe is due,
     * and then one, unless one waits already.
     */
    record PlaceHeld(WorkerSupply.Held place) implements Blocker {}

    /**
     * No living worker takes the preset's jobs. They are queued all the same: what starts workers looks at the queue.
     *
     * @param since when the oldest prebuild that waits was created; null where none waits
     */
    record NoWorker(WorkerSupply.Missing missing, @Nullable Instant since) implements Blocker {}
}
