package dev.larder.reconcile;

import dev.larder.database.Rows;
import dev.larder.lifecycle.Handicap;
import dev.larder.lifecycle.Places;
import dev.larder.model.Ids;
import dev.larder.model.PresetStatus;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the reconciler does to a pool. Each method is one set-based statement that checks again what the plan was decided
 * on, so that a plan made on yesterday's facts changes nothing. Where several tables are locked, jobs come before
 * workspaces, here as everywhere.
 */
@ApplicationScoped
public class PoolStore {

    private final Pool pool;
    private final Ids ids;
    private final Places places;

    public PoolStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
        this.places = new Places(pool, ids);
    }

    // The template is locked against a promotion in the same moment, and the attempt number against another cycle.
    private static final String CREATE = """
            WITH template AS (
                SELECT t.id FROM presets p JOIN templates t ON t.id = p.template_id AND t.active_version_id = p.version_id
                 WHERE p.id = $1::uuid AND t.deleted_at IS NULL AND t.deprecated_reason IS NULL
                   FOR SHARE OF t),
            preset AS (
                UPDATE presets p SET attempts = attempts + 1
                  FROM template t, template_versions v
                 WHERE p.id = $1::uuid AND p.attempts = $2::integer AND p.instances IS NOT NULL AND p.status = 'healthy'
                   AND t.id = p.template_id AND v.id = p.version_id
                RETURNING p.*, v.backend, v.start_timeout_seconds AS timeout,
                          (SELECT s.id FROM tagsets s WHERE s.tags = v.tags) AS tagset_id),
            attempt AS (
                INSERT INTO attempts (preset_id, number, size, created_at)
                SELECT id, attempts, cardinality($4::uuid[]), $3::timestamptz FROM preset),
            item AS (
                SELECT * FROM unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::text[]) i (workspace, build, job, name)),
            workspace AS (
                INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id, name,
                                        created_at, build_id, build_number, transition, build_status)
                SELECT i.workspace, p.organization_id, s.id, true, p.template_id, p.version_id, p.id, i.name,
                       $3::timestamptz, i.build, 1, 'start', 'pending'
                  FROM preset p, item i, users s WHERE s.role = 'system'),
            build AS (
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id,
                                    attempt, created_at)
                SELECT i.build, i.workspace, 1, 'start', s.id, 'prebuild', p.version_id, p.id, p.attempts, $3::timestamptz
                  FROM preset p, item i, users s WHERE s.role = 'system')
            INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                              timeout_seconds, prebuild, preset_id)
            SELECT i.job, i.build, i.workspace, p.organization_id, p.backend, p.tagset_id, $8::timestamptz, $3::timestamptz, p.timeout,
                   true, p.id
              FROM preset p, item i""";

    /**
     * Creates prebuilds with their builds and jobs, or none at all: where the version is no longer active, the preset no
     * longer healthy, or another cycle has created since.
     *
     * @param attempts the preset's attempt number the plan was decided on
     * @return how many were created: {@code count} or 0
     */
    public Uni<Integer> create(UUID preset, int attempts, int count, Instant at) {
        UUID[] workspaces = newIds(count);
        String[] names =
                Stream.generate(() -> "prebuild-" + ids.suffix()).limit(count).toArray(String[]::new);
        Tuple values = Tuple.tuple()
                .addValue(preset)
                .addValue(attempts)
                .addValue(Rows.utc(at))
                .addValue(workspaces)
                .addValue(newIds(count))
                .addValue(newIds(count))
                .addValue(names)
                .addValue(Rows.utc(at.plus(Handicap.START)));
        return pool.preparedQuery(CREATE).execute(values).map(RowSet::rowCount);
    }

    private UUID[] newIds(int count) {
        return Stream.generate(ids::next).limit(count).toArray(UUID[]::new);
    }

    // A claim that comes first wins: the row is no longer a prebuild, or it is locked and left for the next cycle.
    private static final String DELETE = """
            WITH doomed AS (
                SELECT w.id, w.organization_id, w.version_id, w.preset_id, w.build_number + 1 AS number
                  FROM workspaces w
                 WHERE w.id = ANY ($1) AND w.prebuild AND w.deleted_at IS NULL
                   AND w.transition = 'start' AND w.build_status = 'succeeded'
                 ORDER BY w.id
                   FOR UPDATE SKIP LOCKED),
            item AS (
                SELECT d.*, i.build, i.job, v.backend, v.start_timeout_seconds AS timeout,
                       (SELECT s.id FROM tagsets s WHERE s.tags = v.tags) AS tagset_id
                  FROM doomed d
                  JOIN unnest($1::uuid[], $2::uuid[], $3::uuid[]) i (workspace, build, job) ON i.workspace = d.id
                  JOIN template_versions v ON v.id = d.version_id),
            build AS (
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id,
                                    created_at)
                SELECT i.build, i.id, i.number, 'delete', s.id, $4::text, i.version_id, i.preset_id, $5::timestamptz
                  FROM item i, users s WHERE s.role = 'system'),
            workspace AS (
                UPDATE workspaces w
                   SET build_id = i.build, build_number = i.number, transition = 'delete', build_status = 'pending',
                       build_finished_at = NULL, ready_at = NULL, deletion_wanted_at = $5::timestamptz
                  FROM item i WHERE w.id = i.id)
            INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                              timeout_seconds, prebuild, preset_id, deletes)
            SELECT i.job, i.build, i.id, i.organization_id, i.backend, i.tagset_id, $6::timestamptz, $5::timestamptz, i.timeout,
                   true, i.preset_id, true
              FROM item i""";

    /**
     * Starts the deletion of those that are still running prebuilds of the system user and that nobody is claiming.
     *
     * <p>Should the build fail, the janitor tries again (decision 0009).
     *
     * @param reason why, as the build will say: {@code expired}
     * @return how many
     */
    public Uni<Integer> delete(List<UUID> workspaces, String reason, Instant at) {
        UUID[] doomed = workspaces.toArray(UUID[]::new);
        Tuple values = Tuple.of(
                doomed,
                newIds(doomed.length),
                newIds(doomed.length),
                reason,
                Rows.utc(at),
                Rows.utc(at.plus(Handicap.DELETE)));
        return pool.preparedQuery(DELETE).execute(values).map(RowSet::rowCount);
    }

    private static final String DROP_NEVER_STARTED = """
            WITH job AS (
                SELECT j.id
                  FROM workspaces w JOIN jobs j ON j.build_id = w.build_id
                 WHERE w.id = ANY ($1) AND w.prebuild AND w.deleted_at IS NULL
                   AND w.transition = 'start' AND w.build_number = 1
                   AND j.started_at IS NULL AND j.completed_at IS NULL
                   FOR UPDATE OF j SKIP LOCKED),
            canceled AS (
                UPDATE jobs j SET canceled_at = $2::timestamptz, completed_at = $2::timestamptz
                  FROM job WHERE j.id = job.id RETURNING j.workspace_id, j.build_id, j.attempt)
            UPDATE workspaces w
               SET build_status = 'canceled', build_finished_at = $2::timestamptz,
                   deleted_at = CASE WHEN c.attempt = 0 THEN $2::timestamptz END,
                   deletion_wanted_at = CASE WHEN c.attempt > 0 THEN $2::timestamptz ELSE w.deletion_wanted_at END
              FROM canceled c WHERE w.id = c.workspace_id AND w.build_id = c.build_id""";

    /**
     * Cancels first starts that no worker has and drops their workspaces: nothing was built yet. One that a worker had begun
     * and lost may exist in part: the janitor deletes it.
     */
    public Uni<Integer> dropNeverStarted(List<UUID> workspaces, Instant at) {
        return pool.preparedQuery(DROP_NEVER_STARTED)
                .execute(Tuple.of(workspaces.toArray(UUID[]::new), Rows.utc(at)))
                .map(RowSet::rowCount);
    }

    private static final String MARK = """
            UPDATE presets SET status = $2::text, status_reason = $3::text WHERE id = $1 AND (status, status_reason)
                   IS DISTINCT FROM ($2::text, $3::text)""";

    /** @param reason null for a healthy one */
    public Uni<Boolean> mark(UUID preset, PresetStatus status, @Nullable String reason) {
        return pool.preparedQuery(MARK)
                .execute(Tuple.of(preset, status.word(), reason))
                .map(rows -> rows.rowCount() == 1);
    }

    private static final String LIMIT_HARD = """
            WITH marked AS (
                UPDATE presets SET status = 'hard_limited', status_reason = $2::text
                 WHERE id = $1 AND status = 'healthy'
                RETURNING id, organization_id, template_id, name, attempts)
            INSERT INTO notifications (id, organization_id, audience, kind, occasion, detail, created_at)
            SELECT $3::uuid, m.organization_id, 'template_admin', 'preset_hard_limited',
                   'preset_hard_limited:' || m.id || ':' || m.attempts,
                   jsonb_build_object('preset_id', m.id, 'preset', m.name, 'template_id', m.template_id,
                                      'template', t.name, 'reason', $2::text),
                   $4::timestamptz
              FROM marked m JOIN templates t ON t.id = m.template_id
                ON CONFLICT (occasion) DO NOTHING""";

    /**
     * Stops the creation for a preset whose newest attempts all failed, and tells the template admins of it, once for
     * the same run of failures (design, section 2.3.4).
     */
    public Uni<Void> limitHard(UUID preset, String reason, Instant at) {
        return pool.preparedQuery(LIMIT_HARD)
                .execute(Tuple.of(preset, reason, ids.next(), Rows.utc(at)))
                .replaceWithVoid();
    }

    private static final String DIRTY = "SELECT seq, preset_id FROM dirty_presets ORDER BY seq LIMIT $1";

    /** Presets marked since, oldest mark first; read them under the lock, and {@link #clean} them when done. */
    public Uni<List<DirtyMark>> dirty(int limit) {
        return pool.preparedQuery(DIRTY).execute(Tuple.of(limit)).map(rows -> Rows.list(rows, PoolStore::mark));
    }

    private static DirtyMark mark(Row row) {
        return new DirtyMark(row.getLong("seq"), row.getUUID("preset_id"));
    }

    /** One mark; a preset may have several. */
    public record DirtyMark(long seq, UUID preset) {}

    private static final String CLEAN = "DELETE FROM dirty_presets WHERE seq = ANY ($1)";

    /** Removes just these marks: one that commits later with a lower number is not lost. */
    public Uni<Void> clean(List<DirtyMark> marks) {
        if (marks.isEmpty()) {
            return Uni.createFrom().voidItem();
        }
        Long[] seqs = marks.stream().map(DirtyMark::seq).toArray(Long[]::new);
        return pool.preparedQuery(CLEAN).execute(Tuple.of((Object) seqs)).replaceWithVoid();
    }

    private static final String ANY_DIRTY = "SELECT EXISTS (SELECT FROM dirty_presets) AS dirty";

    public Uni<Boolean> anyDirty() {
        return pool.query(ANY_DIRTY)
                .execute()
                .map(rows -> rows.iterator().next().getBoolean("dirty"));
    }

    private static final String MARK_DIRTY = "INSERT INTO dirty_presets (preset_id) SELECT unnest($1::uuid[])";

    /** Asks for a look at these presets at once. */
    public Uni<Void> markDirty(List<UUID> presets) {
        return pool.preparedQuery(MARK_DIRTY)
                .execute(Tuple.of((Object) presets.toArray(UUID[]::new)))
                .replaceWithVoid();
    }

    /** As {@link Places#tellHeld}; call it under the lock, so that one outage is told once. */
    public Uni<Void> tellHeld(Instant at) {
        return places.tellHeld(at);
    }

    /** As {@link Places#tellUnserved}; call it under the lock, so that each kind is told once. */
    public Uni<Void> tellUnserved(Instant at) {
        return places.tellUnserved(at);
    }
}
