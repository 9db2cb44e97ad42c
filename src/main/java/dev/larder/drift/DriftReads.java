package dev.larder.drift;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.drift.DriftViews.CheckView;
import dev.larder.drift.DriftViews.ResultView;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Findings;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Checks and what they have found, as the API shows them. */
@ApplicationScoped
public class DriftReads {

    private final Pool pool;

    public DriftReads(Pool pool) {
        this.pool = pool;
    }

    private static final String VISIBLE =
            Rules.visibleTo("w.organization_id") + " AND (:owner::uuid IS NULL OR w.owner_id = :owner)";

    private static final Sql SUBJECT = Sql.of("""
            SELECT w.id, v.backend, coalesce(s.current_version, 0) AS version, s.status, w.deleted_at IS NOT NULL AS gone
              FROM workspaces w
              JOIN template_versions v ON v.id = w.version_id
              LEFT JOIN states s ON s.workspace_id = w.id
             WHERE w.id = :workspace AND {visible}""".replace("{visible}", VISIBLE), "workspace", "organization", "owner");

    /**
     * A workspace that is to be checked.
     *
     * @param version of its state; 0 where nothing was ever written
     * @param status of its state; null where it has none
     */
    record Subject(
            UUID id, String backend, long version, @Nullable String status, boolean gone) {}

    /** Empty where there is none that the caller may see; a deleted one is found. */
    Uni<Optional<Subject>> subject(UUID workspace, Visibility scope) {
        return SUBJECT.on(
                        pool,
                        workspace,
                        scope.organization().orElse(null),
                        scope.owner().orElse(null))
                .map(rows -> Rows.first(
                        rows,
                        row -> new Subject(
                                row.getUUID("id"),
                                row.getString("backend"),
                                row.getLong("version"),
                                row.getString("status"),
                                Boolean.TRUE.equals(row.getBoolean("gone")))));
    }

    private static final Sql CHECK = Sql.of("""
            SELECT j.id, j.workspace_id, b.reason, j.status, j.created_at, j.started_at, j.completed_at, j.error_code, j.error,
                   (SELECT r.id FROM reconciliation_results r
                     WHERE r.workspace_id = j.workspace_id AND r.job_id = j.id AND r.kind <> 'interrupted') AS result_id
              FROM jobs j
              JOIN builds b ON b.id = j.build_id
              JOIN workspaces w ON w.id = j.workspace_id
             WHERE j.id = :check AND b.reason IN ('drift_check', 'refresh') AND {visible}""".replace("{visible}", VISIBLE), "check", "organization", "owner");

    Uni<Optional<CheckView>> check(UUID check, Visibility scope) {
        return CHECK.on(
                        pool,
                        check,
                        scope.organization().orElse(null),
                        scope.owner().orElse(null))
                .map(rows -> Rows.first(rows, DriftReads::check));
    }

    private static CheckView check(Row row) {
        return new CheckView(
                row.getUUID("id"),
                row.getUUID("workspace_id"),
                row.getString("reason"),
                row.getString("status"),
                new DriftViews.Times(
                        Rows.instant(row, "created_at"),
                        Rows.instantOrNull(row, "started_at"),
                        Rows.instantOrNull(row, "completed_at")),
                row.getString("error_code"),
                row.getString("error"),
                row.getUUID("result_id"));
    }

    private static final String RESULTS = """
            SELECT r.id, r.workspace_id, r.preset_id, r.job_id, r.changeset_id, r.kind, r.scope, r.state_version, r.has_drift,
                   r.drifted, r.claimed, r.reason, r.recommended, r.action, r.action_at, r.created_at,
                   (SELECT jsonb_agg(jsonb_build_object('address', d.address, 'type', d.type, 'action', d.action,
                               'status', d.status, 'paths', to_jsonb(d.paths)) ORDER BY d.address)
                      FROM resource_drift d WHERE d.result_id = r.id) AS resources
              FROM reconciliation_results r
              JOIN workspaces w ON w.id = r.workspace_id
            """;

    private static Sql results(String which, String parameter) {
        return Sql.of(
                RESULTS + " WHERE " + which + " AND " + VISIBLE
                        + " AND (:after::uuid IS NULL OR r.id < :after) ORDER BY r.id DESC LIMIT :limit",
                parameter,
                "organization",
                "owner",
                "after",
                "limit");
    }

    private static final Sql OF_WORKSPACE = results("r.workspace_id = :workspace::uuid", "workspace");
    private static final Sql OF_CHANGESET = results("r.changeset_id = :changeset::uuid", "changeset");
    private static final Sql ONE = results("r.id = :result::uuid", "result");

    /** Newest first. */
    Uni<List<ResultView>> ofWorkspace(UUID workspace, Visibility scope, Optional<UUID> after, int limit) {
        return list(OF_WORKSPACE, workspace, scope, after, limit);
    }

    /** Newest first. */
    Uni<List<ResultView>> ofChangeset(UUID changeset, Visibility scope, Optional<UUID> after, int limit) {
        return list(OF_CHANGESET, changeset, scope, after, limit);
    }

    Uni<Optional<ResultView>> result(UUID result, Visibility scope) {
        return list(ONE, result, scope, Optional.empty(), 1)
                .map(found -> found.stream().findFirst());
    }

    private Uni<List<ResultView>> list(Sql statement, UUID of, Visibility scope, Optional<UUID> after, int limit) {
        return statement
                .on(pool, of, scope.organization().orElse(null), scope.owner().orElse(null), after.orElse(null), limit)
                .map(rows -> Rows.list(rows, DriftReads::result));
    }

    private static ResultView result(Row row) {
        return new ResultView(
                row.getUUID("id"),
                row.getString("kind"),
                new DriftViews.Compared(
                        row.getUUID("workspace_id"),
                        row.getUUID("preset_id"),
                        row.getUUID("job_id"),
                        row.getUUID("changeset_id"),
                        row.getString("scope"),
                        row.getLong("state_version"),
                        Boolean.TRUE.equals(row.getBoolean("claimed"))),
                row.getBoolean("has_drift"),
                row.getString("reason"),
                new DriftViews.Advice(
                        row.getString("recommended"), row.getString("action"), Rows.instantOrNull(row, "action_at")),
                Rows.instant(row, "created_at"),
                resources(row.getJsonArray("resources")));
    }

    private static List<DriftViews.ResourceView> resources(@Nullable JsonArray array) {
        List<DriftViews.ResourceView> resources = new ArrayList<>();
        for (int index = 0; array != null && index < array.size(); index++) {
            JsonObject one = array.getJsonObject(index);
            resources.add(new DriftViews.ResourceView(
                    one.getString("address"),
                    one.getString("type"),
                    one.getString("action"),
                    one.getString("status"),
                    texts(one.getJsonArray("paths"))));
        }
        return resources;
    }

    static List<Findings.Change> changes(@Nullable JsonArray array) {
        List<Findings.Change> changes = new ArrayList<>();
        for (int index = 0; array != null && index < array.size(); index++) {
            JsonObject one = array.getJsonObject(index);
            changes.add(new Findings.Change(
                    one.getString("address"),
                    one.getString("type"),
                    one.getString("action"),
                    texts(one.getJsonArray("paths"))));
        }
        return changes;
    }

    private static List<String> texts(JsonArray array) {
        return array.stream().map(String::valueOf).toList();
    }
}
