package dev.larder.inventory;

import dev.larder.database.Rows;
import dev.larder.lifecycle.TagMatch;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import dev.larder.model.Inventory.Connections;
import dev.larder.model.Inventory.Part;
import dev.larder.model.Inventory.Thing;
import dev.larder.model.Verdict;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Compares what exists with what should (decision 0016). A listing is told in parts: each says of what it names that it is
 * there, the last one says that there is nothing else. All of one place wait for each other at the place's row; workspaces
 * are locked after it, in the order of their ids, and those that somebody else has locked are left to the next listing.
 */
@ApplicationScoped
public class InventoryStore {

    /** More are not taken of one place. */
    public static final int THINGS_MAX = 100_000;

    private static final int LOCATIONS_MAX = 10_000;
    private static final int LOCATIONS_OF_ONE_ORGANIZATION_MAX = 100;

    private final Pool pool;
    private final Ids ids;
    private final int graceSeconds;
    private final int thingsMax;
    private final int connectionsKept;
    private final int organizationPercent;

    /**
     * @param grace how long before a listing began a build must have ended for the listing to say something about it
     * @param connectionsKept how many of a PostgreSQL server's connections claimed workspaces never have: for Larder itself
     * @param organizationPercent how many in a hundred of the others those of one organization may have
     */
    @Inject
    public InventoryStore(
            Pool pool,
            Ids ids,
            @ConfigProperty(name = "larder.inventory.grace", defaultValue = "5m") Duration grace,
            @ConfigProperty(name = "larder.connections.kept", defaultValue = "25") int connectionsKept,
            @ConfigProperty(name = "larder.connections.organization-percent", defaultValue = "50")
                    int organizationPercent) {
        this(pool, ids, grace, THINGS_MAX, connectionsKept, organizationPercent);
    }

    /** With the defaults. */
    public InventoryStore(Pool pool, Ids ids, Duration grace) {
        this(pool, ids, grace, THINGS_MAX);
    }

    InventoryStore(Pool pool, Ids ids, Duration grace, int thingsMax) {
        this(pool, ids, grace, thingsMax, 25, 50);
    }

    private InventoryStore(
            Pool pool, Ids ids, Duration grace, int thingsMax, int connectionsKept, int organizationPercent) {
        this.pool = pool;
        this.ids = ids;
        this.graceSeconds = Rows.wholeSeconds(grace);
        this.thingsMax = thingsMax;
        this.connectionsKept = connectionsKept;
        this.organizationPercent = organizationPercent;
    }

    /** What became of a part of a listing. */
    public enum Heard {
        YES,
        /** There is no such worker any more, or it did not say that it builds this kind. */
        STRANGER,
        /** There are more things or places than are taken. */
        TOO_MANY
    }

