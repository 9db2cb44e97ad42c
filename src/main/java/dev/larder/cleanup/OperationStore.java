package dev.larder.cleanup;

import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Batch;
import dev.larder.database.CleanupType.Slice;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Clean-up operations, and the batches that they consist of. A batch and its counts are committed together. */
@ApplicationScoped
public class OperationStore {

    /** An operation that shows no sign of life for this long has failed. */
    static final Duration ABANDONED_AFTER = Duration.ofMinutes(5);

    /** Codes of operations whose work is taken up again at once. */
    static final String ABANDONED = "abandoned";

    static final String INTERRUPTED = "interrupted";

    private final Pool pool;
    private final Ids ids;

    public OperationStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    private static final String COLUMNS =
            "id, type, status, requested_by, started_at, heartbeat_at, ended_at, examined,"
                    + " deleted, bytes, objects, error_code";

    private static Operation operation(Row row) {
        return new Operation(
                row.getUUID("id"),
                row.getString("type"),
                row.getString("status"),
                row.getUUID("requested_by"),
                new Operation.Times(
                        Rows.instant(row, "started_at"),
                        Rows.instant(row, "heartbeat_at"),
                        Rows.instantOrNull(row, "ended_at")),
                new Operation.Counts(
                        row.getLong("examined"), row.getLong("deleted"), row.getLong("bytes"), row.getLong("objects")),
                row.getString("error_code"));
    }

    private static Optional<Operation> first(RowSet<Row> rows) {
        return Rows.first(rows, OperationStore::operation);
    }

    private static final String INSERT = """
            INSERT INTO cleanup_operations (id, type, status, requested_by, started_at, heartbeat_at)
            VALUES (:id, :type, 'running', {by}, :at, :at)
            ON CONFLICT (type) WHERE status = 'running' DO NOTHING
            RETURNING *""";

    private static final Sql BEGIN = Sql.of(INSERT.replace("{by}", "NULL").replace("*", COLUMNS), "id", "type", "at");

    /** Begins one on schedule. Empty where one of the type is running. */
    Uni<Optional<Operation>> begin(String type, Instant at) {
        return BEGIN.on(pool, ids.next(), type, Rows.utc(at)).map(OperationStore::first);
    }

    private static String audited(String action) {
        return AuditEntry.of(
                action,
                "jsonb_build_object('type', type)",
                "(SELECT id, type, NULL::uuid AS organization_id FROM changed) c");
    }

    private static final Sql BEGIN_REQUESTED = Sql.of(
            """
            WITH changed AS (
                %s),
            audited AS (
                %s)
            SELECT %s FROM changed""".formatted(INSERT.replace("{by}", ":actor"), audited("cleanup.begin"), COLUMNS),
            "id",
            "type",
            "at",
            "actor",
            "entry");

    /** The same on the request of a user, with an audit entry. */
    Uni<Optional<Operation>> begin(String type, UUID user, Instant at) {
        return BEGIN_REQUESTED
                .on(pool, ids.next(), type, Rows.utc(at), user, ids.next())
                .map(OperationStore::first);
    }

    private static final Sql RUNNING =
            Sql.of("SELECT " + COLUMNS + " FROM cleanup_operations WHERE type = :type AND status = 'running'", "type");

    Uni<Optional<Operation>> running(String type) {
        return RUNNING.on(pool, type).map(OperationStore::first);
    }

    private static final Sql FIND =
            Sql.of("SELECT " + COLUMNS + " FROM cleanup_operations WHERE id = :operation", "operation");

    Uni<Optional<Operation>> find(UUID operation) {
        return FIND.on(pool, operation).map(OperationStore::first);
    }

    private static final Sql LIST = Sql.of("""
            SELECT %s FROM cleanup_operations
             WHERE (:type::text IS NULL OR type = :type) AND %s ORDER BY id DESC LIMIT :rows""".formatted(COLUMNS, Rules.before("id")), "type", "before", "rows");

    /** Newest first. */
    Uni<List<Operation>> list(Optional<String> type, Optional<UUID> before, int rows) {
        return LIST.on(pool, type.orElse(null), before.orElse(null), rows)
                .map(found -> Rows.list(found, OperationStore::operation));
    }

    // An operation that was abandoned or interrupted has not done its work: it does not count.
    private static final Sql DUE = Sql.of("""
            SELECT t.type
              FROM unnest(:types::text[], :since::timestamptz[]) AS t(type, since)
             WHERE NOT EXISTS (SELECT FROM cleanup_operations o
                                WHERE o.type = t.type AND o.started_at > t.since
                                  AND (o.error_code IS NULL OR o.error_code NOT IN ('abandoned', 'interrupted')))""", "types", "since");

