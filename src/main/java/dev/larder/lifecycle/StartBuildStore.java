package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.RowSet;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Starts the further builds of workspaces: those that verify, prepare, reset or delete them. */
@ApplicationScoped
public class StartBuildStore {

    /** The bound in the statements that start builds. */
    private static final int AT_ONCE = 100;

    private final Pool pool;
    private final Ids ids;

    public StartBuildStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    private static final String RETURNED = """
            w.deletion_wanted_at IS NOT NULL AND w.deleted_at IS NULL AND w.dirty AND NOT w.prebuild
                           AND w.missing_since IS NULL AND w.transition = 'start' AND w.build_status = 'succeeded'""";

    /** The first start of a prebuild {@code n}, which no worker has begun; {@code j} is its job. */
    private static final String NEVER_BEGUN = """
            n.prebuild AND n.deleted_at IS NULL AND n.transition = 'start' AND n.build_status = 'pending'
                          AND n.build_number = 1 AND j.started_at IS NULL AND j.completed_at IS NULL AND j.attempt = 0""";

    // The returned workspace is skipped where it is locked, so that locking it before the job blocks no other
    // statement. One that would be replaced at once, or soon, is not reset.
    private static final String EXCHANGE = """
            WITH exchange AS (
                SELECT first.job_id, first.queue_at, w.id AS workspace_id
                  FROM (SELECT w.id, w.preset_id
                          FROM workspaces w
                          JOIN presets p ON p.id = w.preset_id
                          JOIN templates t ON t.id = p.template_id
                         WHERE {returned} AND w.parameters IS NULL AND {trusted} AND w.uses < p.max_uses
                           AND {served} AND {fresh} AND NOT {soon_replaced}
                           AND EXISTS (SELECT FROM workspaces n JOIN jobs j ON j.build_id = n.build_id
                                        WHERE n.preset_id = p.id AND {never_begun})
                         ORDER BY w.deletion_wanted_at LIMIT 1
                           FOR UPDATE OF w SKIP LOCKED) w
                  CROSS JOIN LATERAL (
                       SELECT j.id AS job_id, j.queue_at
                         FROM workspaces n JOIN jobs j ON j.build_id = n.build_id
                        WHERE n.preset_id = w.preset_id AND {never_begun}
                        ORDER BY j.queue_at DESC, j.id DESC LIMIT 1
                          FOR UPDATE OF j SKIP LOCKED) first),
            returned AS (
                SELECT w.*, e.job_id, e.queue_at
                  FROM exchange e JOIN workspaces w ON w.id = e.workspace_id
                 WHERE {returned}
                   FOR UPDATE OF w SKIP LOCKED),
            """.replace("{returned}", RETURNED)
            .replace("{never_begun}", NEVER_BEGUN)
            .replace("{served}", Rules.served("p", "t"))
            .replace("{fresh}", Rules.fresh("w", Rules.freshFrom("p")))
            .replace("{soon_replaced}", SoonReplaced.CONDITION)
            .replace("{trusted}", Rules.TRUSTED);

    // The reset takes the place of the prebuild's job in the queue.
    private static final Sql RECYCLE = Sql.of(
            EXCHANGE
                    + EndBuild.cancel("(SELECT job_id AS id FROM returned)", "w.prebuild")
                    + """
            ,
            item AS (
                SELECT r.id AS workspace, :build::uuid AS build, :job::uuid AS job, r.build_number + 1 AS number,
                       'start' AS transition, %s AS initiator, 'recycle' AS reason, NULL::integer AS attempt,
                       r.organization_id, r.version_id, r.preset_id, true AS prebuild, r.queue_at,
                       v.start_timeout_seconds AS timeout, %s
                  FROM returned r JOIN template_versions v ON v.id = r.version_id),
            """.formatted(Ownership.SYSTEM, StartBuild.VERSION)
                    + StartBuild.BUILDS + ",\n"
                    + StartBuild.next(Ownership.TO_STOCK + ", deletion_wanted_at = NULL")
                    + "\n" + StartBuild.JOBS,
            "at",
            "build",
            "job");