    // What an older listing says after a newer one has ended, or has seen the thing, changes nothing.
    static final String SEE = """
            WITH me AS (
                SELECT k.id, k.organization_id FROM workers k
                 WHERE k.id = $1::uuid AND k.stopped_at IS NULL AND $3::text = ANY (k.backends)),
            place AS (
                INSERT INTO inventory_locations AS l (id, organization_id, backend, location, worker_id, heard_at,
                                                      connections, connections_per_organization, connections_per_workspace)
                SELECT $2::uuid, me.organization_id, $3::text, $4::text, me.id, $6::timestamptz,
                       $15::integer, $16::integer, $17::integer
                  FROM me
                 WHERE EXISTS (SELECT FROM inventory_locations o
                                WHERE o.organization_id IS NOT DISTINCT FROM me.organization_id
                                  AND o.backend = $3::text AND o.location = $4::text)
                    OR (SELECT count(*) FROM inventory_locations o
                         WHERE o.organization_id IS NOT DISTINCT FROM me.organization_id)
                       < CASE WHEN me.organization_id IS NULL THEN $13::integer ELSE $14::integer END
                    ON CONFLICT (organization_id, backend, location)
                    DO UPDATE SET worker_id = excluded.worker_id, heard_at = excluded.heard_at,
                                  connections = excluded.connections,
                                  connections_per_organization = excluded.connections_per_organization,
                                  connections_per_workspace = excluded.connections_per_workspace
                RETURNING l.id, l.organization_id, l.listed_at),
            told AS (
                UPDATE workers k SET place_id = p.id
                  FROM place p WHERE k.id = $1::uuid AND $15::integer IS NOT NULL AND k.place_id IS DISTINCT FROM p.id),
            named AS (
                SELECT DISTINCT ON (t.workspace) t.*
                  FROM unnest($7::uuid[], $8::uuid[], $9::text[], $10::boolean[], $11::timestamptz[])
                         AS t (id, workspace, name, whole, made_at)
                 ORDER BY t.workspace, t.whole DESC),
            room AS (
                SELECT p.* FROM place p
                 WHERE (SELECT count(*) FROM inventory i WHERE i.location_id = p.id)
                       + (SELECT count(*) FROM named n
                           WHERE NOT EXISTS (SELECT FROM inventory i
                                              WHERE i.location_id = p.id AND i.workspace_id = n.workspace)) <= $12::integer),
            seen AS (
                INSERT INTO inventory AS i (id, location_id, workspace_id, name, whole, whole_at, made_at, first_seen_at,
                                            last_seen_at, seen_by)
                SELECT n.id, r.id, n.workspace, n.name, n.whole, CASE WHEN n.whole THEN $5::timestamptz END, n.made_at,
                       $6::timestamptz, $5::timestamptz, $1::uuid
                  FROM named n CROSS JOIN room r
                 WHERE r.listed_at IS NULL OR r.listed_at <= $5::timestamptz
                 ORDER BY n.workspace
                    ON CONFLICT (location_id, workspace_id)
                    DO UPDATE SET name = excluded.name, whole = excluded.whole, made_at = excluded.made_at,
                                  whole_at = coalesce(excluded.whole_at, i.whole_at), last_seen_at = excluded.last_seen_at,
                                  seen_by = excluded.seen_by,
                                  gone_at = CASE WHEN NOT excluded.whole THEN i.gone_at END
                     WHERE i.last_seen_at <= excluded.last_seen_at
                RETURNING i.workspace_id, i.whole),
            back AS (
                SELECT w.id, r.id AS place_id
                  FROM workspaces w
                  LEFT JOIN room r ON $15::integer IS NOT NULL AND (w.place_id IS NULL OR r.organization_id IS NULL)
                 WHERE w.id = ANY (ARRAY(SELECT s.workspace_id FROM seen s WHERE s.whole))
                   AND (w.missing_since IS NOT NULL OR w.place_id IS DISTINCT FROM coalesce(r.id, w.place_id))
                   AND (SELECT r.organization_id IS NULL OR r.organization_id = w.organization_id FROM room r)
                 ORDER BY w.id
                   FOR UPDATE OF w SKIP LOCKED),
            found AS (
                UPDATE workspaces w SET missing_since = NULL, place_id = coalesce(back.place_id, w.place_id)
                  FROM back WHERE w.id = back.id)
            SELECT EXISTS (SELECT FROM me) AS known, EXISTS (SELECT FROM room) AS room""";

    /**
     * What this part of a listing names is there; workspaces that were missing and are whole again are so no more. A worker of
     * one organization speaks of its own places and of its own organization's workspaces only. The same again is no change.
     *
     * @param at now
     */
    public Uni<Heard> see(UUID worker, Part part, Instant at) {
        List<Thing> things = part.things();
        Tuple values = Tuple.tuple()
                .addValue(worker)
                .addValue(ids.next())
                .addValue(part.backend())
                .addValue(part.location())
                .addValue(Rows.utc(part.began()))
                .addValue(Rows.utc(at))
                .addValue(things.stream().map(thing -> ids.next()).toArray(UUID[]::new))
                .addValue(things.stream().map(Thing::workspace).toArray(UUID[]::new))
                .addValue(things.stream().map(Thing::name).toArray(String[]::new))
                .addValue(things.stream().map(Thing::whole).toArray(Boolean[]::new))
                .addValue(things.stream()
                        .map(thing -> Rows.utcOrNull(thing.madeAt()))
                        .toArray(OffsetDateTime[]::new))
                .addValue(thingsMax)
                .addValue(LOCATIONS_MAX)
                .addValue(LOCATIONS_OF_ONE_ORGANIZATION_MAX);
        addConnections(values, part);
        return pool.preparedQuery(SEE)
                .execute(values)
                .map(rows -> heard(rows.iterator().next()));
    }

