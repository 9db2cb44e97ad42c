package dev.larder.inventory;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.MissingWorkspaces;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Ids;
import dev.larder.model.Inventory.Connections;
import dev.larder.model.Inventory.Item;
import dev.larder.model.Inventory.Part;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/**
 * Records what workers list (decision 0016). A listing comes in parts: each names things that exist in one
 * place, and the last one says that nothing else does, which {@link MissingStore} evaluates. All parts of one
 * place wait for each other at the row of the place; workspaces are locked after it, in the order of their
 * ids, and a workspace that another transaction has locked is left to the next listing.
 */
@ApplicationScoped
public class ListingStore {

    /** How many things of one place are recorded. */
    public static final int THINGS_MAX = 100_000;

    private static final int LOCATIONS_MAX = 10_000;
    private static final int LOCATIONS_OF_ONE_ORGANIZATION_MAX = 100;
    private static final int CONNECTIONS_KEPT = 25;
    private static final int ORGANIZATION_PERCENT = 50;

    private final Pool pool;
    private final Ids ids;
    private final int thingsMax;
    private final int connectionsKept;
    private final int organizationPercent;

    /**
     * @param connectionsKept how many of a PostgreSQL server's connections are kept for Larder itself;
     *     claimed workspaces never have them
     * @param organizationPercent how many in a hundred of the other connections the workspaces of one
     *     organization may have
     */
    @Inject
    public ListingStore(
            Pool pool,
            Ids ids,
            @ConfigProperty(name = "larder.connections.kept", defaultValue = "" + CONNECTIONS_KEPT) int connectionsKept,
            @ConfigProperty(name = "larder.connections.organization-percent", defaultValue = "" + ORGANIZATION_PERCENT)
                    int organizationPercent) {
        this(pool, ids, THINGS_MAX, connectionsKept, organizationPercent);
    }

    /** With the defaults. */
    public ListingStore(Pool pool, Ids ids) {
        this(pool, ids, THINGS_MAX);
    }

    ListingStore(Pool pool, Ids ids, int thingsMax) {
        this(pool, ids, thingsMax, CONNECTIONS_KEPT, ORGANIZATION_PERCENT);
    }

    private ListingStore(Pool pool, Ids ids, int thingsMax, int connectionsKept, int organizationPercent) {
        this.pool = pool;
        this.ids = ids;
        this.thingsMax = thingsMax;
        this.connectionsKept = connectionsKept;
        this.organizationPercent = organizationPercent;
    }

    /** The result of recording a part. */
    public enum Recorded {
        YES,
        /** The worker does not exist, has stopped, or did not say that it builds with this backend. */
        UNKNOWN_WORKER,
        /** There are more things or places than are recorded. */
        TOO_MANY
    }

    /**
     * {@code place}: the row of the place, new or renewed; none where the worker is unknown or has too many
     * places.
     */
    private static final String RECORD_PLACE = """
            me AS (
                SELECT k.id, k.organization_id FROM workers k
                 WHERE k.id = :worker::uuid AND k.stopped_at IS NULL AND :backend::text = ANY (k.backends)),
            place AS (
                INSERT INTO inventory_locations AS l (id, organization_id, backend, location, worker_id, heard_at,
                                                      connections, connections_per_organization, connections_per_workspace)
                SELECT :place::uuid, me.organization_id, :backend::text, :location::text, me.id, :at::timestamptz,
                       :connections::integer, :connections_per_organization::integer, :connections_per_workspace::integer
                  FROM me
                 WHERE EXISTS (SELECT FROM inventory_locations o
                                WHERE o.organization_id IS NOT DISTINCT FROM me.organization_id
                                  AND o.backend = :backend::text AND o.location = :location::text)
                    OR (SELECT count(*) FROM inventory_locations o
                         WHERE o.organization_id IS NOT DISTINCT FROM me.organization_id)
                       < CASE WHEN me.organization_id IS NULL THEN :places_max::integer
                              ELSE :organization_places_max::integer END
                    ON CONFLICT (organization_id, backend, location)
                    DO UPDATE SET worker_id = excluded.worker_id, heard_at = excluded.heard_at,
                                  connections = excluded.connections,
                                  connections_per_organization = excluded.connections_per_organization,
                                  connections_per_workspace = excluded.connections_per_workspace
                RETURNING l.id, l.organization_id, l.listed_at),
            worker_place AS (
                UPDATE workers k SET place_id = p.id
                  FROM place p
                 WHERE k.id = :worker::uuid AND :connections::integer IS NOT NULL AND k.place_id IS DISTINCT FROM p.id)""";

