package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Begins the builds of workspaces that somebody has or had: what prepares them, resets them, deletes them. */
@ApplicationScoped
public class BuildStore {

    private final Pool pool;
    private final Ids ids;

    public BuildStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    // The returned workspace is skipped where it is locked, so that locking it before the job blocks nobody.
    private static final String RECYCLE = """
            WITH place AS (
                SELECT first.job_id, first.queue_at, w.id AS workspace_id
                  FROM (SELECT w.id, w.preset_id
                          FROM workspaces w JOIN presets p ON p.id = w.preset_id
                         WHERE w.deletion_wanted_at IS NOT NULL AND w.deleted_at IS NULL AND w.dirty AND NOT w.prebuild
                           AND w.missing_since IS NULL AND w.parameters IS NULL AND {trusted}
                           AND w.transition = 'start' AND w.build_status = 'succeeded' AND w.uses < p.max_uses
                           AND (p.last_invalidated_at IS NULL OR w.created_at >= p.last_invalidated_at)
                           AND (p.ttl_seconds IS NULL OR w.created_at >= $1::timestamptz - make_interval(secs => p.ttl_seconds))
                           AND EXISTS (SELECT FROM workspaces n JOIN jobs j ON j.build_id = n.build_id
                                        WHERE n.preset_id = p.id AND n.prebuild AND n.deleted_at IS NULL
                                          AND n.transition = 'start' AND n.build_status = 'pending' AND n.build_number = 1
                                          AND j.started_at IS NULL AND j.completed_at IS NULL AND j.attempt = 0)
                         ORDER BY w.deletion_wanted_at LIMIT 1
                           FOR UPDATE OF w SKIP LOCKED) w
                  CROSS JOIN LATERAL (
                       SELECT j.id AS job_id, j.queue_at
                         FROM workspaces n JOIN jobs j ON j.build_id = n.build_id
                        WHERE n.preset_id = w.preset_id AND n.prebuild AND n.deleted_at IS NULL
                          AND n.transition = 'start' AND n.build_status = 'pending' AND n.build_number = 1
                          AND j.started_at IS NULL AND j.completed_at IS NULL AND j.attempt = 0
                        ORDER BY j.queue_at DESC, j.id DESC LIMIT 1
                          FOR UPDATE OF j SKIP LOCKED) first),
            returned AS (
                SELECT w.*, w.build_number + 1 AS number, p.job_id, p.queue_at
                  FROM place p JOIN workspaces w ON w.id = p.workspace_id
                 WHERE w.deletion_wanted_at IS NOT NULL AND w.deleted_at IS NULL AND w.dirty AND NOT w.prebuild
                   AND w.missing_since IS NULL
                   AND w.transition = 'start' AND w.build_status = 'succeeded'
                   FOR UPDATE OF w SKIP LOCKED),
            withdrawn AS (
                UPDATE jobs j SET canceled_at = $1::timestamptz, completed_at = $1::timestamptz
                  FROM returned r WHERE j.id = r.job_id
                RETURNING j.workspace_id, j.build_id),
            dropped AS (
                UPDATE workspaces w
                   SET build_status = 'canceled', build_finished_at = $1::timestamptz, deleted_at = $1::timestamptz
                  FROM withdrawn d WHERE w.id = d.workspace_id AND w.build_id = d.build_id),
            build AS (
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id, created_at)
                SELECT $2::uuid, id, number, 'start', (SELECT id FROM users WHERE role = 'system'), 'recycle', version_id, preset_id,
                       $1::timestamptz
                  FROM returned),
            moved AS (
                UPDATE workspaces w
                   SET owner_id = (SELECT id FROM users WHERE role = 'system'), prebuild = true, version = w.version + 1,
                       claimed_at = NULL, claim_step_wanted_at = NULL, verifying = false, deletion_wanted_at = NULL,
                       build_id = $2::uuid, build_number = r.number, build_status = 'pending', build_finished_at = NULL,
                       ready_at = NULL
                  FROM returned r WHERE w.id = r.id)
            INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                              timeout_seconds, prebuild, preset_id)
            SELECT $3::uuid, $2::uuid, r.id, r.organization_id, v.backend, (SELECT s.id FROM tagsets s WHERE s.tags = v.tags),
                   r.queue_at, $1::timestamptz, v.start_timeout_seconds, true, r.preset_id
              FROM returned r JOIN template_versions v ON v.id = r.version_id""".replace("{trusted}", Rules.TRUSTED);

    /**
     * Lets workspaces that were given back take the places of prebuilds that no worker has begun, one for one, so that there
     * are never more than there were: each is reset and is ready for somebody else once that has succeeded (design, section 3.6).
     * At most 100 at a time.
     */
    public Uni<Integer> recycle(Instant at) {
        return Multi.createBy()
                .repeating()
                .uni(() -> recycleOne(at))
                .whilst(recycled -> recycled)
                .select()
                .first(AT_ONCE)
                .filter(recycled -> recycled)
                .collect()
                .with(Collectors.summingInt(recycled -> 1));
    }