    /**
     * Resets workspaces that were given back, so that other clients can claim them (design, section 3.6). Each
     * replaces a prebuild that no worker has begun, so the stock does not grow. At most 100 at a time.
     *
     * @return how many resets were started
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
        return RECYCLE.on(pool, Rows.utc(at), ids.next(), ids.next()).map(rows -> rows.rowCount() == 1);
    }

    // A workspace that was given back while its first build waits: the build is canceled.
    private static final String CANCEL_WAITING =
            """
            WITH waiting AS (
                SELECT j.id
                  FROM workspaces w JOIN jobs j ON j.build_id = w.build_id
                 WHERE w.deletion_wanted_at IS NOT NULL AND w.deleted_at IS NULL
                   AND w.transition = 'start' AND w.build_number = 1 AND w.build_status = 'pending'
                   AND j.started_at IS NULL AND j.completed_at IS NULL AND {trusted}
                 ORDER BY w.deletion_wanted_at LIMIT 100
                   FOR UPDATE OF j SKIP LOCKED),
            """.replace("{trusted}", Rules.TRUSTED) + EndBuild.cancel("waiting", "true");

    // Of a workspace whose first build no worker had begun nothing was made: it is deleted without a build. A deletion
    // that failed is retried at growing intervals. A prebuild whose reset failed still holds what its last client left
    // in it, so it is deleted and not kept as evidence.
    private static final String TO_DELETE =
            """
            ,
            wanted AS (
                SELECT w.*, w.build_number + 1 AS number,
                       w.transition = 'start' AND w.build_number = 1 AND w.build_status = 'canceled'
                       AND w.quarantined_at IS NULL AND {untouched}
                       AND (SELECT j.attempt FROM jobs j WHERE j.build_id = w.build_id) = 0 AS never_begun
                  FROM workspaces w
                 WHERE w.deleted_at IS NULL AND {which} AND {trusted}
                   AND (w.deletion_wanted_at IS NOT NULL
                        OR (w.prebuild AND w.dirty AND w.quarantined_at IS NULL AND w.build_status <> 'succeeded'))
                   AND w.build_status IN ('succeeded', 'canceled', 'failed')
                   AND (w.transition <> 'delete'
                        OR w.build_finished_at + least(w.build_number, 60) * interval '1 minute' < :at::timestamptz)
                 ORDER BY w.deletion_wanted_at LIMIT 100
                   FOR UPDATE SKIP LOCKED),
            nothing AS (
                UPDATE workspaces w SET deleted_at = :at::timestamptz
                 WHERE w.id = ANY (ARRAY(SELECT id FROM wanted WHERE never_begun))
                RETURNING w.id, w.preset_id, w.prebuild),
            ended AS (
                UPDATE claims c SET ended_at = :at::timestamptz, ended_reason = 'deleted'
                 WHERE c.ended_at IS NULL
                   AND c.workspace_id = ANY (ARRAY(SELECT id FROM dropped WHERE deleted_at IS NOT NULL
                                                    UNION ALL SELECT id FROM nothing))),
            """.replace("{trusted}", Rules.TRUSTED).replace("{untouched}", StateMirror.UNTOUCHED);

    private static final String DELETIONS =
            """
            item AS (
                SELECT w.id AS workspace, i.build, i.job, w.number, 'delete' AS transition, w.owner_id AS initiator,
                       CASE WHEN w.prebuild THEN 'removed' ELSE 'released' END AS reason, NULL::integer AS attempt,
                       w.organization_id, w.version_id, w.preset_id, w.prebuild, :at::timestamptz AS queue_at,
                       v.start_timeout_seconds AS timeout, %s
                  FROM %s),
            """.formatted(StartBuild.VERSION, StartBuild.numbered("wanted WHERE NOT never_begun"));

    private static final String CHANGED = """
            (SELECT preset_id, prebuild FROM item
                   UNION ALL SELECT preset_id, prebuild FROM dropped
                   UNION ALL SELECT preset_id, prebuild FROM nothing) changed WHERE prebuild""";

    private static Sql deletions(String which) {
        return Sql.of(
                CANCEL_WAITING
                        + TO_DELETE.replace("{which}", which)
                        + DELETIONS
                        + StartBuild.BUILDS + ",\n"
                        + StartBuild.next("deletion_wanted_at = coalesce(w.deletion_wanted_at, :at::timestamptz)")
                        + ",\n"
                        + "dirty AS (" + DirtyPresets.mark(CHANGED) + ")\n"
                        + StartBuild.JOBS,
                "builds",
                "jobs",
                "at");
    }

    private static final Sql DELETE_WANTED = deletions("true");

    private static final Sql DELETE_USED_UP = deletions("(w.prebuild OR NOT w.dirty)");

    /**
     * Starts the deletion of workspaces that were given back and have no active build, those included that
     * could be reset: call {@link #recycle} first. A workspace whose first build no worker has begun is
     * deleted at once. At most 100 at a time.
     *
     * @return how many deletions were started
     */
    public Uni<Integer> deleteWanted(Instant at) {
        return start(DELETE_WANTED, at);
    }

