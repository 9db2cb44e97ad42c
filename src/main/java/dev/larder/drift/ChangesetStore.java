package dev.larder.drift;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.drift.DriftViews.Applied;
import dev.larder.drift.DriftViews.ChangesetView;
import dev.larder.drift.DriftViews.Planned;
import dev.larder.drift.DriftViews.Staged;
import dev.larder.lifecycle.CheckStore;
import dev.larder.lifecycle.CheckStore.Wanted;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Ids;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Plans of workspaces, staged and applied by jobs. {@code lifecycle.FindingsStore} stages one, and keeps that it was
 * applied, when its job succeeds.
 */
@ApplicationScoped
public class ChangesetStore {

    private final Pool pool;
    private final Ids ids;
    private final CheckStore checks;

    public ChangesetStore(Pool pool, Ids ids, CheckStore checks) {
        this.pool = pool;
        this.ids = ids;
        this.checks = checks;
    }

    private static final Sql INSERT = Sql.of("""
            INSERT INTO changesets (id, organization_id, workspace_id, job_id, requested_by, created_at, base_version)
            SELECT :id::uuid, w.organization_id, w.id, :job::uuid, :user::uuid, :at::timestamptz, s.current_version
              FROM workspaces w JOIN states s ON s.workspace_id = w.id WHERE w.id = :workspace""", "id", "job", "user", "at", "workspace");

    /** @return its id; empty where the workspace cannot be planned now, as {@link CheckStore#begin} says */
    Uni<Optional<UUID>> stage(Wanted wanted, Instant at) {
        return pool.withTransaction(connection -> checks.begin(connection, wanted, at)
                .chain(job -> job.map(begun -> insert(connection, wanted, begun, at))
                        .orElseGet(() -> Uni.createFrom().item(Optional.empty()))));
    }

    private Uni<Optional<UUID>> insert(SqlConnection connection, Wanted wanted, UUID job, Instant at) {
        UUID id = ids.next();
        return INSERT.on(connection, id, job, wanted.initiator(), Rows.utc(at), wanted.workspace())
                .replaceWith(Optional.of(id));
    }

    private static final Sql APPLY = Sql.of("""
            UPDATE changesets SET apply_job_id = :job, applied_by = :user, apply_asked_at = :at
             WHERE id = :id AND apply_job_id IS NULL AND staged_at IS NOT NULL AND NOT has_drift""", "job", "user", "at", "id");

    /**
     * Begins the job that applies a staged changeset.
     *
     * @return false, and nothing was begun, where the workspace cannot be changed now, as {@link CheckStore#begin}
     *     says, or another call applies the changeset
     */
    Uni<Boolean> apply(UUID changeset, Wanted wanted, Instant at) {
        return pool.withTransaction(connection -> checks.begin(connection, wanted, at)
                        .chain(job ->
                                applied(connection, changeset, wanted, job.orElseThrow(NotNowException::new), at)))
                .replaceWith(true)
                .onFailure(NotNowException.class)
                .recoverWithItem(false);
    }

    private static Uni<Void> applied(SqlConnection connection, UUID changeset, Wanted wanted, UUID job, Instant at) {
        return APPLY.on(connection, job, wanted.initiator(), Rows.utc(at), changeset)
                .invoke(rows -> {
                    if (rows.rowCount() == 0) {
                        throw new NotNowException();
                    }
                })
                .replaceWithVoid();
    }

    /** Rolls back the transaction that it leaves. */
    private static final class NotNowException extends RuntimeException {

        private static final long serialVersionUID = 1;

        NotNowException() {
            super(null, null, false, false);
        }
    }

