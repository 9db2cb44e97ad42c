package dev.larder.lifecycle;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Removes deleted workspaces after their retention, with their last build and its job (decision 0036). A claim may name
 * a workspace that has been removed. The outputs of a workspace do not wait for this: they are erased when it is
 * deleted.
 */
@Singleton
class WorkspaceCleanupStore implements CleanupType {

    // What still refers to it goes first: its other builds, its log lines, its state, the results of its checks, its
    // plans. The inventory tells by its row whether what workers list has leaked.
    private static final String IS_OVER = """
            NOT EXISTS (SELECT FROM states s WHERE s.workspace_id = t.id)
                       AND NOT EXISTS (SELECT FROM reconciliation_results r WHERE r.workspace_id = t.id)
                       AND NOT EXISTS (SELECT FROM changesets c WHERE c.workspace_id = t.id)
                       AND NOT EXISTS (SELECT FROM claims c WHERE c.workspace_id = t.id AND c.ended_at IS NULL)
                       AND NOT EXISTS (SELECT FROM inventory i WHERE i.workspace_id = t.id)
                       AND NOT EXISTS (SELECT FROM builds b
                                        WHERE b.workspace_id = t.id AND (b.id <> t.build_id OR {recent}))
                       AND NOT EXISTS (SELECT FROM jobs j
                                        WHERE j.build_id = t.build_id
                                          AND (EXISTS (SELECT FROM job_logs l WHERE l.job_id = j.id)
                                               OR EXISTS (SELECT FROM state_mutations m WHERE m.job_id = j.id)))""";

    private static final String REMOVE = """
            WITH examined AS (
                SELECT t.id, (t.deleted_at < :before::timestamptz AND {over}) AS removable
                  FROM workspaces t
                 WHERE t.id > :after::uuid AND t.id < :end::uuid ORDER BY t.id LIMIT :rows::integer),
            locked AS (
                SELECT w.id, w.build_id FROM workspaces w
                 WHERE w.id = ANY (ARRAY(SELECT id FROM examined WHERE removable)) FOR UPDATE SKIP LOCKED),
            jobs AS (
                DELETE FROM jobs j WHERE j.build_id = ANY (ARRAY(SELECT build_id FROM locked))
                RETURNING pg_column_size(j) AS bytes),
            builds AS (
                DELETE FROM builds b WHERE b.id = ANY (ARRAY(SELECT build_id FROM locked))
                RETURNING pg_column_size(b) AS bytes),
            gone AS (
                DELETE FROM workspaces w WHERE w.id = ANY (ARRAY(SELECT id FROM locked))
                RETURNING pg_column_size(w) AS bytes),
            deleted AS (
                SELECT bytes FROM jobs UNION ALL SELECT bytes FROM builds UNION ALL SELECT bytes FROM gone)
            """ + CleanupRows.COUNTED.replace("{position}", CleanupRows.LAST);

    private final CleanupRows rows;

    WorkspaceCleanupStore(@ConfigProperty(name = "larder.reconcile.hard-limit", defaultValue = "3") int hardLimit) {
        String over = IS_OVER.replace("{recent}", HistoryCleanupStore.recent(hardLimit));
        rows = CleanupRows.by(
                "workspaces",
                Retention.of(Duration.ofDays(90), Duration.ofDays(1)),
                List.of("workspaces"),
                REMOVE.replace("{over}", over),
                CleanupRows.oldestOf("workspaces", "deleted_at", over));
    }

    @Override
    public String name() {
        return rows.name();
    }

    @Override
    public Retention retention() {
        return rows.retention();
    }

    @Override
    public List<String> tables() {
        return rows.tables();
    }

    // Of workspaces that were deleted before their deletion erased it.
    private static final Sql ERASE = Sql.of("""
            UPDATE workspaces SET outputs_sealed = NULL, parameters = NULL
             WHERE id IN (SELECT id FROM workspaces
                           WHERE deleted_at IS NOT NULL AND (outputs_sealed IS NOT NULL OR parameters IS NOT NULL)
                           ORDER BY id LIMIT :rows FOR UPDATE SKIP LOCKED)""", "rows");

    @Override
    public Uni<Batch> batch(SqlClient transaction, Slice slice) {
        return ERASE.on(transaction, slice.rows()).chain(() -> rows.batch(transaction, slice));
    }

    @Override
    public Uni<Optional<Instant>> oldest(SqlClient client) {
        return rows.oldest(client);
    }
}
