package dev.larder.lifecycle;

import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.Assignment;
import dev.larder.model.Findings;
import dev.larder.model.Ids;
import dev.larder.model.Lease;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.SqlClient;
import java.time.Instant;
import java.util.List;

/**
 * Keeps what a check has found, in the transaction that ends its job, and what follows from it for the workspace
 * (decision 0038). A prebuild that has drifted is not handed out any more, unless its preset ignores drift: its state
 * is unreliable then, reason {@code drifted}, or {@code resources_missing} where a resource was deleted.
 */
final class FindingsStore {

    private final Ids ids;
    private final Encryption encryption;

    FindingsStore(Ids ids, Encryption encryption) {
        this.ids = ids;
        this.encryption = encryption;
    }

    // What was compared, and what was found. A refresh cannot bring back a resource that is gone.
    private static final String JUDGED = """
            WITH found AS (
                SELECT * FROM jsonb_to_recordset(:drift::jsonb) AS f (address text, type text, action text, paths jsonb)),
            judged AS (
                SELECT w.id AS workspace_id, w.organization_id, w.preset_id, w.prebuild, w.name, b.reason, j.mutation_id, s.id AS state_id,
                       s.current_version, c.id AS changeset_id, f.drifted, f.missing,
                       CASE WHEN b.reason = 'refresh' THEN 'state_refresh' ELSE 'drift' END AS kind,
                       CASE WHEN f.missing > 0 THEN CASE WHEN w.prebuild THEN 'replace' ELSE 'manual' END
                            WHEN f.drifted = 0 OR b.reason = 'refresh' THEN 'none' ELSE 'refresh' END AS recommended,
                       CASE WHEN NOT w.prebuild OR f.drifted = 0 OR (b.reason = 'refresh' AND f.missing = 0) THEN NULL
                            WHEN p.on_drift = 'refresh' AND f.missing > 0 THEN 'replace' ELSE p.on_drift END AS action
                  FROM jobs j
                  JOIN builds b ON b.id = j.build_id
                  JOIN workspaces w ON w.id = j.workspace_id
                  JOIN states s ON s.workspace_id = w.id
                  LEFT JOIN presets p ON p.id = w.preset_id
                  LEFT JOIN changesets c ON c.job_id = j.id
                 CROSS JOIN (SELECT count(*)::integer AS drifted, count(*) FILTER (WHERE action = 'delete') AS missing FROM found) f
                 WHERE j.id = :job::uuid),
            """;

    // A plan that found no drift is no result.
    private static final String KEPT = """
            result AS (
                INSERT INTO reconciliation_results (id, organization_id, workspace_id, preset_id, job_id, mutation_id, changeset_id,
                                                    kind, scope, state_version, has_drift, drifted, claimed, recommended, created_at, action, action_at)
                SELECT :id::uuid, g.organization_id, g.workspace_id, g.preset_id, :job::uuid, g.mutation_id, g.changeset_id,
                       g.kind, 'all', g.current_version, g.drifted > 0, g.drifted, NOT g.prebuild, g.recommended, :at::timestamptz,
                       g.action, CASE WHEN g.action IS NOT NULL THEN :at::timestamptz END
                  FROM judged g WHERE g.reason <> 'changeset' OR g.drifted > 0
                    ON CONFLICT (mutation_id, kind) DO NOTHING
                RETURNING id, kind),
            resources AS (
                INSERT INTO resource_drift (result_id, address, type, action, status, paths)
                SELECT r.id, f.address, f.type, f.action,
                       CASE WHEN r.kind = 'state_refresh' THEN 'accepted' WHEN f.action = 'delete' THEN 'missing' ELSE 'changed' END,
                       ARRAY(SELECT jsonb_array_elements_text(f.paths))
                  FROM result r, found f
                    ON CONFLICT DO NOTHING),
            staged AS (
                UPDATE changesets c
                   SET staged_at = :at::timestamptz, has_drift = g.drifted > 0, drift = :drift::jsonb, changes = :changes::jsonb,
                       plan_sealed = :plan::bytea
                  FROM judged g WHERE c.id = g.changeset_id AND c.staged_at IS NULL),
            """;

    private static final String DISTRUSTED = """
            distrusted AS (
                UPDATE states s
                   SET status = 'unreliable', status_since = :at::timestamptz,
                       status_reason = CASE WHEN g.missing > 0 THEN 'resources_missing' ELSE 'drifted' END
                  FROM judged g
                 WHERE s.id = g.state_id AND s.status = 'reliable' AND g.action IN ('replace', 'refresh')
                RETURNING s.workspace_id, s.status, s.status_reason, s.status_since),
            mirrored AS ({mirror}),
            dirty AS ({dirty})
            """.replace("{mirror}", StateMirror.of("distrusted"))
            .replace("{dirty}", DirtyPresets.mark("mirrored WHERE prebuild"));

    private static final Sql SAVE = Sql.of(
            JUDGED
                    + KEPT
                    + DISTRUSTED
                    // The same drift of the same workspace is told once, however often it is found.
                    + AdminNotification.of(
                            "drift_detected", "workspace_id || ':' || md5(:drift::jsonb::text)", """
                    jsonb_build_object('workspace_id', workspace_id, 'workspace', name, 'result_id', result, 'recommended', recommended,
                                       'resources', resources)""", """
                    (SELECT :told::uuid AS id, g.organization_id, g.workspace_id, g.name, r.id AS result, g.recommended,
                            (SELECT jsonb_agg(f.address ORDER BY f.address) FROM (SELECT address FROM found ORDER BY address LIMIT 100) f)
                              AS resources
                       FROM judged g, result r
                      WHERE NOT g.prebuild AND g.drifted > 0 AND g.kind = 'drift') told"""),
            "job",
            "id",
            "told",
            "at",
            "drift",
            "changes",
            "plan");

    private static final Sql APPLIED = Sql.of(
            "UPDATE changesets SET applied_at = :at::timestamptz WHERE apply_job_id = :job AND applied_at IS NULL",
            "at",
            "job");

    /** Keeps what the check says. Its job has ended in this transaction, and succeeded. */
    Uni<Void> keep(SqlClient client, Lease lease, Findings findings, Instant at) {
        return lease.reason().equals(Assignment.APPLY)
                ? APPLIED.on(client, Rows.utc(at), lease.jobId()).replaceWithVoid()
                : save(client, lease, findings, at);
    }

    /** Saves it once: the same job again changes nothing. */
    Uni<Void> save(SqlClient client, Lease lease, Findings findings, Instant at) {
        return SAVE.on(
                        client,
                        lease.jobId(),
                        ids.next(),
                        ids.next(),
                        Rows.utc(at),
                        json(findings.drift()),
                        json(findings.changes()),
                        findings.plan().map(plan -> sealed(lease, plan)).orElse(null))
                .replaceWithVoid();
    }

    private Buffer sealed(Lease lease, String plan) {
        return Buffer.buffer(encryption.encrypt(lease.workspaceId(), plan));
    }

    private static JsonArray json(List<Findings.Change> changes) {
        JsonArray array = new JsonArray();
        changes.forEach(change -> array.add(new JsonObject()
                .put("address", Rows.storable(change.address()))
                .put("type", Rows.storable(change.type()))
                .put("action", Rows.storable(change.action()))
                .put(
                        "paths",
                        new JsonArray(
                                change.paths().stream().map(Rows::storable).toList()))));
        return array;
    }
}