    private void addConnections(Tuple values, Part part) {
        Optional<Integer> all = part.connections().map(told -> Math.max(0, told.all() - connectionsKept));
        values.addValue(all.orElse(null))
                .addValue(all.map(most -> (int) ((long) most * organizationPercent / 100))
                        .orElse(null))
                .addValue(part.connections().map(Connections::perWorkspace).orElse(null));
    }

    private static Heard heard(Row row) {
        if (!Boolean.TRUE.equals(row.getBoolean("known"))) {
            return Heard.STRANGER;
        }
        return Boolean.TRUE.equals(row.getBoolean("room")) ? Heard.YES : Heard.TOO_MANY;
    }

    // Whoever has waited for another listing of this place must see what that one has written.
    private static final String AWAIT_TURN = """
            SELECT l.id
              FROM inventory_locations l JOIN workers k ON k.id = $1::uuid
             WHERE l.backend = $2::text AND l.location = $3::text AND l.organization_id IS NOT DISTINCT FROM k.organization_id
               FOR UPDATE OF l""";

    // A build that failed at first may have made nothing, and a deletion is to leave nothing: both are not
    // missed. Nor is what was never whole here after the latest build has ended, which may have made it in
    // another place: not before all other places have been listed since, either. Two servers that are
    // copies of each other have one identity, so only the worker that has seen something last can miss it,
    // unless that one is gone. Where the latest listing of another place has something whole it has moved.
    // More than half of what was known, and more than three: rather the disk or the server is another one.
    // That is judged of all that should be there, whether it could be marked or not: of twenty that are
    // away at once, those that nobody works on may be few. A place whose worker could have built it
    // (elsewhere) has to have been listed since.
    static final String CONCLUDE =
            """
            WITH place AS (
                SELECT l.id, l.organization_id, l.backend,
                       coalesce(l.accepted_at <= $4::timestamptz AND l.accepted_at > $4::timestamptz - interval '1 hour', false)
                         AS accepted
                  FROM inventory_locations l JOIN workers k ON k.id = $1::uuid AND k.stopped_at IS NULL
                 WHERE l.backend = $2::text AND l.location = $3::text AND l.organization_id IS NOT DISTINCT FROM k.organization_id
                   AND (l.listed_at IS NULL OR l.listed_at <= $4::timestamptz)),
            elsewhere AS (
                SELECT o.organization_id, k.tags, min(coalesce(o.listed_at, '-infinity')) AS listed_at
                  FROM inventory_locations o
                  JOIN place p ON o.backend = p.backend AND o.id <> p.id
                  JOIN workers k ON k.id = o.worker_id
                 WHERE o.heard_at > $5::timestamptz - interval '1 hour'
                 GROUP BY o.organization_id, k.tags),
            others AS (
                SELECT k.id FROM workers k
                 WHERE k.id <> $1::uuid AND k.stopped_at IS NULL AND k.last_seen_at > $5::timestamptz - interval '1 hour'),
            known AS (
                SELECT i.id, i.workspace_id, i.whole_at, i.last_seen_at < $4::timestamptz OR NOT i.whole AS absent
                  FROM inventory i JOIN place p ON p.id = i.location_id JOIN workspaces w ON w.id = i.workspace_id
                 WHERE i.whole_at IS NOT NULL AND i.gone_at IS NULL
                   AND NOT EXISTS (SELECT FROM others k WHERE k.id = i.seen_by)
                   AND w.deleted_at IS NULL AND w.missing_since IS NULL AND w.transition <> 'delete'
                   AND NOT (w.build_number = 1 AND w.build_status IN ('failed', 'canceled'))
                   AND (p.organization_id IS NULL OR w.organization_id = p.organization_id)
                   AND NOT EXISTS (SELECT FROM inventory o JOIN inventory_locations ol ON ol.id = o.location_id
                                    WHERE o.workspace_id = w.id AND o.location_id <> p.id AND o.whole AND o.gone_at IS NULL
                                      AND o.last_seen_at >= coalesce(ol.listed_at, o.last_seen_at)
                                      AND (ol.organization_id IS NULL OR ol.organization_id = w.organization_id))),
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
                   AND w.build_finished_at + make_interval(secs => $6::integer) <= $4::timestamptz
                   AND (p.accepted OR n.whole_at >= w.build_finished_at)
                   AND NOT EXISTS (SELECT FROM elsewhere e
                                    WHERE (e.organization_id IS NULL OR e.organization_id = w.organization_id)
                                      AND %s
                                      AND e.listed_at < w.build_finished_at)
                 ORDER BY w.id
                   FOR UPDATE OF w SKIP LOCKED),
            verdict AS (
                SELECT CASE WHEN s.suspicious THEN n.absent ELSE (SELECT count(*) FROM lost) END AS lost, s.suspicious
                  FROM place p
                 CROSS JOIN (SELECT count(*) AS known, count(*) FILTER (WHERE absent) AS absent FROM known) n
                 CROSS JOIN LATERAL (
                       SELECT NOT p.accepted AND n.absent > 3 AND n.absent * 2 > n.known AS suspicious) s),
            marked AS (
                UPDATE workspaces w
                   SET missing_since = coalesce(w.missing_since, $5::timestamptz),
                       deletion_wanted_at = CASE WHEN w.prebuild THEN $5::timestamptz ELSE w.deletion_wanted_at END
                  FROM lost l, verdict v WHERE w.id = l.id AND NOT v.suspicious
                RETURNING w.id, w.prebuild, l.thing_id),
            gone AS (
                UPDATE inventory i SET gone_at = $5::timestamptz FROM marked m WHERE i.id = m.thing_id),
            dropped AS (
                DELETE FROM inventory i USING place p, verdict v
                 WHERE i.location_id = p.id AND i.last_seen_at < $4::timestamptz AND NOT v.suspicious
                   AND NOT EXISTS (SELECT FROM workspaces w
                                    WHERE w.id = i.workspace_id
                                      AND (p.organization_id IS NULL OR p.organization_id = w.organization_id) AND w.deleted_at IS NULL AND w.transition <> 'delete'
                                      AND NOT (w.build_number = 1 AND w.build_status IN ('failed', 'canceled')))),
            asked AS (
                UPDATE inventory i SET removal_tries = i.removal_tries + 1
                  FROM (SELECT i.id
                          FROM inventory i JOIN place p ON p.id = i.location_id LEFT JOIN workspaces w ON w.id = i.workspace_id
                          LEFT JOIN template_versions v ON v.id = i.workspace_id
                         WHERE i.last_seen_at >= $4::timestamptz
                           AND (i.removal_requested_at IS NOT NULL
                                OR v.id IS NOT NULL AND v.backend = p.backend
                                   AND (p.organization_id IS NULL OR p.organization_id = v.organization_id))
                           AND %s IN ('leaked', 'unknown')
                         ORDER BY i.removal_tries, i.removal_requested_at LIMIT 100) r
                 WHERE i.id = r.id
                RETURNING i.workspace_id),
            judged AS (
                UPDATE inventory_locations l
                   SET listed_at = $4::timestamptz, lost = v.lost,
                       suspicious_since = CASE WHEN v.suspicious THEN coalesce(l.suspicious_since, $5::timestamptz) END,
                       accepted_at = CASE WHEN NOT p.accepted THEN l.accepted_at END
                  FROM place p, verdict v WHERE l.id = p.id)
            SELECT v.lost::integer AS lost, v.suspicious, (SELECT count(*) FROM marked)::integer AS marked,
                   ARRAY(SELECT m.id FROM marked m WHERE NOT m.prebuild) AS claimed,
                   ARRAY(SELECT a.workspace_id FROM asked a) AS remove
              FROM verdict v""".formatted(TagMatch.tags("e", "v"), InventoryReads.STATE.formatted("$6::integer"));

