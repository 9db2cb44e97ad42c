package dev.larder.state;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.state.Mutation.Holder;
import dev.larder.state.Mutation.Lock;
import dev.larder.state.Mutation.Span;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Looks for mutations, of jobs and of people. */
@ApplicationScoped
public class MutationReads {

    private static final long PAST_LOCKS = 32;

    /** The columns of {@link #mutation}: {@code m} is the mutation's row, {@code u} its user's. */
    static final String SHOWN = """
            m.id, m.state_id, m.fence, m.kind, m.job_id, m.user_id, m.implicit, m.lock_id, m.lock_info::text AS lock_info,
                   m.base_version, m.opened_at, m.lease_expires_at, m.ended_at, m.outcome, m.end_version, u.name AS user_name""";

    private final Pool pool;

    public MutationReads(Pool pool) {
        this.pool = pool;
    }

    private static final String FROM =
            "SELECT " + SHOWN + " FROM state_mutations m LEFT JOIN users u ON u.id = m.user_id\n";

    private static final Sql FIND = Sql.of(FROM + " WHERE m.id = :mutation", "mutation");

    Uni<Optional<Mutation>> find(UUID mutation) {
        return FIND.on(pool, mutation).map(MutationReads::first);
    }

    private static final Sql OPEN = Sql.of(FROM + " WHERE m.state_id = :state AND m.ended_at IS NULL", "state");

    /** The open mutation of a state. */
    Uni<Optional<Mutation>> open(UUID state) {
        return OPEN.on(pool, state).map(MutationReads::first);
    }

    private static final Sql LOCKED_BY = Sql.of(FROM + """
             WHERE m.state_id = :state AND m.lock_info->>'ID' = :lock
               AND m.fence > (SELECT s.fence FROM states s WHERE s.id = :state) - :past::bigint
             ORDER BY m.fence DESC LIMIT 1""", "state", "lock", "past");

    /** The latest of the last 32 mutations of a state in which a tool had this lock. */
    Uni<Optional<Mutation>> lockedBy(UUID state, String lock) {
        return LOCKED_BY.on(pool, state, lock, PAST_LOCKS).map(MutationReads::first);
    }

    private static final Sql OF_TOKEN = Sql.of(FROM + """
             WHERE m.id = :mutation AND m.token_hash = :hash""", "mutation", "hash");

    /** The mutation, open or ended, of the job whose token has this SHA-256. */
    Uni<Optional<Mutation>> ofToken(UUID mutation, byte[] hash) {
        return OF_TOKEN.on(pool, mutation, Buffer.buffer(hash)).map(MutationReads::first);
    }

    private static Optional<Mutation> first(RowSet<Row> rows) {
        return Rows.first(rows, MutationReads::mutation);
    }

    static Mutation mutation(Row row) {
        return new Mutation(
                row.getUUID("id"),
                row.getUUID("state_id"),
                row.getLong("fence"),
                row.getString("kind"),
                row.getLong("base_version"),
                new Holder(
                        row.getUUID("job_id"),
                        row.getUUID("user_id"),
                        row.getString("user_name"),
                        Boolean.TRUE.equals(row.getBoolean("implicit")),
                        new Lock(Optional.ofNullable(row.getString("lock_id")), info(row.getString("lock_info")))),
                new Span(
                        Rows.instant(row, "opened_at"),
                        Rows.instantOrNull(row, "lease_expires_at"),
                        Rows.instantOrNull(row, "ended_at"),
                        row.getString("outcome"),
                        row.getLong("end_version")));
    }

    private static Optional<LockInfo> info(@Nullable String json) {
        return Optional.ofNullable(json).map(LockInfo::stored);
    }
}