    /** The same without the workspaces that could be reset for other clients. */
    public Uni<Integer> deleteUsedUp(Instant at) {
        return start(DELETE_USED_UP, at);
    }

    private Uni<Integer> start(Sql statement, Instant at) {
        return statement.on(pool, newIds(), newIds(), Rows.utc(at)).map(RowSet::rowCount);
    }

    private UUID[] newIds() {
        return Stream.generate(ids::next).limit(AT_ONCE).toArray(UUID[]::new);
    }

    private static final Sql WANT_DELETED = Sql.of("""
            UPDATE workspaces SET deletion_wanted_at = coalesce(deletion_wanted_at, :at::timestamptz), dirty = false
             WHERE id = :workspace AND (:version::integer IS NULL OR version = :version) AND deleted_at IS NULL
            RETURNING id""", "workspace", "at", "version");

    /**
     * Requests the deletion of a workspace of any owner: call {@link #deleteUsedUp} next. The caller has checked
     * that its client may do so.
     *
     * @param version that it must still have, where given
     */
    public Uni<Boolean> wantDeleted(UUID workspace, OptionalInt version, Instant at) {
        return WANT_DELETED
                .on(pool, workspace, Rows.utc(at), version.isPresent() ? version.getAsInt() : null)
                .map(rows -> rows.rowCount() == 1);
    }

    // Those on top of the workspace come with it, or none is deleted.
    private static final Sql WANT_TREE_DELETED = Sql.of("""
            WITH tree AS (
                SELECT w.id
                  FROM workspaces w JOIN unnest(:workspaces::uuid[], :versions::integer[]) t (id, version)
                       ON t.id = w.id AND t.version = w.version
                 WHERE w.deleted_at IS NULL
                 ORDER BY w.id
                   FOR NO KEY UPDATE OF w)
            UPDATE workspaces SET deletion_wanted_at = coalesce(deletion_wanted_at, :at::timestamptz), dirty = false
             WHERE id IN (SELECT id FROM tree) AND (SELECT count(*) FROM tree) = cardinality(:workspaces)
            RETURNING id""", "workspaces", "versions", "at");

    /**
     * As {@link #wantDeleted}, of several workspaces or of none.
     *
     * @param versions that they must have, in the same order
     * @return false where one has another version, or is gone
     */
    public Uni<Boolean> wantDeleted(List<UUID> workspaces, List<Integer> versions, Instant at) {
        return WANT_TREE_DELETED
                .on(pool, workspaces.toArray(UUID[]::new), versions.toArray(Integer[]::new), Rows.utc(at))
                .map(rows -> rows.rowCount() == workspaces.size());
    }

    // Failed and canceled prebuilds are kept as evidence as long as their template exists; it may have been deleted
    // while they were being built or verified.
    private static final Sql GIVE_UP_EVIDENCE = Sql.of("""
            UPDATE workspaces SET deletion_wanted_at = :at::timestamptz
             WHERE id IN (SELECT w.id
                            FROM workspaces w JOIN templates t ON t.id = w.template_id
                           WHERE w.prebuild AND w.deleted_at IS NULL AND w.deletion_wanted_at IS NULL
                             AND w.transition = 'start' AND w.build_status IN ('failed', 'canceled')
                             AND t.deleted_at IS NOT NULL AND w.quarantined_at IS NULL AND {trusted}
                           ORDER BY w.build_number, w.id LIMIT 100
                             FOR UPDATE OF w SKIP LOCKED)""".replace("{trusted}", Rules.TRUSTED), "at");

    /**
     * Marks the failed and canceled prebuilds of deleted templates for deletion: call {@link #deleteWanted}
     * next. At most 100 at a time.
     */
    public Uni<Integer> giveUpEvidence(Instant at) {
        return GIVE_UP_EVIDENCE.on(pool, Rows.utc(at)).map(RowSet::rowCount);
    }

    // It is kept a little, so that the failure delays the next creation.
    private static final Sql DESTROY_UNRELIABLE = Sql.of("""
            UPDATE workspaces SET deletion_wanted_at = :at::timestamptz
             WHERE id IN (SELECT w.id
                            FROM workspaces w
                           WHERE w.prebuild AND w.deleted_at IS NULL AND w.deletion_wanted_at IS NULL
                             AND w.transition = 'start' AND w.build_status IN ('failed', 'canceled')
                             AND w.build_finished_at < :at::timestamptz - interval '1 minute'
                             AND w.state_status IN ('unreliable', 'corrupt') AND w.quarantined_at IS NULL
                             AND EXISTS (SELECT FROM states s WHERE s.workspace_id = w.id) AND {trusted}
                           ORDER BY w.build_number, w.id LIMIT 100
                             FOR UPDATE OF w SKIP LOCKED)""".replace("{trusted}", Rules.TRUSTED), "at");