    /**
     * A listing is complete: what a build made well before it began and it does not name is missing, of which template admins
     * are told where somebody has the workspace; a prebuild is to be deleted, so that nobody is given it and the pool makes
     * another. A version's template that no version needs any more is to be removed by the worker that lists it. What nobody
     * owns and is not named is forgotten. Where a newer listing was heard before, nothing follows.
     *
     * @param part the last of the listing
     */
    public Uni<Verdict> conclude(UUID worker, Part part, Instant at) {
        Tuple values =
                Tuple.of(worker, part.backend(), part.location(), Rows.utc(part.began()), Rows.utc(at), graceSeconds);
        return pool.withTransaction(connection -> connection
                .preparedQuery(AWAIT_TURN)
                .execute(Tuple.of(worker, part.backend(), part.location()))
                .chain(() -> connection.preparedQuery(CONCLUDE).execute(values))
                .call(rows -> tellMissing(connection, rows, at))
                .map(rows -> Rows.first(rows, InventoryStore::verdict).orElse(Verdict.NONE)));
    }

    private static Verdict verdict(Row row) {
        return new Verdict(
                Set.of(row.getArrayOfUUIDs("remove")),
                row.getInteger("lost"),
                row.getInteger("marked"),
                Boolean.TRUE.equals(row.getBoolean("suspicious")));
    }

