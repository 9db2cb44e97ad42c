package dev.larder.model;

import java.time.Instant;
import java.util.UUID;

/**
 * An open rollout, as a plan sees it.
 *
 * @param phaseAt when its state began
 * @param deadlineAt when it is held, where nothing became ready since
 * @param toldAt of one that is held: when the template admins were told last
 * @param delivered whether a claim has taken one of the target that was begun after old stock was taken last
 */
public record Rollout(
        UUID id,
        RolloutCause cause,
        RolloutState state,
        Instant phaseAt,
        Instant deadlineAt,
        Instant toldAt,
        boolean paused,
        boolean delivered) {

    /** Whether it goes no further. A renewal of one version's stock goes on while it is held: it has no other stock. */
    public boolean stands() {
        return state == RolloutState.HELD && cause == RolloutCause.PROMOTION;
    }

    /** The same, in another state from an instant on. */
    public Rollout in(RolloutState changed, Instant at, Instant deadline) {
        return new Rollout(id, cause, changed, at, deadline, at, paused, false);
    }

    /** The same, with another {@code delivered}. */
    public Rollout with(boolean nowDelivered) {
        return new Rollout(id, cause, state, phaseAt, deadlineAt, toldAt, paused, nowDelivered);
    }
}
