package dev.larder.reconcile;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AdminNotification;
import dev.larder.lifecycle.DirtyPresets;
import dev.larder.lifecycle.EndBuild;
import dev.larder.lifecycle.Handicap;
import dev.larder.lifecycle.Rules;
import dev.larder.lifecycle.StartBuild;
import dev.larder.model.Ids;
import dev.larder.model.PresetStatus;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Carries out the reconciler's plans for a preset's stock. Each method is one set-based statement that checks
 * again what the plan was decided on, so an outdated plan changes nothing. Jobs are locked before workspaces,
 * as everywhere.
 */
@ApplicationScoped
public class PoolStore {

    private final Pool pool;
    private final Ids ids;

    public PoolStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    // The template is locked against a promotion in the same moment, and the attempt number against another cycle.
    private static final String CREATABLE =
            """
            WITH template AS (
                SELECT t.id FROM presets p JOIN templates t ON t.id = p.template_id AND {built}
                 WHERE p.id = :preset::uuid
                   FOR SHARE OF t),
            preset AS (
                UPDATE presets p SET attempts = attempts + 1
                  FROM template t, template_versions v
                 WHERE p.id = :preset::uuid AND p.attempts = :attempts::integer AND p.instances IS NOT NULL
                   AND p.status = 'healthy' AND t.id = p.template_id AND v.id = p.version_id
                RETURNING p.*, v.start_timeout_seconds AS timeout, {version}),
            attempt AS (
                INSERT INTO attempts (preset_id, number, size, created_at)
                SELECT id, attempts, cardinality(:workspaces::uuid[]), :at::timestamptz FROM preset),
            """.replace("{built}", Rules.stocked("p", "t")).replace("{version}", StartBuild.VERSION);

    private static final Sql CREATE = Sql.of(
            CREATABLE + """
            item AS (
                SELECT i.workspace, i.build, i.job, i.name, 1 AS number, 'start' AS transition, s.id AS initiator,
                       'prebuild' AS reason, p.attempts AS attempt, p.organization_id, p.template_id, p.version_id,
                       p.id AS preset_id, true AS prebuild, false AS claim_step, NULL::jsonb AS parameters,
                       NULL::jsonb AS late_parameters,
                       NULL::uuid AS place_id,
                       :at::timestamptz + make_interval(secs => p.ttl_seconds
                           * (1 - random() * nullif(p.expiry_jitter_percent, 0) / 100)) AS stock_until,
                       :queue_at::timestamptz AS queue_at, p.timeout, p.backend, p.tagset_id
                  FROM preset p,
                       unnest(:workspaces::uuid[], :builds::uuid[], :jobs::uuid[], :names::text[])
                         i (workspace, build, job, name),
                       users s
                 WHERE s.role = 'system'),
            """ + StartBuild.NEW_WORKSPACES + ",\n" + StartBuild.BUILDS + "\n" + StartBuild.JOBS,
            "preset",
            "attempts",
            "at",
            "workspaces",
            "builds",
            "jobs",
            "names",
            "queue_at");

    /**
     * Creates prebuilds with their builds and jobs, or none at all: where the version is neither active nor served, the
     * preset no longer healthy, or another cycle has created since.
     *
     * @param attempts the preset's attempt number the plan was decided on
     * @return how many were created: {@code count} or 0
     */
    public Uni<Integer> create(UUID preset, int attempts, int count, Instant at) {
        UUID[] workspaces = newIds(count);
        String[] names =
                Stream.generate(() -> "prebuild-" + ids.suffix()).limit(count).toArray(String[]::new);
        return CREATE.on(
                        pool,
                        preset,
                        attempts,
                        Rows.utc(at),
                        workspaces,
                        newIds(count),
                        newIds(count),
                        names,
                        Rows.utc(at.plus(Handicap.START)))
                .map(RowSet::rowCount);
    }

    private UUID[] newIds(int count) {
        return Stream.generate(ids::next).limit(count).toArray(UUID[]::new);
    }

    // A claim that comes first wins: the row is no longer a prebuild, or it is locked and left for the next cycle.
    private static final Sql DELETE = Sql.of(
            """
            WITH doomed AS (
                SELECT w.id, w.organization_id, w.version_id, w.preset_id, w.build_number + 1 AS number
                  FROM workspaces w
                 WHERE w.id = ANY (:workspaces) AND w.prebuild AND w.deleted_at IS NULL
                   AND w.transition = 'start' AND w.build_status = 'succeeded'
                 ORDER BY w.id
                   FOR UPDATE SKIP LOCKED),
            item AS (
                SELECT d.id AS workspace, i.build, i.job, d.number, 'delete' AS transition, s.id AS initiator,
                       :reason::text AS reason, NULL::integer AS attempt, d.organization_id, d.version_id,
                       d.preset_id, true AS prebuild, :queue_at::timestamptz AS queue_at,
                       v.start_timeout_seconds AS timeout, %s
                  FROM doomed d
                  JOIN unnest(:workspaces::uuid[], :builds::uuid[], :jobs::uuid[]) i (workspace, build, job)
                    ON i.workspace = d.id
                  JOIN template_versions v ON v.id = d.version_id
                  JOIN users s ON s.role = 'system'),
            """.formatted(StartBuild.VERSION)
                    + StartBuild.BUILDS + ",\n"
                    + StartBuild.next("deletion_wanted_at = :at::timestamptz") + "\n"
                    + StartBuild.JOBS,
            "workspaces",
            "builds",
            "jobs",
            "reason",
            "at",
            "queue_at");

