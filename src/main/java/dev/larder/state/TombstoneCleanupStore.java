package dev.larder.state;

import dev.larder.database.CleanupType;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Removes deleted states with all that belongs to them, after their retention (decision 0036). A deleted state of a
 * workspace that lives on stays: it tells what the workspace's deletion has to destroy. A state of a workspace that was
 * deleted goes too, whatever is known of it. A state with very many versions goes in several batches.
 */
@Singleton
class TombstoneCleanupStore implements CleanupType {

    /** Their rows of all kinds are deleted with them, so few states are many rows. */
    private static final int STATES = 20;

    @Override
    public String name() {
        return "tombstoned_states";
    }

    @Override
    public Retention retention() {
        return Retention.of(Duration.ofDays(7), Duration.ofHours(1));
    }

    @Override
    public List<String> tables() {
        return List.of("states");
    }

    private static final Sql EXAMINE = Sql.of("""
            WITH tombstoned AS (
                SELECT t.id FROM states t
                 WHERE t.tombstoned_at < :before::timestamptz
                   AND (t.workspace_id IS NULL
                        OR EXISTS (SELECT FROM workspaces w
                                    WHERE w.id = t.workspace_id AND w.deleted_at < :before::timestamptz))
                 ORDER BY t.tombstoned_at LIMIT :states::integer
                   FOR UPDATE OF t SKIP LOCKED),
            distrusted AS (
                SELECT t.id FROM states t JOIN workspaces w ON w.id = t.workspace_id
                 WHERE t.status IN ('unreliable', 'corrupt') AND w.deleted_at < :before::timestamptz
                 LIMIT :states::integer
                   FOR UPDATE OF t SKIP LOCKED)
            SELECT id FROM tombstoned UNION ALL SELECT id FROM distrusted""", "before", "states");

    private static final Sql VERSIONS = Sql.of("""
            DELETE FROM state_versions v
             USING (SELECT state_id, version FROM state_versions
                     WHERE state_id = ANY (:states::uuid[]) LIMIT :rows::integer) old
             WHERE v.state_id = old.state_id AND v.version = old.version
            RETURNING coalesce(octet_length(v.body), 0)::bigint AS bytes""", "states", "rows");

    private static final Sql REJECTS = Sql.of("""
            DELETE FROM state_rejects r WHERE r.state_id = ANY (:states::uuid[])
            RETURNING coalesce(octet_length(r.body), 0)::bigint AS bytes""", "states");

    private static final Sql MUTATIONS = Sql.of("""
            DELETE FROM state_mutations d
             WHERE d.id IN (SELECT m.id FROM state_mutations m
                             WHERE m.state_id = ANY (:states::uuid[])
                               AND NOT EXISTS (SELECT FROM state_versions v WHERE v.mutation_id = m.id)
                             LIMIT :rows::integer)
            RETURNING pg_column_size(d)::bigint AS bytes""", "states", "rows");

    private static final Sql REMAINS = Sql.of("""
            WITH gone AS (
                DELETE FROM states s
                 WHERE s.id = ANY (:states::uuid[])
                   AND NOT EXISTS (SELECT FROM state_versions v WHERE v.state_id = s.id)
                   AND NOT EXISTS (SELECT FROM state_mutations m WHERE m.state_id = s.id)
                RETURNING s.id, pg_column_size(s)::bigint AS bytes),
            labels AS (
                DELETE FROM labels l WHERE l.subject_id = ANY (ARRAY(SELECT id FROM gone))
                RETURNING pg_column_size(l)::bigint AS bytes)
            SELECT bytes FROM gone UNION ALL SELECT bytes FROM labels""", "states");

    @Override
    public Uni<Batch> batch(SqlClient transaction, Slice slice) {
        return EXAMINE.on(transaction, Rows.utc(slice.before()), STATES)
                .map(rows -> Rows.list(rows, row -> row.getUUID("id")).toArray(UUID[]::new))
                .chain(states -> states.length == 0
                        ? Uni.createFrom().item(new Batch(0, 0, 0, 0, null))
                        : remove(transaction, states, slice.rows()));
    }

    private static Uni<Batch> remove(SqlClient transaction, UUID[] states, int rows) {
        Batch none = new Batch(states.length, 0, 0, 0, null);
        return VERSIONS.on(transaction, states, rows)
                .map(gone -> plus(none, gone))
                .chain(sum -> REJECTS.on(transaction, (Object) states).map(gone -> plus(sum, gone)))
                .chain(sum -> MUTATIONS.on(transaction, states, rows).map(gone -> plus(sum, gone)))
                .chain(sum -> REMAINS.on(transaction, (Object) states).map(gone -> plus(sum, gone)));
    }

    /** There may be more for as long as rows go. */
    private static Batch plus(Batch sum, RowSet<Row> gone) {
        long bytes = 0;
        for (Row row : gone) {
            bytes += row.getLong("bytes");
        }
        long deleted = sum.deleted() + gone.size();
        return new Batch(sum.examined(), deleted, sum.bytes() + bytes, 0, deleted == 0 ? null : "again");
    }

    private static final Sql OLDEST = Sql.of("""
            SELECT min(at) AS at
              FROM (SELECT CASE WHEN t.workspace_id IS NULL THEN t.tombstoned_at
                                ELSE (SELECT greatest(w.deleted_at, t.tombstoned_at) FROM workspaces w
                                       WHERE w.id = t.workspace_id AND w.deleted_at IS NOT NULL) END AS at
                      FROM states t WHERE t.tombstoned_at IS NOT NULL ORDER BY t.tombstoned_at LIMIT 1000) s
            HAVING min(at) IS NOT NULL""");

    @Override
    public Uni<Optional<Instant>> oldest(SqlClient client) {
        return OLDEST.on(client).map(rows -> Rows.first(rows, row -> Rows.instant(row, "at")));
    }
}
