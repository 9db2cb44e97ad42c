package dev.larder.inventory;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AdminNotification;
import dev.larder.lifecycle.MissingWorkspaces;
import dev.larder.lifecycle.Rules;
import dev.larder.lifecycle.TagMatch;
import dev.larder.model.Ids;
import dev.larder.model.Inventory.Part;
import dev.larder.model.ReportOutcome;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Finds the workspaces that a complete listing does not name, and the things that no workspace owns (decision
 * 0016).
 */
@ApplicationScoped
public class MissingStore {

    private final Pool pool;
    private final Ids ids;
    private final int graceSeconds;

    /** @param grace how long before a listing began a build must have ended for the listing to count for it */
    public MissingStore(
            Pool pool, Ids ids, @ConfigProperty(name = "larder.inventory.grace", defaultValue = "5m") Duration grace) {
        this.pool = pool;
        this.ids = ids;
        this.graceSeconds = Rows.wholeSeconds(grace);
    }

    // A transaction that has waited for another listing of this place must see what that one has written.
    private static final Sql AWAIT_TURN = Sql.of("""
            SELECT l.id
              FROM inventory_locations l JOIN workers k ON k.id = :worker::uuid
             WHERE l.backend = :backend::text AND l.location = :location::text
               AND l.organization_id IS NOT DISTINCT FROM k.organization_id
               FOR UPDATE OF l""", "worker", "backend", "location");

    /**
     * {@code place}: the listed place, and whether an owner accepts the loss; none where a newer listing was
     * heard before. {@code elsewhere}: the other places, since when each is listed, and the tags of its
     * worker. {@code others}: the other workers that are alive.
     */
    private static final String PLACES = """
            place AS (
                SELECT l.id, l.organization_id, l.backend,
                       coalesce(l.accepted_at <= :began::timestamptz
                                AND l.accepted_at > :began::timestamptz - interval '1 hour', false) AS accepted
                  FROM inventory_locations l JOIN workers k ON k.id = :worker::uuid AND k.stopped_at IS NULL
                 WHERE l.backend = :backend::text AND l.location = :location::text
                   AND l.organization_id IS NOT DISTINCT FROM k.organization_id
                   AND (l.listed_at IS NULL OR l.listed_at <= :began::timestamptz)),
            elsewhere AS (
                SELECT o.organization_id, k.tags, min(coalesce(o.listed_at, '-infinity')) AS listed_at
                  FROM inventory_locations o
                  JOIN place p ON o.backend = p.backend AND o.id <> p.id
                  JOIN workers k ON k.id = o.worker_id
                 WHERE o.heard_at > :at::timestamptz - interval '1 hour'
                 GROUP BY o.organization_id, k.tags),
            others AS (
                SELECT k.id FROM workers k
                 WHERE k.id <> :worker::uuid AND k.stopped_at IS NULL
                   AND k.last_seen_at > :at::timestamptz - interval '1 hour')""";

    /**
     * {@code known}: what was whole in this place and should be, and whether the listing misses it. Not
     * missed are: what a first build that failed has left, and what a deletion leaves; what another live
     * worker saw last, since two servers that are copies of each other have one identity; what another place
     * has whole, since it has moved.
     */
    private static final String KNOWN =
            """
            known AS (
                SELECT i.id, i.workspace_id, i.whole_at, i.last_seen_at < :began::timestamptz OR NOT i.whole AS absent
                  FROM inventory i JOIN place p ON p.id = i.location_id JOIN workspaces w ON w.id = i.workspace_id
                 WHERE i.whole_at IS NOT NULL AND i.gone_at IS NULL
                   AND NOT EXISTS (SELECT FROM others k WHERE k.id = i.seen_by)
                   AND w.deleted_at IS NULL AND w.missing_since IS NULL AND w.transition <> 'delete'
                   AND NOT (w.build_number = 1 AND w.build_status IN ('failed', 'canceled'))
                   AND %s
                   AND NOT EXISTS (SELECT FROM inventory o JOIN inventory_locations ol ON ol.id = o.location_id
                                    WHERE o.workspace_id = w.id AND o.location_id <> p.id AND o.whole AND o.gone_at IS NULL
                                      AND o.last_seen_at >= coalesce(ol.listed_at, o.last_seen_at)
                                      AND %s))""".formatted(Rules.serves("p", "w.organization_id"), Rules.serves("ol", "w.organization_id"));

