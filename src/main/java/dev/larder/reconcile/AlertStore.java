package dev.larder.reconcile;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AdminNotification;
import dev.larder.lifecycle.AvailableWorkers;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Notifies template admins of conditions that keep jobs waiting. Call it under the reconciler's lock, so that each
 * outage is reported once.
 */
@ApplicationScoped
public class AlertStore {

    private static final Duration UNSERVED_FOR = Duration.ofMinutes(1);
    private static final Duration TOLD_FOR = Duration.ofMinutes(10);
    private static final int TOLD_MAX = 20;

    private final Pool pool;
    private final Ids ids;

    public AlertStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    // The workers of one location fail one after the other, and a restarted worker is a new one. So a hold is news
    // only if no hold of the same location was reported. If a worker has not listed its location, any other
    // location of its backend may be the same.
    private static final Sql TELL_HELD = Sql.of(
            """
            WITH gone AS (
                DELETE FROM held_places h USING workers k
                 WHERE k.id = h.worker_id AND coalesce(k.stopped_at, k.last_seen_at)
                                             < :at::timestamptz - make_interval(secs => :told_for::integer)),
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
                                    WHERE n.id > :told_since::uuid AND n.kind = 'place_held'
                                      AND n.organization_id IS NOT DISTINCT FROM f.organization_id
                                      AND n.detail ->> 'backend' = f.backend
                                      AND n.detail ->> 'location' IS NOT DISTINCT FROM f.location)
                 ORDER BY f.organization_id, f.backend, coalesce(f.location, ''), f.since),
            told AS (
                UPDATE held_places h SET told_at = :at::timestamptz FROM fresh f
                 WHERE h.worker_id = f.worker_id AND h.backend = f.backend)
            """ + AdminNotification.of("place_held", "worker_id || ':' || backend || ':' || since", """
                    jsonb_build_object('backend', backend, 'location', location, 'worker', name, 'code', code,
                                       'reason', reason, 'since', since)""", """
                    (SELECT n.*, i.id
                       FROM (SELECT *, row_number() OVER (ORDER BY since) AS n FROM news) n
                       JOIN unnest(:ids::uuid[]) WITH ORDINALITY i (id, n) ON i.n = n.n) told"""),
            "at",
            "told_for",
            "told_since",
            "ids");

    /**
     * Tells template admins of locations on hold, once for each outage: those of the workers' organization, or
     * all. At most {@value #TOLD_MAX} at a time. A location that is on hold again within ten minutes is not
     * told again.
     */
    public Uni<Void> tellHeld(Instant at) {
        return TELL_HELD
                .on(pool, Rows.utc(at), Rows.wholeSeconds(TOLD_FOR), Ids.firstOf(at.minus(TOLD_FOR)), newIds())
                .replaceWithVoid();
    }

    // Each kind of job is compared with the workers once, whatever its backlog.
    private static final Sql TELL_UNSERVED = Sql.of(
            """
            WITH waiting AS (
                SELECT j.organization_id, j.backend, j.tagset_id, min(j.created_at) AS since
                  FROM jobs j
                 WHERE j.started_at IS NULL AND j.completed_at IS NULL
                 GROUP BY j.organization_id, j.backend, j.tagset_id),
            unserved AS (
                SELECT w.*, s.tags
                  FROM waiting w JOIN tagsets s ON s.id = w.tagset_id
                 WHERE NOT EXISTS (SELECT FROM workers k
                                    WHERE %s)),
            over AS (
                DELETE FROM unserved_jobs o
                 WHERE NOT EXISTS (SELECT FROM unserved u
                                    WHERE u.organization_id = o.organization_id AND u.backend = o.backend
                                      AND u.tagset_id = o.tagset_id)),
            news AS (
                INSERT INTO unserved_jobs (organization_id, backend, tagset_id, since)
                SELECT u.organization_id, u.backend, u.tagset_id, u.since
                  FROM unserved u WHERE u.since <= :at::timestamptz - make_interval(secs => :unserved_for::integer)
                 LIMIT :most::integer
                    ON CONFLICT DO NOTHING
                RETURNING *)
            """.formatted(AvailableWorkers.take("s", "w.backend", "w.organization_id", ":at::timestamptz"))
                    + AdminNotification.of(
                            "no_worker",
                            "organization_id || ':' || backend || ':' || tagset_id || ':' || since",
                            "jsonb_build_object('backend', backend, 'tags', tags, 'since', since)",
                            """
                    (SELECT n.*, i.id
                       FROM (SELECT f.*, s.tags, row_number() OVER () AS n
                               FROM news f JOIN tagsets s ON s.id = f.tagset_id) n
                       JOIN unnest(:ids::uuid[]) WITH ORDINALITY i (id, n) ON i.n = n.n) told"""),
            "at",
            "unserved_for",
            "ids",
            "most");

    /**
     * Tells an organization's admins, once for each kind of its jobs, that some have waited for a minute and
     * no living worker takes them. At most {@value #TOLD_MAX} kinds at a time.
     */
    public Uni<Void> tellUnserved(Instant at) {
        return TELL_UNSERVED
                .on(pool, Rows.utc(at), Rows.wholeSeconds(UNSERVED_FOR), newIds(), TOLD_MAX)
                .replaceWithVoid();
    }

    private UUID[] newIds() {
        return Stream.generate(ids::next).limit(TOLD_MAX).toArray(UUID[]::new);
    }
}
