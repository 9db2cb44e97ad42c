package dev.larder.reconcile;

import java.util.List;
import java.util.UUID;

/**
 * One change that a cycle makes to a preset's pool. A reason to change nothing is a {@link Blocker}, never an
 * action.
 */
public sealed interface Action {

    /**
     * Cancels first starts that no worker has begun, and drops their workspaces.
     *
     * @param ids oldest first, never empty
     */
    record CancelPending(List<UUID> ids) implements Action {}

    /**
     * Deletes running prebuilds. The store deletes only what is still the system user's and has no active build, so a
     * claim that comes first wins (design, section 2.3.8).
     *
     * @param ids oldest first, never empty
     */
    record Delete(List<UUID> ids, DeleteReason reason) implements Action {}

    /** The newest attempts all failed. Reported once, because a marked preset is not marked again. */
    record MarkHardLimited(String reason, int failedAttempts) implements Action {}

    /** The preset cannot be built as declared. Reported once. */
    record MarkValidationFailed(String reason) implements Action {}

    /** The hard limit no longer holds. */
    record MarkHealthy() implements Action {}

    /**
     * Creates prebuilds, as one attempt.
     *
     * @param count at least 1
     * @param attempts how many cycles had created some when this was decided: another number in the database
     *     means that another cycle has created some since, and this one creates none
     */
    record Create(int count, int attempts) implements Action {}
}