    private static final String TELL_MISSING = """
            INSERT INTO notifications (id, organization_id, audience, kind, occasion, detail, created_at)
            SELECT t.id, w.organization_id, 'template_admin', 'workspace_missing', 'workspace_missing:' || w.build_id,
                   jsonb_build_object('workspace_id', w.id, 'workspace', w.name, 'owner', u.name, 'preset_id', w.preset_id,
                                      'template_id', w.template_id, 'template', m.name),
                   $3::timestamptz
              FROM unnest($1::uuid[], $2::uuid[]) AS t (id, workspace)
              JOIN workspaces w ON w.id = t.workspace
              JOIN users u ON u.id = w.owner_id
              JOIN templates m ON m.id = w.template_id
                ON CONFLICT (occasion) DO NOTHING""";

    private Uni<Void> tellMissing(SqlClient client, RowSet<Row> verdict, Instant at) {
        UUID[] claimed =
                Rows.first(verdict, row -> row.getArrayOfUUIDs("claimed")).orElse(new UUID[0]);
        if (claimed.length == 0) {
            return Uni.createFrom().voidItem();
        }
        UUID[] named = new UUID[claimed.length];
        for (int i = 0; i < named.length; i++) {
            named[i] = ids.next();
        }
        return client.preparedQuery(TELL_MISSING)
                .execute(Tuple.of(named, claimed, Rows.utc(at)))
                .replaceWithVoid();
    }

    private static final String FORGET = """
            DELETE FROM inventory_locations l
             WHERE l.heard_at < $1::timestamptz
                OR (l.heard_at < $2::timestamptz AND NOT EXISTS (SELECT FROM inventory i WHERE i.location_id = l.id))""";

    /**
     * Forgets places that no worker has listed since the first instant, and empty ones since the second: their workers are
     * gone for good.
     */
    public Uni<Integer> forget(Instant unheardSince, Instant emptyUnheardSince) {
        return pool.preparedQuery(FORGET)
                .execute(Tuple.of(Rows.utc(unheardSince), Rows.utc(emptyUnheardSince)))
                .map(RowSet::rowCount);
    }

