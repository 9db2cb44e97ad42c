package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import java.time.Instant;

/**
 * Quarantines workspaces for inspection after the database was restored from a backup (decision 0029), in the caller's
 * transaction. A quarantined workspace is never handed out, counted or deleted by a loop.
 */
public final class QuarantineStore {

    private QuarantineStore() {}

    // A start that is run again would first delete what it finds, which a user may have claimed after the
    // backup. Locks the job first, then the workspace, as all statements do.
    private static final Sql CANCEL_STARTS = Sql.of(
            """
            WITH starting AS (
                SELECT j.id FROM jobs j JOIN builds b ON b.id = j.build_id
                 WHERE j.completed_at IS NULL AND b.transition = 'start'
                 ORDER BY j.id
                   FOR UPDATE OF j),
            canceled AS (
                UPDATE jobs j SET canceled_at = coalesce(j.canceled_at, :at), completed_at = :at, lease_token = NULL
                  FROM starting s WHERE j.id = s.id
                RETURNING j.workspace_id, j.build_id, j.status, j.mutation_id, 'unknown' AS tool, NULL::text AS error_code,
                          :at::timestamptz AS at),
            {mutations},
            workspace AS (
                UPDATE workspaces w
                   SET build_status = 'canceled', build_finished_at = :at, ready_at = NULL, quarantined_at = :at, verifying = false,
                       claim_step_wanted_at = NULL, dirty = false,
                       deletion_wanted_at = CASE WHEN NOT w.dirty THEN w.deletion_wanted_at END,
                       {mirror}
                  FROM {known}
                 WHERE w.id = d.workspace_id AND w.build_id = d.build_id AND w.deleted_at IS NULL)
            SELECT count(*)::integer AS count FROM canceled""".replace("{mutations}", MutationEnd.endOf("canceled", "'canceled'"))
                    .replace("{mirror}", StateMirror.ASSIGNED)
                    .replace("{known}", MutationEnd.known("canceled")),
            "at");

    /**
     * Cancels all starts that have not ended, and quarantines their workspaces.
     *
     * @return how many starts
     */
    public static Uni<Integer> cancelStarts(SqlClient connection, Instant at) {
        return CANCEL_STARTS
                .on(connection, Rows.utc(at))
                .map(rows -> rows.iterator().next().getInteger("count"));
    }

    // The reconciler and claims leave a failed workspace alone (decision 0006). A workspace that waits for its
    // reset may have been reset after the backup, and belong to another user.
    private static final Sql QUARANTINE = Sql.of("""
            UPDATE workspaces
               SET build_status = 'failed', ready_at = NULL, quarantined_at = :at, deletion_wanted_at = NULL, dirty = false
             WHERE deleted_at IS NULL AND transition = 'start' AND build_status = 'succeeded'
               AND (prebuild OR (dirty AND deletion_wanted_at IS NOT NULL))""", "at");

    /**
     * Quarantines the ready prebuilds, and the workspaces that wait for their reset.
     *
     * @return how many workspaces
     */
    public static Uni<Integer> quarantine(SqlClient connection, Instant at) {
        return QUARANTINE.on(connection, Rows.utc(at)).map(RowSet::rowCount);
    }
}
