package dev.larder.model;

import java.util.Optional;
import java.util.UUID;

/**
 * A job's access to what is known of its workspace's infrastructure, while the job's mutation is open.
 *
 * @param state the state that the mutation changes
 * @param mutation the mutation, which began with the job's lease and ends with it
 * @param fence grows with each mutation of the state: a writer with an older one changes nothing
 * @param version of the snapshot that the mutation began with; 0 where nothing was ever written
 * @param token opens the state for this mutation alone; secret
 * @param plan the digest of the plan that is to be applied, as {@link Findings} has it; of an apply of a changeset only
 */
public record StateAccess(UUID state, UUID mutation, long fence, long version, String token, Optional<String> plan) {

    /** Without the token, which is secret, and the plan. */
    @Override
    public String toString() {
        return "StateAccess[state=%s mutation=%s fence=%d version=%d]".formatted(state, mutation, fence, version);
    }
}