    private Uni<Boolean> recycleOne(Instant at) {
        return pool.preparedQuery(RECYCLE)
                .execute(Tuple.of(Rows.utc(at), ids.next(), ids.next()))
                .map(rows -> rows.rowCount() == 1);
    }

    // An owner gave these back while a build was active, or their deletion failed: retried ever more slowly. One whose
    // reset failed is still what somebody left behind, so it is no evidence but goes.
    // What was given back while its first build waits needs none: the build is withdrawn. Where no worker had begun it,
    // nothing was made, and the workspace is deleted here and now; elsewhere the next call begins its deletion.
    private static final String BEGIN_DELETIONS = """
            WITH waiting AS (
                SELECT j.id
                  FROM workspaces w JOIN jobs j ON j.build_id = w.build_id
                 WHERE w.deletion_wanted_at IS NOT NULL AND w.deleted_at IS NULL
                   AND w.transition = 'start' AND w.build_number = 1 AND w.build_status = 'pending'
                   AND j.started_at IS NULL AND j.completed_at IS NULL AND {trusted}
                 ORDER BY w.deletion_wanted_at LIMIT 100
                   FOR UPDATE OF j SKIP LOCKED),
            withdrawn AS (
                UPDATE jobs j SET canceled_at = $3::timestamptz, completed_at = $3::timestamptz FROM waiting WHERE j.id = waiting.id
                RETURNING j.workspace_id, j.build_id, j.attempt),
            dropped AS (
                UPDATE workspaces w
                   SET build_status = 'canceled', build_finished_at = $3::timestamptz,
                       deleted_at = CASE WHEN d.attempt = 0 THEN $3::timestamptz END
                  FROM withdrawn d WHERE w.id = d.workspace_id AND w.build_id = d.build_id
                RETURNING w.id, w.preset_id, w.prebuild, w.deleted_at),
            wanted AS (
                SELECT w.*, w.build_number + 1 AS number,
                       w.transition = 'start' AND w.build_number = 1 AND w.build_status = 'canceled' AND w.quarantined_at IS NULL
                       AND (SELECT j.attempt FROM jobs j WHERE j.build_id = w.build_id) = 0 AS never_begun
                  FROM workspaces w
                 WHERE w.deleted_at IS NULL AND %s AND {trusted}
                   AND (w.deletion_wanted_at IS NOT NULL OR (w.prebuild AND w.dirty AND w.quarantined_at IS NULL AND w.build_status <> 'succeeded'))
                   AND w.build_status IN ('succeeded', 'canceled', 'failed')
                   AND (w.transition <> 'delete'
                        OR w.build_finished_at + least(w.build_number, 60) * interval '1 minute' < $3::timestamptz)
                 ORDER BY w.deletion_wanted_at LIMIT 100
                   FOR UPDATE SKIP LOCKED),
            item AS (
                SELECT w.*, i.build, i.job, v.backend, v.start_timeout_seconds AS timeout,
                       (SELECT s.id FROM tagsets s WHERE s.tags = v.tags) AS tagset_id
                  FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM wanted WHERE NOT never_begun) w
                  JOIN unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY i (build, job, n) ON i.n = w.n
                  JOIN template_versions v ON v.id = w.version_id),
            nothing AS (
                UPDATE workspaces w SET deleted_at = $3::timestamptz
                 WHERE w.id = ANY (ARRAY(SELECT id FROM wanted WHERE never_begun))
                RETURNING w.id, w.preset_id, w.prebuild),
            ended AS (
                UPDATE claims c SET ended_at = $3::timestamptz, ended_reason = 'deleted'
                 WHERE c.ended_at IS NULL
                   AND c.workspace_id = ANY (ARRAY(SELECT id FROM dropped WHERE deleted_at IS NOT NULL
                                                    UNION ALL SELECT id FROM nothing))),
            build AS (
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id,
                                    created_at)
                SELECT build, id, number, 'delete', owner_id, CASE WHEN prebuild THEN 'removed' ELSE 'released' END, version_id, preset_id, $3::timestamptz FROM item),
            workspace AS (
                UPDATE workspaces w
                   SET build_id = i.build, build_number = i.number, transition = 'delete', build_status = 'pending',
                       build_finished_at = NULL, ready_at = NULL, deletion_wanted_at = coalesce(w.deletion_wanted_at, $3::timestamptz)
                  FROM item i WHERE w.id = i.id),
            dirty AS (
                INSERT INTO dirty_presets (preset_id)
                SELECT preset_id FROM item WHERE prebuild
                 UNION SELECT preset_id FROM dropped WHERE prebuild
                 UNION SELECT preset_id FROM nothing WHERE prebuild)
            INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                              timeout_seconds, prebuild, preset_id, deletes)
            SELECT job, build, id, organization_id, backend, tagset_id, $3::timestamptz, $3::timestamptz, timeout, prebuild,
                   CASE WHEN prebuild THEN preset_id END, true
              FROM item""".replace("{trusted}", Rules.TRUSTED);