    private static final String REQUEST_REMOVAL = """
            WITH thing AS (
                SELECT i.id, i.name, i.workspace_id, i.removal_requested_at, w.organization_id, %s AS state
                  FROM inventory i
                  JOIN inventory_locations l ON l.id = i.location_id
                  LEFT JOIN workspaces w ON w.id = i.workspace_id
                 WHERE i.id = $1::uuid
                   AND ($2::uuid IS NULL
                        OR (w.organization_id = $2::uuid AND coalesce(l.organization_id, $2::uuid) = $2::uuid))
                   FOR UPDATE OF i),
            nobodys AS (
                SELECT * FROM thing WHERE state IN ('leaked', 'unknown')),
            wanted AS (
                UPDATE inventory i SET removal_requested_at = $4::timestamptz, removal_requested_by = $3::uuid, removal_tries = 0
                  FROM nobodys n WHERE i.id = n.id AND n.removal_requested_at IS NULL),
            swept AS (
                UPDATE settings SET sweep_wanted_at = $4::timestamptz WHERE EXISTS (SELECT FROM nobodys)),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT $5::uuid, $4::timestamptz, n.organization_id, $3::uuid, 'inventory.remove', n.workspace_id,
                       jsonb_build_object('name', n.name, 'state', n.state)
                  FROM nobodys n WHERE n.removal_requested_at IS NULL)
            SELECT state FROM thing""".formatted(InventoryReads.STATE.formatted("$6::integer"));

    /**
     * Asks for the removal of what nobody owns, at the next listing of its place and at every one after it until it is gone.
     * Anything else is left as it is.
     *
     * @return in which state it is; empty where the caller sees no such thing
     */
    public Uni<Optional<String>> requestRemoval(Caller caller, UUID thing, Instant at) {
        return pool.preparedQuery(REQUEST_REMOVAL)
                .execute(Tuple.of(
                        thing,
                        caller.organization().orElse(null),
                        caller.userId(),
                        Rows.utc(at),
                        ids.next(),
                        graceSeconds))
                .map(rows -> Rows.first(rows, row -> row.getString("state")));
    }

    private static final String WANT_SWEEP = """
            WITH swept AS (
                UPDATE settings SET sweep_wanted_at = $1::timestamptz)
            INSERT INTO audit (id, at, organization_id, actor_id, action)
            VALUES ($2::uuid, $1::timestamptz, $3::uuid, $4::uuid, 'inventory.sweep')""";

    /** Asks every worker to list what exists; they see it with their next heartbeat. */
    public Uni<Void> wantSweep(Caller caller, Instant at) {
        return pool.preparedQuery(WANT_SWEEP)
                .execute(
                        Tuple.of(Rows.utc(at), ids.next(), caller.organization().orElse(null), caller.userId()))
                .replaceWithVoid();
    }

    private static final String ACCEPT = """
            WITH place AS (
                SELECT id, organization_id, location, lost, suspicious_since IS NOT NULL AS suspicious
                  FROM inventory_locations WHERE id = $1::uuid FOR UPDATE),
            accepted AS (
                UPDATE inventory_locations l SET accepted_at = $2::timestamptz
                  FROM place p WHERE l.id = p.id AND p.suspicious),
            swept AS (
                UPDATE settings SET sweep_wanted_at = $2::timestamptz WHERE EXISTS (SELECT FROM place WHERE suspicious)),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT $3::uuid, $2::timestamptz, organization_id, $4::uuid, 'inventory.accept', id,
                       jsonb_build_object('location', location, 'lost', lost)
                  FROM place WHERE suspicious)
            SELECT suspicious FROM place""";

    /**
     * Says that what a suspicious listing missed is lost indeed: the next one of this place that begins within an hour is
     * believed.
     *
     * @return whether the place is suspicious; empty where there is no such place
     */
    public Uni<Optional<Boolean>> accept(Caller caller, UUID location, Instant at) {
        return pool.preparedQuery(ACCEPT)
                .execute(Tuple.of(location, Rows.utc(at), ids.next(), caller.userId()))
                .map(rows -> Rows.first(rows, row -> row.getBoolean("suspicious")));
    }
}