    // A job that has ended without a plan has failed, or its row is kept no more. The same holds for one that applies.
    private static final String SELECT = """
            SELECT c.id, c.workspace_id, c.job_id, c.base_version, c.created_at, c.staged_at, c.changes, c.drift, c.apply_job_id, c.applied_at,
                   coalesce(a.error_code, j.error_code) AS error_code, CASE WHEN a.error_code IS NULL THEN j.error ELSE a.error END AS error,
                   s.current_version, c.plan_sealed IS NOT NULL AS comparable,
                   CASE WHEN c.applied_at IS NOT NULL THEN 'applied'
                        WHEN a.status IN ('pending', 'running', 'canceling') THEN 'applying'
                        WHEN c.apply_job_id IS NOT NULL THEN 'apply_failed'
                        WHEN c.has_drift THEN 'drift_detected' WHEN c.staged_at IS NOT NULL THEN 'staged'
                        WHEN j.status IN ('pending', 'running', 'canceling') THEN 'staging' ELSE 'failed' END AS status
              FROM changesets c
              JOIN workspaces w ON w.id = c.workspace_id
              LEFT JOIN states s ON s.workspace_id = c.workspace_id
              LEFT JOIN jobs j ON j.id = c.job_id
              LEFT JOIN jobs a ON a.id = c.apply_job_id
            """;

    private static Sql select(String which, String parameter) {
        return Sql.of(
                SELECT + " WHERE " + which + " AND " + Rules.visibleTo("w.organization_id")
                        + " AND (:owner::uuid IS NULL OR w.owner_id = :owner)"
                        + " AND (:after::uuid IS NULL OR c.id < :after) ORDER BY c.id DESC LIMIT :limit",
                parameter,
                "organization",
                "owner",
                "after",
                "limit");
    }

    private static final Sql OF_WORKSPACE = select("c.workspace_id = :workspace::uuid", "workspace");
    private static final Sql ONE = select("c.id = :changeset::uuid", "changeset");

    /** Newest first. */
    Uni<List<ChangesetView>> list(UUID workspace, Visibility scope, Optional<UUID> after, int limit) {
        return list(OF_WORKSPACE, workspace, scope, after, limit);
    }

    Uni<Optional<ChangesetView>> find(UUID changeset, Visibility scope) {
        return list(ONE, changeset, scope, Optional.empty(), 1)
                .map(found -> found.stream().findFirst());
    }

    /**
     * How a changeset stands towards an apply.
     *
     * @param version of its workspace's state now
     * @param comparable whether the plan can be known again
     */
    record Standing(UUID workspace, String status, long baseVersion, long version, boolean comparable) {}

    Uni<Optional<Standing>> standing(UUID changeset, Visibility scope) {
        return rows(ONE, changeset, scope, Optional.empty(), 1).map(rows -> Rows.first(rows, ChangesetStore::standing));
    }

    private static Standing standing(Row row) {
        return new Standing(
                row.getUUID("workspace_id"),
                row.getString("status"),
                row.getLong("base_version"),
                Optional.ofNullable(row.getLong("current_version")).orElse(0L),
                row.getBoolean("comparable"));
    }

    private Uni<List<ChangesetView>> list(Sql statement, UUID of, Visibility scope, Optional<UUID> after, int limit) {
        return rows(statement, of, scope, after, limit).map(rows -> Rows.list(rows, ChangesetStore::view));
    }

    private Uni<RowSet<Row>> rows(Sql statement, UUID of, Visibility scope, Optional<UUID> after, int limit) {
        return statement.on(
                pool, of, scope.organization().orElse(null), scope.owner().orElse(null), after.orElse(null), limit);
    }

    private static ChangesetView view(Row row) {
        return new ChangesetView(
                row.getUUID("id"),
                row.getUUID("workspace_id"),
                row.getUUID("job_id"),
                row.getString("status"),
                row.getLong("base_version"),
                new Staged(
                        Rows.instant(row, "created_at"),
                        Rows.instantOrNull(row, "staged_at"),
                        row.getString("error_code"),
                        row.getString("error")),
                new Applied(row.getUUID("apply_job_id"), Rows.instantOrNull(row, "applied_at")),
                new Planned(
                        DriftReads.changes(row.getJsonArray("changes")),
                        DriftReads.changes(row.getJsonArray("drift"))));
    }
}