    /**
     * Marks failed prebuilds for deletion whose infrastructure is not known for sure, a minute after they failed:
     * they are no evidence, and may cost money. Call {@link #deleteWanted} next. At most 100 at a time.
     */
    public Uni<Integer> destroyUnreliable(Instant at) {
        return DESTROY_UNRELIABLE.on(pool, Rows.utc(at)).map(RowSet::rowCount);
    }

    // The claimer waits for it, so it has no handicap in the queue. A verification is done or has failed in 10 seconds.
    private static final Sql START_CLAIM_STEPS = Sql.of(
            """
            WITH wanted AS (
                SELECT w.*, w.build_number + 1 AS number
                  FROM workspaces w
                 WHERE w.claim_step_wanted_at IS NOT NULL AND w.deletion_wanted_at IS NULL AND w.deleted_at IS NULL
                   AND w.transition = 'start' AND w.build_status = 'succeeded'
                 ORDER BY w.claim_step_wanted_at LIMIT 100
                   FOR UPDATE SKIP LOCKED),
            item AS (
                SELECT w.id AS workspace, i.build, i.job, w.number, 'start' AS transition, w.owner_id AS initiator,
                       CASE WHEN w.verifying THEN 'verify' ELSE 'claim' END AS reason, NULL::integer AS attempt,
                       w.organization_id, w.version_id, w.preset_id, false AS prebuild, :at::timestamptz AS queue_at,
                       CASE WHEN w.verifying THEN least(v.start_timeout_seconds, 10)
                            ELSE v.start_timeout_seconds END AS timeout,
                       %s
                  FROM %s),
            """.formatted(StartBuild.VERSION, StartBuild.numbered("wanted"))
                    + StartBuild.BUILDS + ",\n"
                    + StartBuild.next("claim_step_wanted_at = NULL") + "\n"
                    + StartBuild.JOBS,
            "builds",
            "jobs",
            "at");

    /**
     * Starts the next build of claimed workspaces that are ready: the verification first, then the claim
     * build, where their version has them (design, sections 3.5 and 3.6). At most 100 at a time.
     *
     * @return how many builds were started
     */
    public Uni<Integer> beginClaimSteps(Instant at) {
        return start(START_CLAIM_STEPS, at);
    }

    // Number 1 is the first start: a later build of an unclaimed canary is its verification.
    private static final Sql VERIFY_CANARIES = Sql.of(
            """
            WITH wanted AS (
                SELECT w.*, w.build_number + 1 AS number
                  FROM presets p
                  JOIN rollouts r ON r.id = p.rollout_id AND r.state = 'canary' AND r.paused_at IS NULL
                  JOIN template_versions v ON v.id = p.version_id
                  JOIN workspaces w ON w.preset_id = p.id
                 WHERE p.rollout_id IS NOT NULL AND p.rollout_role = 'canary' AND p.canary_verify AND v.verify_step
                   AND {claimable} AND w.build_number = 1 AND w.quarantined_at IS NULL AND {trusted}
                 ORDER BY w.id LIMIT 100
                   FOR UPDATE OF w SKIP LOCKED),
            item AS (
                SELECT w.id AS workspace, i.build, i.job, w.number, 'start' AS transition, {system} AS initiator,
                       'verify' AS reason, NULL::integer AS attempt, w.organization_id, w.version_id, w.preset_id,
                       w.prebuild, :at::timestamptz AS queue_at, v.start_timeout_seconds AS timeout, {version}
                  FROM {numbered}),
            """.replace("{claimable}", Rules.claimable("w"))
                            .replace("{trusted}", Rules.TRUSTED)
                            .replace("{system}", Ownership.SYSTEM)
                            .replace("{version}", StartBuild.VERSION)
                            .replace("{numbered}", StartBuild.numbered("wanted"))
                    + StartBuild.BUILDS + ",\n"
                    + StartBuild.next("claim_step_wanted_at = NULL") + "\n"
                    + StartBuild.JOBS,
            "builds",
            "jobs",
            "at");

    /**
     * Starts the verification of the canaries whose preset asks for it and whose version has one, once for each
     * (decision 0046). It may take as long as a start. At most 100 at a time.
     *
     * @return how many builds were started
     */
    public Uni<Integer> verifyCanaries(Instant at) {
        return start(VERIFY_CANARIES, at);
    }
}