    // Failed and canceled prebuilds are evidence as long as their template exists; it may have been deleted while they
    // were being built or verified.
    private static final String GIVE_UP_EVIDENCE = """
            UPDATE workspaces SET deletion_wanted_at = $1::timestamptz
             WHERE id IN (SELECT w.id
                            FROM workspaces w JOIN templates t ON t.id = w.template_id
                           WHERE w.prebuild AND w.deleted_at IS NULL AND w.deletion_wanted_at IS NULL
                             AND w.transition = 'start' AND w.build_status IN ('failed', 'canceled')
                             AND t.deleted_at IS NOT NULL AND w.quarantined_at IS NULL AND {trusted}
                           ORDER BY w.build_number, w.id LIMIT 100
                             FOR UPDATE OF w SKIP LOCKED)""".replace("{trusted}", Rules.TRUSTED);

    /**
     * Failed and canceled prebuilds of deleted templates are to be deleted: call {@link #deleteWanted} next. At most 100 at
     * a time.
     */
    public Uni<Integer> giveUpEvidence(Instant at) {
        return pool.preparedQuery(GIVE_UP_EVIDENCE)
                .execute(Tuple.of(Rows.utc(at)))
                .map(RowSet::rowCount);
    }

    private static final String DELETE_WANTED = BEGIN_DELETIONS.formatted("true");

    private static final String DELETE_USED_UP = BEGIN_DELETIONS.formatted("(w.prebuild OR NOT w.dirty)");

    /** The bound in the statements that begin builds. */
    private static final int AT_ONCE = 100;

    /**
     * Starts the deletion of workspaces that were given back and have no active build, those too that somebody else might
     * have had: call {@link #recycle} first. One whose first build no worker has begun is deleted at once. At most 100 at a time.
     *
     * @return how many deletions were begun
     */
    public Uni<Integer> deleteWanted(Instant at) {
        return begin(DELETE_WANTED, at);
    }

    /** The same without those that somebody else may have once they are reset. */
    public Uni<Integer> deleteUsedUp(Instant at) {
        return begin(DELETE_USED_UP, at);
    }

    private Uni<Integer> begin(String statement, Instant at) {
        return pool.preparedQuery(statement)
                .execute(Tuple.of(newIds(), newIds(), Rows.utc(at)))
                .map(RowSet::rowCount);
    }

    private UUID[] newIds() {
        return Stream.generate(ids::next).limit(AT_ONCE).toArray(UUID[]::new);
    }

    // Whoever claimed waits for it, so that it has no handicap in the queue.
    private static final String BEGIN_CLAIM_STEPS = """
            WITH wanted AS (
                SELECT w.*, w.build_number + 1 AS number
                  FROM workspaces w
                 WHERE w.claim_step_wanted_at IS NOT NULL AND w.deletion_wanted_at IS NULL AND w.deleted_at IS NULL
                   AND w.transition = 'start' AND w.build_status = 'succeeded'
                 ORDER BY w.claim_step_wanted_at LIMIT 100
                   FOR UPDATE SKIP LOCKED),
            item AS (
                SELECT w.*, i.build, i.job, v.backend,
                       CASE WHEN w.verifying THEN least(v.start_timeout_seconds, 10) ELSE v.start_timeout_seconds END AS timeout,
                       (SELECT s.id FROM tagsets s WHERE s.tags = v.tags) AS tagset_id
                  FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM wanted) w
                  JOIN unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY i (build, job, n) ON i.n = w.n
                  JOIN template_versions v ON v.id = w.version_id),
            build AS (
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id,
                                    created_at)
                SELECT build, id, number, 'start', owner_id, CASE WHEN verifying THEN 'verify' ELSE 'claim' END, version_id, preset_id,
                       $3::timestamptz
                  FROM item),
            workspace AS (
                UPDATE workspaces w
                   SET build_id = i.build, build_number = i.number, build_status = 'pending', build_finished_at = NULL,
                       ready_at = NULL, claim_step_wanted_at = NULL
                  FROM item i WHERE w.id = i.id)
            INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                              timeout_seconds)
            SELECT job, build, id, organization_id, backend, tagset_id, $3::timestamptz, $3::timestamptz, timeout FROM item""";

    /**
     * Starts the next build of workspaces that were claimed, as soon as they are ready: the one that verifies them, then the
     * claim build, where their version has them (design, sections 3.5 and 3.6). At most 100 at a time.
     */
    public Uni<Integer> beginClaimSteps(Instant at) {
        return begin(BEGIN_CLAIM_STEPS, at);
    }
}
