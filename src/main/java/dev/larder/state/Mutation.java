package dev.larder.state;

import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The span in which one holder changes infrastructure.
 *
 * @param fence grows with each mutation of the state
 * @param kind create, update, claim, plan, refresh, repair, destroy or restore
 * @param baseVersion the current version when it began
 */
record Mutation(UUID id, UUID state, long fence, String kind, long baseVersion, Holder holder, Span span) {

    /**
     * The job or the person that changes the infrastructure.
     *
     * @param job null for a person's
     * @param user null for a job's
     * @param name of the user; null for a job's
     * @param implicit a tool began it with its lock
     * @param lock the lock that the holder's tool has, or had last
     */
    record Holder(
            @Nullable UUID job,
            @Nullable UUID user,
            @Nullable String name,
            boolean implicit,
            Lock lock) {

        boolean isUser(UUID caller) {
            return caller.equals(user);
        }
    }

    /**
     * The lock of a tool inside a mutation.
     *
     * @param id empty where the tool has unlocked, or never locked
     * @param info what it sent with its last lock; empty where it never locked
     */
    record Lock(Optional<String> id, Optional<LockInfo> info) {

        /** Whether the tool held this lock and has given it back. */
        boolean wasReleased(String lock) {
            return id.isEmpty() && info.map(LockInfo::id).filter(lock::equals).isPresent();
        }
    }

    /**
     * When it began and ended.
     *
     * @param leaseExpiresAt null for a job's: the job's lease is the mutation's
     * @param endedAt null while it is open; then outcome and end version are null too
     */
    record Span(
            Instant openedAt,
            @Nullable Instant leaseExpiresAt,
            @Nullable Instant endedAt,
            @Nullable String outcome,
            @Nullable Long endVersion) {

        /** Whether another caller may take the state, because the holder has not renewed its lease. */
        boolean isOverdue(Instant at) {
            return endedAt == null && leaseExpiresAt != null && !leaseExpiresAt.isAfter(at);
        }
    }

    boolean isOpen() {
        return span.endedAt() == null;
    }
}