    /**
     * {@code seen}: the things that the part names. {@code room}: the place, where it has not too many
     * things. What an older listing says after a newer one has ended, or has seen the thing, changes nothing.
     */
    private static final String RECORD_THINGS = """
            named AS (
                SELECT DISTINCT ON (t.workspace) t.*
                  FROM unnest(:ids::uuid[], :workspaces::uuid[], :names::text[], :wholes::boolean[], :made_at::timestamptz[])
                         AS t (id, workspace, name, whole, made_at)
                 ORDER BY t.workspace, t.whole DESC),
            room AS (
                SELECT p.* FROM place p
                 WHERE (SELECT count(*) FROM inventory i WHERE i.location_id = p.id)
                       + (SELECT count(*) FROM named n
                           WHERE NOT EXISTS (SELECT FROM inventory i
                                              WHERE i.location_id = p.id AND i.workspace_id = n.workspace))
                       <= :things_max::integer),
            seen AS (
                INSERT INTO inventory AS i (id, location_id, workspace_id, name, whole, whole_at, made_at, first_seen_at,
                                            last_seen_at, seen_by)
                SELECT n.id, r.id, n.workspace, n.name, n.whole, CASE WHEN n.whole THEN :began::timestamptz END, n.made_at,
                       :at::timestamptz, :began::timestamptz, :worker::uuid
                  FROM named n CROSS JOIN room r
                 WHERE r.listed_at IS NULL OR r.listed_at <= :began::timestamptz
                 ORDER BY n.workspace
                    ON CONFLICT (location_id, workspace_id)
                    DO UPDATE SET name = excluded.name, whole = excluded.whole, made_at = excluded.made_at,
                                  whole_at = coalesce(excluded.whole_at, i.whole_at), last_seen_at = excluded.last_seen_at,
                                  seen_by = excluded.seen_by,
                                  gone_at = CASE WHEN NOT excluded.whole THEN i.gone_at END
                     WHERE i.last_seen_at <= excluded.last_seen_at
                RETURNING i.workspace_id, i.whole)""";

    /** Workspaces that are whole here are missing no more, and get the place whose connections are counted. */
    private static final String FOUND_WORKSPACES =
            """
            back AS (
                SELECT w.id, r.id AS place_id
                  FROM workspaces w
                  LEFT JOIN room r ON :connections::integer IS NOT NULL AND (w.place_id IS NULL OR r.organization_id IS NULL)
                 WHERE w.id = ANY (ARRAY(SELECT s.workspace_id FROM seen s WHERE s.whole))
                   AND (w.missing_since IS NOT NULL OR w.place_id IS DISTINCT FROM coalesce(r.id, w.place_id))
                   AND (SELECT %s FROM room r)
                 ORDER BY w.id
                   FOR UPDATE OF w SKIP LOCKED),
            found AS (
                %s)""".formatted(Rules.serves("r", "w.organization_id"), MissingWorkspaces.found("back"));

    private static final Sql RECORD = Sql.of(
            "WITH " + String.join(",\n", RECORD_PLACE, RECORD_THINGS, FOUND_WORKSPACES)
                    + " SELECT EXISTS (SELECT FROM me) AS known, EXISTS (SELECT FROM room) AS room",
            "worker",
            "place",
            "backend",
            "location",
            "began",
            "at",
            "ids",
            "workspaces",
            "names",
            "wholes",
            "made_at",
            "things_max",
            "places_max",
            "organization_places_max",
            "connections",
            "connections_per_organization",
            "connections_per_workspace");

    /**
     * Records that what this part names exists. A missing workspace that is whole again is no longer missing.
     * A worker of one organization is heard about its own places and its own organization's workspaces only.
     * Idempotent.
     *
     * @param at now
     */
    public Uni<Recorded> record(UUID worker, Part part, Instant at) {
        List<Item> things = part.things();
        @Nullable Integer connections = usable(part);
        return RECORD.on(
                        pool,
                        worker,
                        ids.next(),
                        part.backend(),
                        part.location(),
                        Rows.utc(part.began()),
                        Rows.utc(at),
                        things.stream().map(thing -> ids.next()).toArray(UUID[]::new),
                        things.stream().map(Item::workspace).toArray(UUID[]::new),
                        things.stream().map(Item::name).toArray(String[]::new),
                        things.stream().map(Item::whole).toArray(Boolean[]::new),
                        things.stream()
                                .map(thing -> Rows.utcOrNull(thing.madeAt()))
                                .toArray(OffsetDateTime[]::new),
                        thingsMax,
                        LOCATIONS_MAX,
                        LOCATIONS_OF_ONE_ORGANIZATION_MAX,
                        connections,
                        connections == null ? null : (int) ((long) connections * organizationPercent / 100),
                        part.connections().map(Connections::perWorkspace).orElse(null))
                .map(rows -> recorded(rows.iterator().next()));
    }

    /** How many connections claimed workspaces may have in all; null where the worker does not count them. */
    private @Nullable Integer usable(Part part) {
        return part.connections()
                .map(counted -> Math.max(0, counted.all() - connectionsKept))
                .orElse(null);
    }

    private static Recorded recorded(Row row) {
        if (!Boolean.TRUE.equals(row.getBoolean("known"))) {
            return Recorded.UNKNOWN_WORKER;
        }
        return Boolean.TRUE.equals(row.getBoolean("room")) ? Recorded.YES : Recorded.TOO_MANY;
    }

    private static final Sql FORGET = Sql.of("""
            DELETE FROM inventory_locations l
             WHERE l.heard_at < :unheard_since::timestamptz
                OR (l.heard_at < :empty_since::timestamptz
                    AND NOT EXISTS (SELECT FROM inventory i WHERE i.location_id = l.id))""", "unheard_since", "empty_since");

    /**
     * Forgets places that no worker has listed since the first instant, and empty places that no worker has
     * listed since the second: their workers are gone for good.
     *
     * @return how many places
     */
    public Uni<Integer> forget(Instant unheardSince, Instant emptySince) {
        return FORGET.on(pool, Rows.utc(unheardSince), Rows.utc(emptySince)).map(RowSet::rowCount);
    }
}