    /**
     * {@code lost}: the missed workspaces whose latest build has ended well before the listing began. What
     * was not whole here after that build may have been built in another place: all places whose worker could
     * have built it must have been listed since.
     */
    private static final String LOST =
            """
            lost AS (
                SELECT w.id, n.id AS thing_id
                  FROM known n
                  JOIN workspaces w ON w.id = n.workspace_id
                  JOIN template_versions v ON v.id = w.version_id
                 CROSS JOIN place p
                 WHERE n.absent
                   AND w.deleted_at IS NULL AND w.deletion_wanted_at IS NULL AND w.missing_since IS NULL
                   AND w.transition <> 'delete'
                   AND (w.build_status = 'succeeded' OR (w.build_number > 1 AND w.build_status IN ('failed', 'canceled')))
                   AND w.build_finished_at + make_interval(secs => :grace::integer) <= :began::timestamptz
                   AND (p.accepted OR n.whole_at >= w.build_finished_at)
                   AND NOT EXISTS (SELECT FROM elsewhere e
                                    WHERE %s AND %s
                                      AND e.listed_at < w.build_finished_at)
                 ORDER BY w.id
                   FOR UPDATE OF w SKIP LOCKED)""".formatted(Rules.serves("e", "w.organization_id"), TagMatch.declared("e", "v"));

    /**
     * {@code verdict}: the listing is suspicious where it misses more than three things and more than half of
     * what is known: rather the disk or the server is another one. All that should be there counts, whether
     * it could be marked or not: of twenty things that disappear at once, those without a running build may
     * be few. {@code marked}: the missing workspaces; of a prebuild the deletion is requested, so that it is
     * never handed out.
     */
    private static final String MARK_MISSING =
            """
            verdict AS (
                SELECT CASE WHEN s.suspicious THEN n.absent ELSE (SELECT count(*) FROM lost) END AS lost, s.suspicious
                  FROM place p
                 CROSS JOIN (SELECT count(*) AS known, count(*) FILTER (WHERE absent) AS absent FROM known) n
                 CROSS JOIN LATERAL (
                       SELECT NOT p.accepted AND n.absent > 3 AND n.absent * 2 > n.known AS suspicious) s),
            marked AS (
                %s
                RETURNING w.id, w.prebuild, l.thing_id),
            gone AS (
                UPDATE inventory i SET gone_at = :at::timestamptz FROM marked m WHERE i.id = m.thing_id)""".formatted(MissingWorkspaces.mark("lost l, verdict v WHERE w.id = l.id AND NOT v.suspicious"));

    /**
     * {@code dropped}: things that no workspace owns and the listing does not name are forgotten.
     * {@code asked}: things that are there, that no workspace owns, and whose removal was requested, or which
     * are the template of a version that needs none. {@code judged}: the place with the result.
     */
    private static final String CONCLUDE_PLACE = """
            dropped AS (
                DELETE FROM inventory i USING place p, verdict v
                 WHERE i.location_id = p.id AND i.last_seen_at < :began::timestamptz AND NOT v.suspicious
                   AND NOT EXISTS (SELECT FROM workspaces w
                                    WHERE w.id = i.workspace_id
                                      AND %s
                                      AND w.deleted_at IS NULL AND w.transition <> 'delete'
                                      AND NOT (w.build_number = 1 AND w.build_status IN ('failed', 'canceled')))),
            asked AS (
                UPDATE inventory i SET removal_tries = i.removal_tries + 1
                  FROM (SELECT i.id
                          FROM inventory i JOIN place p ON p.id = i.location_id LEFT JOIN workspaces w ON w.id = i.workspace_id
                          LEFT JOIN template_versions v ON v.id = i.workspace_id
                         WHERE i.last_seen_at >= :began::timestamptz
                           AND (i.removal_requested_at IS NOT NULL
                                OR v.id IS NOT NULL AND v.backend = p.backend
                                   AND %s)
                           AND %s IN ('leaked', 'unknown')
                         ORDER BY i.removal_tries, i.removal_requested_at LIMIT 100) r
                 WHERE i.id = r.id
                RETURNING i.workspace_id),
            judged AS (
                UPDATE inventory_locations l
                   SET listed_at = :began::timestamptz, lost = v.lost,
                       suspicious_since = CASE WHEN v.suspicious THEN coalesce(l.suspicious_since, :at::timestamptz) END,
                       accepted_at = CASE WHEN NOT p.accepted THEN l.accepted_at END
                  FROM place p, verdict v WHERE l.id = p.id)""".formatted(
            Rules.serves("p", "w.organization_id"), Rules.serves("p", "v.organization_id"), InventoryReads.STATE);

