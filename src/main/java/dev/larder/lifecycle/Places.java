package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.model.Builders;
import dev.larder.model.Ids;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobStatus;
import dev.larder.model.Lease;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Places whose trouble is no template's failure (decision 0025). A worker's place is held when one of its jobs fails for it;
 * the job goes back into the queue, for another worker or for later. A held worker gets one job of that backend at a time,
 * at growing intervals, until one of them shows that the place works.
 */
public final class Places {

    /** Between two probes: the first, and the longest. */
    static final Duration FIRST_PROBE = Duration.ofSeconds(5);

    static final Duration LONGEST_PROBE = Duration.ofMinutes(1);

    /** A job that fails so often where other jobs succeed fails for good, and the failure is its template's. */
    static final int FAILURES_MAX = 3;

    private static final Duration HEARD_WITHIN = Duration.ofMinutes(1);
    private static final Duration UNSERVED_FOR = Duration.ofMinutes(1);
    private static final Duration TOLD_FOR = Duration.ofMinutes(10);
    private static final int TOLD_MAX = 20;

    private final Pool pool;
    private final Ids ids;

    public Places(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    /** A value of {@link JobStore#take}: the backends of which the worker may be given jobs now. */
    public static String offered(String worker, String at) {
        return """
                CASE WHEN EXISTS (SELECT FROM held_places h WHERE h.worker_id = %1$s.id)
                     THEN ARRAY(SELECT o.backend FROM unnest(%1$s.backends) o (backend)
                                 WHERE NOT EXISTS (SELECT FROM held_places h
                                                    WHERE h.worker_id = %1$s.id AND h.backend = o.backend
                                                      AND NOT %2$s))
                     ELSE %1$s.backends END""".formatted(worker, probe(worker, at));
    }

    /** A condition: a probe is due, so that only one job is given now. */
    public static String probes(String worker, String at) {
        return "EXISTS (SELECT FROM held_places h WHERE h.worker_id = %s.id AND %s)"
                .formatted(worker, probe(worker, at));
    }

    /** A condition on the held place {@code h}: a probe is due, and none is under way. */
    private static String probe(String worker, String at) {
        return """
                (h.probe_at <= %2$s::timestamptz
                 AND NOT EXISTS (SELECT FROM jobs r
                                  WHERE r.worker_id = %1$s.id AND r.started_at >= h.probe_at AND r.completed_at IS NULL
                                    AND r.backend = h.backend))""".formatted(worker, at);
    }

    // Only a failed probe makes the interval longer: jobs that were leased before the place was held fail
    // too. Where any place of this backend is held already, the job is no evidence against itself: workers
    // may share the place. The place is the one that the worker has listed, or the only one that there is
    // of this backend. The job is queued behind the others of its kind, so that a job that breaks its place
    // is not the probe each time.
    private static final String PUT_BACK = """
            WITH job AS (
                SELECT j.id, j.worker_id, j.backend, j.started_at, k.organization_id,
                       EXISTS (SELECT FROM held_places h JOIN workers o ON o.id = h.worker_id
                                WHERE h.backend = j.backend AND o.organization_id IS NOT DISTINCT FROM k.organization_id) AS held
                  FROM jobs j
                  JOIN workers k ON k.id = j.worker_id
                 WHERE j.id = $1::uuid AND j.lease_token = $2::uuid AND j.canceled_at IS NULL
                   FOR NO KEY UPDATE OF j),
            back AS (
                UPDATE jobs j
                   SET started_at = NULL, deadline_at = NULL, worker_id = NULL, lease_token = NULL,
                       place_failures = place_failures + CASE WHEN b.held THEN 0 ELSE 1 END,
                       queue_at = greatest(j.queue_at, $3::timestamptz + make_interval(secs =>
                                           CASE WHEN NOT j.prebuild THEN 0 WHEN j.deletes THEN $6::integer ELSE $7::integer END))
                  FROM job b
                 WHERE j.id = b.id AND (b.held OR j.place_failures + 1 < $8::integer)
                RETURNING j.id, j.attempt, j.status, j.prebuild, j.created_at),
            kept AS (
                INSERT INTO held_places AS h (worker_id, backend, location, since, code, reason, probe_at)
                SELECT b.worker_id, b.backend,
                       coalesce((SELECT l.location FROM inventory_locations l
                                  WHERE l.worker_id = b.worker_id AND l.backend = b.backend
                                  ORDER BY l.heard_at DESC LIMIT 1),
                                (SELECT min(l.location) FROM inventory_locations l
                                  WHERE l.backend = b.backend AND l.organization_id IS NOT DISTINCT FROM b.organization_id
                                  HAVING count(*) = 1)),
                       $3::timestamptz, $4::text, $5::text, $3::timestamptz + make_interval(secs => $9::integer)
                  FROM job b WHERE EXISTS (SELECT FROM back)
                    ON CONFLICT (worker_id, backend)
                    DO UPDATE SET tries = h.tries + 1, code = excluded.code, reason = excluded.reason,
                                  probe_at = $3::timestamptz
                                             + make_interval(secs => least($9::integer * 2 ^ least(h.tries + 1, 20), $10::integer))
                     WHERE h.probe_at <= (SELECT started_at FROM job)),
            said AS (
                INSERT INTO job_logs (job_id, seq, at, stream, line)
                SELECT id, least(attempt, 2146) * 1000000 + 999999, $3::timestamptz, 'larder',
                       'The place is in trouble, not the template: the job waits for another worker, or until the place works again.'
                  FROM back
                    ON CONFLICT DO NOTHING)
            SELECT b.status, b.prebuild, b.created_at, j.started_at FROM back b, job j""";

    /**
     * Puts a job back that failed because of its place, and holds that worker's place.
     *
     * @return empty where the lease was lost, the job was asked to stop, or it has failed {@value #FAILURES_MAX} times where
     *     others succeed: nothing was changed
     */
    public Uni<Optional<Completed>> putBack(Lease lease, JobOutcome.Failed failed, Instant at) {
        Tuple values = Tuple.tuple()
                .addValue(lease.jobId())
                .addValue(lease.token())
                .addValue(Rows.utc(at))
                .addValue(failed.code())
                .addValue(Rows.storable(failed.detail()))
                .addValue(Rows.wholeSeconds(Handicap.DELETE))
                .addValue(Rows.wholeSeconds(Handicap.START))
                .addValue(FAILURES_MAX)
                .addValue(Rows.wholeSeconds(FIRST_PROBE))
                .addValue(Rows.wholeSeconds(LONGEST_PROBE));
        return pool.preparedQuery(PUT_BACK).execute(values).map(rows -> Rows.first(rows, row -> waits(row, lease)));
    }

    private static Completed waits(Row row, Lease lease) {
        return new Completed(
                JobStatus.PENDING,
                lease.transition(),
                Boolean.TRUE.equals(row.getBoolean("prebuild")),
                false,
                Rows.instant(row, "created_at"),
                Rows.instant(row, "started_at"));
    }

    // These pools create nothing while the place is held, and would be looked at only when the next probe is due.
    private static final String WAKE = """
            INSERT INTO dirty_presets (preset_id)
            SELECT p.id
              FROM template_versions v
              JOIN templates t ON t.active_version_id = v.id
              JOIN presets p ON p.version_id = v.id
             WHERE v.backend = ANY ($1) AND p.instances IS NOT NULL AND t.deleted_at IS NULL""";

    /** Asks for a look at the pools of these backends, since a place is no longer held. If it fails, they wait for the timer. */
    public Uni<Void> wake(SqlClient client, Set<String> backends) {
        return backends.isEmpty()
                ? Uni.createFrom().voidItem()
                : client.preparedQuery(WAKE)
                        .execute(Tuple.of((Object) backends.toArray(String[]::new)))
                        .replaceWithVoid()
                        .onFailure()
                        .recoverWithNull();
    }

    /**
     * A subquery: one row that says which living workers take jobs of one kind, as {@link #builders(Row, String, Map)}
     * reads it.
     *
     * @param tagged what the statement calls the row with the kind's tags
     * @param backend the kind's backend
     * @param organization whose jobs they are
     * @param at now
     */
    public static String builders(String tagged, String backend, String organization, String at) {
        return """
                SELECT count(*)::integer AS fitting, count(h.worker_id)::integer AS held, min(h.since) AS held_since,
                       min(h.probe_at) AS held_until,
                       (array_agg(h.location ORDER BY h.probe_at))[1] AS held_location,
                       (array_agg(h.code ORDER BY h.probe_at))[1] AS held_code,
                       (array_agg(h.reason ORDER BY h.probe_at))[1] AS held_reason
                  FROM workers k
                  LEFT JOIN held_places h ON h.worker_id = k.id AND h.backend = %2$s
                 WHERE k.stopped_at IS NULL AND k.last_seen_at >= %4$s - interval '1 minute'
                   AND %2$s = ANY (k.backends) AND (k.organization_id IS NULL OR k.organization_id = %3$s)
                   AND %1$s""".formatted(TagMatch.tags("k", tagged), backend, organization, at);
    }

    public static Builders builders(Row row, String backend, Map<String, String> tags) {
        int fitting = row.getInteger("fitting");
        if (fitting == 0) {
            return new Builders.None(backend, tags);
        }
        return row.getInteger("held") < fitting
                ? Builders.SOME
                : new Builders.Held(
                        backend,
                        row.getString("held_location"),
                        row.getString("held_code"),
                        row.getString("held_reason"),
                        Rows.instant(row, "held_since"),
                        Rows.instant(row, "held_until"));
    }

    public static Map<String, String> tags(Row row) {
        Map<String, String> tags = new HashMap<>();
        ((JsonObject) row.getValue("tags")).forEach(tag -> tags.put(tag.getKey(), String.valueOf(tag.getValue())));
        return tags;
    }

    // The workers of one place fail one after the other, and a worker that is started again is a new one. So a hold is
    // news only where no told one is of the same place. Where a worker has not listed its place, any other place of
    // its backend may be the same.
    private static final String TELL_HELD = """
            WITH gone AS (
                DELETE FROM held_places h USING workers k
                 WHERE k.id = h.worker_id AND coalesce(k.stopped_at, k.last_seen_at) < $1::timestamptz - make_interval(secs => $2::integer)),
            fresh AS (
                SELECT h.*, k.organization_id, k.name
                  FROM held_places h JOIN workers k ON k.id = h.worker_id
                 WHERE h.told_at IS NULL),
            news AS (
                SELECT DISTINCT ON (f.organization_id, f.backend, coalesce(f.location, '')) f.*
                  FROM fresh f
                 WHERE NOT EXISTS (SELECT FROM held_places o JOIN workers k ON k.id = o.worker_id
                                    WHERE o.told_at IS NOT NULL AND o.backend = f.backend
                                      AND k.organization_id IS NOT DISTINCT FROM f.organization_id
                                      AND (o.location IS NULL OR f.location IS NULL OR o.location = f.location))
                   AND NOT (f.location IS NULL
                            AND EXISTS (SELECT FROM fresh o
                                         WHERE o.location IS NOT NULL AND o.backend = f.backend
                                           AND o.organization_id IS NOT DISTINCT FROM f.organization_id))
                   AND NOT EXISTS (SELECT FROM notifications n
                                    WHERE n.id > $3::uuid AND n.kind = 'place_held'
                                      AND n.organization_id IS NOT DISTINCT FROM f.organization_id
                                      AND n.detail ->> 'backend' = f.backend
                                      AND n.detail ->> 'location' IS NOT DISTINCT FROM f.location)
                 ORDER BY f.organization_id, f.backend, coalesce(f.location, ''), f.since),
            told AS (
                UPDATE held_places h SET told_at = $1::timestamptz FROM fresh f
                 WHERE h.worker_id = f.worker_id AND h.backend = f.backend)
            INSERT INTO notifications (id, organization_id, audience, kind, occasion, detail, created_at)
            SELECT i.id, n.organization_id, 'template_admin', 'place_held',
                   'place_held:' || n.worker_id || ':' || n.backend || ':' || n.since,
                   jsonb_build_object('backend', n.backend, 'location', n.location, 'worker', n.name, 'code', n.code,
                                      'reason', n.reason, 'since', n.since),
                   $1::timestamptz
              FROM (SELECT *, row_number() OVER (ORDER BY since) AS n FROM news) n
              JOIN unnest($4::uuid[]) WITH ORDINALITY i (id, n) ON i.n = n.n
                ON CONFLICT (occasion) DO NOTHING""";

    /**
     * Tells admins of places that are held, once for each outage of a place: for those of one organization's workers that
     * organization's, else all. At most {@value #TOLD_MAX} at a time; one that holds again within ten minutes is not told again.
     */
    public Uni<Void> tellHeld(Instant at) {
        return pool.preparedQuery(TELL_HELD)
                .execute(Tuple.of(Rows.utc(at), Rows.wholeSeconds(TOLD_FOR), Ids.firstOf(at.minus(TOLD_FOR)), newIds()))
                .replaceWithVoid();
    }

    // Each kind is looked up among the workers once, whatever its backlog is.
    private static final String TELL_UNSERVED = """
            WITH waiting AS (
                SELECT j.organization_id, j.backend, j.tagset_id, min(j.created_at) AS since
                  FROM jobs j
                 WHERE j.started_at IS NULL AND j.completed_at IS NULL
                 GROUP BY j.organization_id, j.backend, j.tagset_id),
            unserved AS (
                SELECT w.*, s.tags
                  FROM waiting w JOIN tagsets s ON s.id = w.tagset_id
                 WHERE NOT EXISTS (SELECT FROM workers k
                                    WHERE k.stopped_at IS NULL AND k.last_seen_at >= $1::timestamptz - make_interval(secs => $2::integer)
                                      AND w.backend = ANY (k.backends)
                                      AND (k.organization_id IS NULL OR k.organization_id = w.organization_id) AND %s)),
            over AS (
                DELETE FROM unserved_jobs o
                 WHERE NOT EXISTS (SELECT FROM unserved u
                                    WHERE u.organization_id = o.organization_id AND u.backend = o.backend
                                      AND u.tagset_id = o.tagset_id)),
            news AS (
                INSERT INTO unserved_jobs (organization_id, backend, tagset_id, since)
                SELECT u.organization_id, u.backend, u.tagset_id, u.since
                  FROM unserved u WHERE u.since <= $1::timestamptz - make_interval(secs => $3::integer)
                 LIMIT $5::integer
                    ON CONFLICT DO NOTHING
                RETURNING *)
            INSERT INTO notifications (id, organization_id, audience, kind, occasion, detail, created_at)
            SELECT i.id, n.organization_id, 'template_admin', 'no_worker',
                   'no_worker:' || n.organization_id || ':' || n.backend || ':' || n.tagset_id || ':' || n.since,
                   jsonb_build_object('backend', n.backend, 'tags', n.tags, 'since', n.since),
                   $1::timestamptz
              FROM (SELECT f.*, s.tags, row_number() OVER () AS n FROM news f JOIN tagsets s ON s.id = f.tagset_id) n
              JOIN unnest($4::uuid[]) WITH ORDINALITY i (id, n) ON i.n = n.n
                ON CONFLICT (occasion) DO NOTHING""".formatted(TagMatch.tags("k", "s"));

    /**
     * Tells an organization's admins, once for each kind of its jobs, that some have waited for a minute and no living worker
     * takes them. At most {@value #TOLD_MAX} kinds at a time.
     */
    public Uni<Void> tellUnserved(Instant at) {
        return pool.preparedQuery(TELL_UNSERVED)
                .execute(Tuple.of(
                        Rows.utc(at),
                        Rows.wholeSeconds(HEARD_WITHIN),
                        Rows.wholeSeconds(UNSERVED_FOR),
                        newIds(),
                        TOLD_MAX))
                .replaceWithVoid();
    }

    private UUID[] newIds() {
        return Stream.generate(ids::next).limit(TOLD_MAX).toArray(UUID[]::new);
    }
}
