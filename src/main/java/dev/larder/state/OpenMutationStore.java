package dev.larder.state;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/** What happens inside an open mutation: locks of the holder's tool, renewals, and marks of writes. */
@ApplicationScoped
public class OpenMutationStore {

    private final Pool pool;

    public OpenMutationStore(Pool pool) {
        this.pool = pool;
    }

    // A job's mutation is named by its id. A person's is the open one of the state: of this person, with this lock,
    // or without a lock where the person began it by a call.
    private static final Sql NEST =
            Sql.of("""
            WITH locked AS (
                UPDATE state_mutations m SET lock_id = :lock, lock_info = :lock_info::text::jsonb
                 WHERE m.state_id = :state AND m.ended_at IS NULL
                   AND CASE WHEN :job_mutation::uuid IS NOT NULL THEN m.id = :job_mutation ELSE m.user_id = :user::uuid END
                   AND (m.lock_id = :lock::text OR (m.lock_id IS NULL AND NOT m.implicit))
                RETURNING *)
            SELECT %s FROM locked m LEFT JOIN users u ON u.id = m.user_id""".formatted(MutationReads.SHOWN), "state", "job_mutation", "user", "lock", "lock_info");

    /**
     * Locks inside an open mutation of the caller. The same lock again is the same lock. Empty where the
     * caller has no mutation open, or its tool holds another lock.
     *
     * @param job the mutation of the job that calls; empty for a person
     * @param user the person that calls; empty for a job
     */
    Uni<Optional<Mutation>> nest(UUID state, Optional<UUID> job, Optional<UUID> user, LockInfo lock) {
        return NEST.on(pool, state, job.orElse(null), user.orElse(null), lock.id(), lock.json())
                .map(rows -> Rows.first(rows, MutationReads::mutation));
    }

    private static final Sql RELEASE = Sql.of("""
            UPDATE state_mutations SET lock_id = NULL
             WHERE id = :mutation AND ended_at IS NULL AND lock_id = :lock""", "mutation", "lock");

    /** Gives a lock back inside a mutation, which stays open. */
    Uni<Void> release(UUID mutation, String lock) {
        return RELEASE.on(pool, mutation, lock).replaceWithVoid();
    }

    private static final Sql RENEW = Sql.of("""
            WITH renewed AS (
                UPDATE state_mutations SET lease_expires_at = :at::timestamptz + make_interval(secs => :lease::integer)
                 WHERE id = :mutation AND ended_at IS NULL AND user_id = :user
                RETURNING *)
            SELECT %s FROM renewed m JOIN users u ON u.id = m.user_id""".formatted(MutationReads.SHOWN), "mutation", "user", "lease", "at");

    /** Begins the lease anew. Empty where the mutation has ended, or is not the user's. */
    Uni<Optional<Mutation>> renew(UUID mutation, UUID user, Duration lease, Instant at) {
        return RENEW.on(pool, mutation, user, Rows.wholeSeconds(lease), Rows.utc(at))
                .map(rows -> Rows.first(rows, MutationReads::mutation));
    }

    private static final Sql ANNOUNCE = Sql.of("""
            UPDATE state_mutations SET failed_writes = failed_writes + 1
             WHERE id = :mutation AND ended_at IS NULL""", "mutation");

    /**
     * Counts a write as failed before its body is read. An upload that ends in the middle, or is too large to be
     * read, so leaves a mark, until a write is accepted.
     */
    Uni<Void> announceWrite(UUID mutation) {
        return ANNOUNCE.on(pool, mutation).replaceWithVoid();
    }

    private static final Sql ANNOUNCE_OWN = Sql.of("""
            UPDATE state_mutations SET failed_writes = failed_writes + 1
             WHERE id = :mutation AND user_id = :user AND ended_at IS NULL
               AND state_id IN (SELECT s.id FROM states s WHERE s.id = :address OR s.workspace_id = :address)""", "mutation", "user", "address");

    /**
     * The same for a write of a person, where the mutation is this person's and of this state.
     *
     * @param address the id of the state, or of its workspace
     */
    Uni<Void> announceWrite(UUID mutation, UUID user, UUID address) {
        return ANNOUNCE_OWN.on(pool, mutation, user, address).replaceWithVoid();
    }

    // The statement that accepts a write takes its mark away. One that repeats an accepted write takes away its own
    // mark alone: another write that was refused meanwhile is still outstanding.
    private static final Sql WRITTEN = Sql.of("""
            UPDATE state_mutations
               SET failed_writes = CASE WHEN :repeated::boolean THEN greatest(failed_writes - 1, 0) ELSE failed_writes END,
                   lease_expires_at = CASE WHEN implicit
                                           THEN greatest(lease_expires_at, :at::timestamptz + make_interval(secs => :lease::integer))
                                           ELSE lease_expires_at END
             WHERE id = :mutation AND ended_at IS NULL""", "mutation", "repeated", "lease", "at");

    /**
     * After an accepted write: the lease of a tool's lock begins anew.
     *
     * @param repeated the current version had these bytes already
     * @param lease of a tool's lock
     */
    Uni<Void> written(UUID mutation, boolean repeated, Duration lease, Instant at) {
        return WRITTEN.on(pool, mutation, repeated, Rows.wholeSeconds(lease), Rows.utc(at))
                .replaceWithVoid();
    }
}