    private static final Sql CONCLUDE = Sql.of(
            "WITH " + String.join(",\n", PLACES, KNOWN, LOST, MARK_MISSING, CONCLUDE_PLACE) + "\n" + """
            SELECT v.lost::integer AS lost, v.suspicious, (SELECT count(*) FROM marked)::integer AS marked,
                   ARRAY(SELECT m.id FROM marked m WHERE NOT m.prebuild) AS claimed,
                   ARRAY(SELECT a.workspace_id FROM asked a) AS remove
              FROM verdict v""",
            "worker",
            "backend",
            "location",
            "began",
            "at",
            "grace");

    /**
     * Evaluates a complete listing. A workspace whose build ended well before the listing began, and which
     * the listing does not name, is missing: template admins are told of a claimed one; a prebuild is
     * deleted, and the pool builds another. The worker is to remove a version's template that no version
     * needs any more. Nothing follows where a newer listing was heard before.
     *
     * @param part the last of the listing
     */
    public Uni<ReportOutcome> conclude(UUID worker, Part part, Instant at) {
        return pool.withTransaction(connection -> AWAIT_TURN
                .on(connection, worker, part.backend(), part.location())
                .chain(() -> CONCLUDE.on(
                        connection,
                        worker,
                        part.backend(),
                        part.location(),
                        Rows.utc(part.began()),
                        Rows.utc(at),
                        graceSeconds))
                .call(rows -> tellMissing(connection, rows, at))
                .map(rows -> Rows.first(rows, MissingStore::verdict).orElse(ReportOutcome.NONE)));
    }

    private static ReportOutcome verdict(Row row) {
        return new ReportOutcome(
                Set.of(row.getArrayOfUUIDs("remove")),
                row.getInteger("lost"),
                row.getInteger("marked"),
                Boolean.TRUE.equals(row.getBoolean("suspicious")));
    }

    private static final Sql TELL_MISSING = Sql.of(
            "WITH told AS (" + """
                    SELECT t.id, w.organization_id, w.build_id,
                           jsonb_build_object('workspace_id', w.id, 'workspace', w.name, 'owner', u.name,
                                              'preset_id', w.preset_id, 'template_id', w.template_id, 'template', m.name)
                             AS detail
                      FROM unnest(:ids::uuid[], :workspaces::uuid[]) AS t (id, workspace)
                      JOIN workspaces w ON w.id = t.workspace
                      JOIN users u ON u.id = w.owner_id
                      JOIN templates m ON m.id = w.template_id)
                    """ + AdminNotification.of("workspace_missing", "build_id", "detail", "told"),
            "ids",
            "workspaces",
            "at");

    private Uni<Void> tellMissing(SqlClient client, RowSet<Row> verdict, Instant at) {
        UUID[] claimed =
                Rows.first(verdict, row -> row.getArrayOfUUIDs("claimed")).orElse(new UUID[0]);
        if (claimed.length == 0) {
            return Uni.createFrom().voidItem();
        }
        UUID[] messages = Stream.generate(ids::next).limit(claimed.length).toArray(UUID[]::new);
        return TELL_MISSING.on(client, messages, claimed, Rows.utc(at)).replaceWithVoid();
    }
}
