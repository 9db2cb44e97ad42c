package dev.larder.drift;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.drift.DriftViews.ChangesetView;
import dev.larder.drift.DriftViews.Staged;
import dev.larder.lifecycle.CheckStore;
import dev.larder.lifecycle.CheckStore.Wanted;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Ids;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Plans of workspaces, staged by jobs. {@code lifecycle.FindingsStore} stages one when its job succeeds. */
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

    // A job that has ended without a plan has failed, or its row is kept no more.
    private static final String SELECT = """
            SELECT c.id, c.workspace_id, c.job_id, c.base_version, c.created_at, c.staged_at, c.changes, c.drift, j.error_code, j.error,
                   CASE WHEN c.has_drift THEN 'drift_detected' WHEN c.staged_at IS NOT NULL THEN 'staged'
                        WHEN j.status IN ('pending', 'running', 'canceling') THEN 'staging' ELSE 'failed' END AS status
              FROM changesets c
              JOIN workspaces w ON w.id = c.workspace_id
              LEFT JOIN jobs j ON j.id = c.job_id
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

    private Uni<List<ChangesetView>> list(Sql statement, UUID of, Visibility scope, Optional<UUID> after, int limit) {
        return statement
                .on(pool, of, scope.organization().orElse(null), scope.owner().orElse(null), after.orElse(null), limit)
                .map(rows -> Rows.list(rows, ChangesetStore::view));
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
                DriftReads.changes(row.getJsonArray("changes")),
                DriftReads.changes(row.getJsonArray("drift")));
    }
}