    /**
     * Starts the deletion of those workspaces that are still running prebuilds; one that is being claimed is
     * left alone.
     *
     * <p>Should the build fail, the janitor tries again (decision 0009).
     *
     * @param reason why, as the build will say: {@code expired}
     * @return how many
     */
    public Uni<Integer> delete(List<UUID> workspaces, String reason, Instant at) {
        UUID[] doomed = workspaces.toArray(UUID[]::new);
        return DELETE.on(
                        pool,
                        doomed,
                        newIds(doomed.length),
                        newIds(doomed.length),
                        reason,
                        Rows.utc(at),
                        Rows.utc(at.plus(Handicap.DELETE)))
                .map(RowSet::rowCount);
    }

    private static final Sql DROP_NEVER_STARTED =
            Sql.of("""
            WITH waiting AS (
                SELECT j.id
                  FROM workspaces w JOIN jobs j ON j.build_id = w.build_id
                 WHERE w.id = ANY (:workspaces) AND w.prebuild AND w.deleted_at IS NULL
                   AND w.transition = 'start' AND w.build_number = 1
                   AND j.started_at IS NULL AND j.completed_at IS NULL
                   FOR UPDATE OF j SKIP LOCKED),
            """ + EndBuild.cancel("waiting", "w.prebuild") + "\nSELECT FROM dropped", "workspaces", "at");

    /**
     * Cancels the first starts of prebuilds that no worker has leased, and deletes their workspaces ({@link
     * EndBuild#cancel}).
     *
     * @return how many
     */
    public Uni<Integer> dropNeverStarted(List<UUID> workspaces, Instant at) {
        return DROP_NEVER_STARTED
                .on(pool, workspaces.toArray(UUID[]::new), Rows.utc(at))
                .map(RowSet::rowCount);
    }

    private static final Sql MARK = Sql.of("""
            UPDATE presets SET status = :status::text, status_reason = :reason::text
             WHERE id = :preset
               AND (status, status_reason) IS DISTINCT FROM (:status::text, :reason::text)""", "preset", "status", "reason");

    /** @param reason null for a healthy one */
    public Uni<Boolean> mark(UUID preset, PresetStatus status, @Nullable String reason) {
        return MARK.on(pool, preset, status.word(), reason).map(rows -> rows.rowCount() == 1);
    }

    private static final Sql LIMIT_HARD = Sql.of(
            """
            WITH marked AS (
                UPDATE presets SET status = 'hard_limited', status_reason = :reason::text
                 WHERE id = :preset AND status = 'healthy'
                RETURNING id, organization_id, template_id, name, attempts)
            """ + AdminNotification.of("preset_hard_limited", "preset_id || ':' || attempts", """
                    jsonb_build_object('preset_id', preset_id, 'preset', preset, 'template_id', template_id,
                                       'template', template, 'reason', :reason::text)""", """
                    (SELECT :id::uuid AS id, m.organization_id, m.id AS preset_id, m.name AS preset, m.attempts,
                            m.template_id, t.name AS template
                       FROM marked m JOIN templates t ON t.id = m.template_id) told"""),
            "preset",
            "reason",
            "id",
            "at");

    /**
     * Stops the creation for a preset whose newest attempts all failed, and tells the template admins of it, once for
     * the same run of failures (design, section 2.3.4).
     */
    public Uni<Void> limitHard(UUID preset, String reason, Instant at) {
        return LIMIT_HARD.on(pool, preset, reason, ids.next(), Rows.utc(at)).replaceWithVoid();
    }

    static final Sql DIRTY = Sql.of("SELECT seq, preset_id FROM dirty_presets ORDER BY seq LIMIT :most", "most");

    /** Presets marked since, oldest mark first; read them under the lock, and {@link #clean} them when done. */
    public Uni<List<DirtyMark>> dirty(int limit) {
        return DIRTY.on(pool, limit).map(rows -> Rows.list(rows, PoolStore::mark));
    }

    private static DirtyMark mark(Row row) {
        return new DirtyMark(row.getLong("seq"), row.getUUID("preset_id"));
    }

    /** One mark; a preset may have several. */
    public record DirtyMark(long seq, UUID preset) {}

    private static final Sql CLEAN = Sql.of("DELETE FROM dirty_presets WHERE seq = ANY (:marks)", "marks");

    /** Removes these marks only. A mark with a lower number that commits later is kept. */
    public Uni<Void> clean(List<DirtyMark> marks) {
        if (marks.isEmpty()) {
            return Uni.createFrom().voidItem();
        }
        Long[] seqs = marks.stream().map(DirtyMark::seq).toArray(Long[]::new);
        return CLEAN.on(pool, (Object) seqs).replaceWithVoid();
    }

    private static final Sql ANY_DIRTY = Sql.of("SELECT EXISTS (SELECT FROM dirty_presets) AS dirty");

    public Uni<Boolean> anyDirty() {
        return ANY_DIRTY.on(pool).map(rows -> rows.iterator().next().getBoolean("dirty"));
    }

    private static final Sql MARK_DIRTY = Sql.of(DirtyPresets.mark("unnest(:presets::uuid[]) preset_id"), "presets");

    /** Marks these presets for the next cycle. */
    public Uni<Void> markDirty(List<UUID> presets) {
        return MARK_DIRTY.on(pool, (Object) presets.toArray(UUID[]::new)).replaceWithVoid();
    }
}