    /**
     * The types of which no operation began within their interval.
     *
     * @param intervals by type
     */
    Uni<List<String>> due(Map<String, Duration> intervals, Instant at) {
        List<String> types = List.copyOf(intervals.keySet());
        return DUE.on(
                        pool,
                        types.toArray(String[]::new),
                        types.stream()
                                .map(type -> Rows.utc(at.minus(intervals.get(type))))
                                .toArray(OffsetDateTime[]::new))
                .map(rows -> Rows.list(rows, row -> row.getString("type")));
    }

    private static final Sql ABANDON = Sql.of("""
            UPDATE cleanup_operations SET status = 'failed', error_code = 'abandoned', ended_at = :at
             WHERE status = 'running' AND heartbeat_at < :silent_since""", "at", "silent_since");

    /** Ends the operations whose process was lost or is stuck. What they removed before is counted. */
    Uni<Integer> abandon(Instant at) {
        return ABANDON.on(pool, Rows.utc(at), Rows.utc(at.minus(ABANDONED_AFTER)))
                .map(RowSet::rowCount);
    }

    private static final Sql BEAT = Sql.of("""
            UPDATE cleanup_operations
               SET heartbeat_at = greatest(heartbeat_at, :at::timestamptz), examined = examined + :examined::bigint,
                   deleted = deleted + :deleted::bigint, bytes = bytes + :bytes::bigint, objects = objects + :objects::bigint
             WHERE id = :operation AND status = 'running'""", "operation", "at", "examined", "deleted", "bytes", "objects");

    private static final String LIMITS = "SET LOCAL statement_timeout = 5000; SET LOCAL lock_timeout = 1000";

    /**
     * One batch of a running operation, with its counts and its sign of life, in one transaction. Fails with {@link
     * EndedException} where the operation has ended meanwhile; then nothing was removed.
     */
    Uni<Batch> batch(UUID operation, CleanupType type, Slice slice) {
        return pool.withTransaction(transaction -> transaction
                .query(LIMITS)
                .execute()
                .chain(() -> type.batch(transaction, slice))
                .call(done -> count(transaction, operation, done, slice.now())));
    }

    private static Uni<Void> count(SqlConnection transaction, UUID operation, Batch done, Instant at) {
        return BEAT.on(
                        transaction,
                        operation,
                        Rows.utc(at),
                        done.examined(),
                        done.deleted(),
                        done.bytes(),
                        done.objects())
                .invoke(rows -> {
                    if (rows.rowCount() == 0) {
                        throw new EndedException();
                    }
                })
                .replaceWithVoid();
    }

    /** The operation was canceled, or another process has abandoned it. */
    static final class EndedException extends RuntimeException {

        private static final long serialVersionUID = 1;

        EndedException() {
            super("the clean-up operation has ended", null, false, false);
        }
    }

    private static final Sql END = Sql.of("""
            UPDATE cleanup_operations
               SET status = CASE WHEN :code::text IS NULL THEN 'completed' ELSE 'failed' END, error_code = :code,
                   ended_at = :at, heartbeat_at = greatest(heartbeat_at, :at)
             WHERE id = ANY (:operations::uuid[]) AND status = 'running'""", "operations", "code", "at");

    /** @param code null where they have done their work */
    Uni<Void> end(Collection<UUID> operations, @Nullable String code, Instant at) {
        return END.on(pool, operations.toArray(UUID[]::new), code, Rows.utc(at)).replaceWithVoid();
    }

    private static final Sql CANCEL =
            Sql.of("""
            WITH changed AS (
                UPDATE cleanup_operations SET status = 'failed', error_code = 'canceled', ended_at = :at
                 WHERE id = :operation AND status = 'running' RETURNING *),
            audited AS (
                %s)
            SELECT %2$s FROM changed
             UNION ALL
            SELECT %2$s FROM cleanup_operations
             WHERE id = :operation AND NOT EXISTS (SELECT FROM changed)""".formatted(audited("cleanup.cancel"), COLUMNS), "operation", "at", "actor", "entry");

    /** No further batch. An operation that has ended stays as it is. Empty where there is none. */
    Uni<Optional<Operation>> cancel(UUID operation, UUID user, Instant at) {
        return CANCEL.on(pool, operation, Rows.utc(at), user, ids.next()).map(OperationStore::first);
    }

    private static final Sql LAST_COMPLETED = Sql.of("""
            SELECT type, max(ended_at) AS at FROM cleanup_operations WHERE status = 'completed' GROUP BY type""");

    /** When the last operation of each type completed. */
    Uni<Map<String, Instant>> lastCompleted() {
        return LAST_COMPLETED
                .on(pool)
                .map(rows -> Rows.list(rows, row -> Map.entry(row.getString("type"), Rows.instant(row, "at"))))
                .map(entries -> Map.ofEntries(entries.toArray(Map.Entry[]::new)));
    }

    /** The age of a type's oldest row: a statement of its own on a connection of the pool. */
    Uni<Optional<Instant>> oldest(CleanupType type) {
        return type.oldest(pool);
    }
}
