package dev.larder.webhooks;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;

/**
 * Makes a delivery of each event for each webhook that wants it, in the transaction that moves the cursor: a server
 * that dies leaves both or neither. One server at a time reads; the others skip their turn.
 */
@ApplicationScoped
class FanOutStore {

    private final Pool pool;

    FanOutStore(Pool pool) {
        this.pool = pool;
    }

    // Notifications are read as if each were a subject with one event. Both parts have the same types, so that their
    // indexes are merged in the order of transactions.
    private static final String SOURCE = """
            (SELECT e.tx, e.kind, e.subject, e.seq, e.type, e.at, e.data, NULL::uuid AS organization_id FROM events e
              UNION ALL
             SELECT n.tx, 'notification'::text, n.id, 1::bigint, 'notification.' || n.kind, n.created_at, n.detail, n.organization_id
               FROM notifications n)""";

    // A transaction that began early and commits late is not missed: what counts is whether the last look saw it.
    private static final String UNREAD = """
            e.tx >= (SELECT pg_snapshot_xmin(l.previous) FROM look l)
                   AND e.tx < (SELECT pg_snapshot_xmax(l.until) FROM look l)
                   AND e.tx > (SELECT l.last FROM look l)
                   AND NOT pg_visible_in_snapshot(e.tx, (SELECT l.previous FROM look l))
                   AND pg_visible_in_snapshot(e.tx, (SELECT l.until FROM look l))""";

    private static final String LOOK = """
            WITH look AS MATERIALIZED (
                SELECT c.previous, c.last, c.rescan, coalesce(c.until, pg_current_snapshot()) AS until, c.until IS NOT NULL AS paging
                  FROM webhook_cursor c)""";

    /** A condition: the cursor is of another cluster, from which this database was restored. */
    private static final String FOREIGN = "pg_snapshot_xmax({previous}) > pg_snapshot_xmax(pg_current_snapshot())";

    /**
     * Whether there is anything to do.
     *
     * @param webhooks whether any is enabled
     * @param news whether something may have happened that has no deliveries yet
     */
    record Signs(boolean webhooks, boolean news) {}

    private static final Sql SIGNS = Sql.of(LOOK
            + """
            , enabled AS MATERIALIZED (SELECT EXISTS (SELECT FROM webhooks WHERE enabled_at IS NOT NULL) AS wanted)
            SELECT d.wanted AS webhooks,
                   d.wanted AND (l.paging OR l.rescan OR {foreign} OR EXISTS (SELECT FROM {source} e WHERE {unread})) AS news
              FROM enabled d CROSS JOIN look l""".replace("{foreign}", FOREIGN.replace("{previous}", "l.previous"))
                    .replace("{source}", SOURCE)
                    .replace("{unread}", UNREAD));

    /** Reads only, and without a lock. */
    Uni<Signs> signs() {
        return SIGNS.on(pool)
                .map(rows -> Rows.first(rows, row -> new Signs(row.getBoolean("webhooks"), row.getBoolean("news")))
                        .orElseThrow());
    }

    // A statement of its own: the next one then has a snapshot that is younger than the lock.
    private static final Sql TURN = Sql.of("SELECT " + FOREIGN.replace("{previous}", "c.previous")
            + " AS elsewhere FROM webhook_cursor c FOR UPDATE SKIP LOCKED");

    // Numbers of the other cluster mean nothing here. Events that have a delivery are not given a second one, and a
    // webhook is not sent what happened before it was enabled. The clean-up of events gives them numbers of this one.
    private static final Sql RESTART = Sql.of("""
            WITH adopted AS (
                UPDATE notifications SET tx = pg_current_xact_id() WHERE tx >= pg_snapshot_xmax(pg_current_snapshot()))
            UPDATE webhook_cursor SET previous = '3:3:', until = NULL, last = '0', rescan = true""");

    // Clean-ups belong to the deployment, and no webhook does.
    private static final String PAGE = LOOK + """
            , page AS MATERIALIZED (
                SELECT e.* FROM {source} e WHERE {unread} ORDER BY e.tx FETCH FIRST :limit ROWS WITH TIES),
            told AS MATERIALIZED (
                SELECT p.*, p.kind || ':' || p.subject AS partition,
                       CASE p.kind
                       WHEN 'workspace' THEN (SELECT s.organization_id FROM workspaces s WHERE s.id = p.subject)
                       WHEN 'claim' THEN (SELECT s.organization_id FROM claims s WHERE s.id = p.subject)
                       WHEN 'preset' THEN (SELECT s.organization_id FROM presets s WHERE s.id = p.subject)
                       WHEN 'state' THEN (SELECT s.organization_id FROM states s WHERE s.id = p.subject)
                       ELSE p.organization_id END AS organization
                  FROM page p WHERE p.kind <> 'cleanup')""".replace("{source}", SOURCE).replace("{unread}", UNREAD);

    // A notification of the whole deployment is told to every organization.
    private static final String WANTED = """
            receivers AS MATERIALIZED (
                SELECT w.id, w.organization_id, w.events, w.enabled_at
                  FROM webhooks w JOIN organizations o ON o.id = w.organization_id AND o.deleted_at IS NULL
                 WHERE w.enabled_at IS NOT NULL),
            pairs AS (
                SELECT t.*, w.id AS webhook_id, w.organization_id AS receiver, w.events, w.enabled_at
                  FROM told t JOIN receivers w ON w.organization_id = t.organization
                 UNION ALL
                SELECT t.*, w.id, w.organization_id, w.events, w.enabled_at
                  FROM told t CROSS JOIN receivers w WHERE t.kind = 'notification' AND t.organization IS NULL),
            wanted AS (
                SELECT p.* FROM pairs p
                 WHERE {matches} AND (p.at >= p.enabled_at OR NOT (SELECT l.rescan FROM look l)))""".replace("{matches}", EventTypes.matches("p.events", "p.type"));

    // Deliveries of a page are due a microsecond after each other, so that those of one subject begin in their order.
    private static final String ADDED = """
            added AS (
                INSERT INTO webhook_deliveries (id, webhook_id, event, type, body, created_at, expires_at, due_at)
                SELECT time_ordered_id(:at::timestamptz), t.webhook_id, t.partition || '/' || t.seq, t.type, {body}::text, :at,
                       :expires::timestamptz,
                       :at - make_interval(secs => (count(*) OVER () - row_number() OVER (ORDER BY t.tx, t.subject, t.seq)) / 1e6)
                  FROM wanted t
                    ON CONFLICT (webhook_id, event) DO NOTHING
                RETURNING id)""";

    private static final String BODY = """
            json_build_object('type', t.type, 'timestamp', to_char(t.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                                  'id', t.partition || '/' || t.seq, 'partition', t.partition, 'seq', t.seq,
                                  'organizationId', t.receiver, 'data', t.data)""";

    private static final Sql FAN_OUT =
            Sql.of(PAGE + ",\n" + WANTED + ",\n" + ADDED.replace("{body}", BODY) + """
            , size AS (SELECT count(*) AS n, count(*) >= :limit::integer AS more, max(p.tx::text::numeric)::text AS last FROM page p),
            moved AS (
                UPDATE webhook_cursor c
                   SET previous = CASE WHEN z.more THEN c.previous ELSE l.until END, until = CASE WHEN z.more THEN l.until END,
                       last = CASE WHEN z.more THEN z.last::xid8 ELSE '0' END,
                       rescan = c.rescan AND (z.more OR coalesce((SELECT e.tx FROM events e ORDER BY e.tx DESC LIMIT 1)
                                                                     >= pg_snapshot_xmax(l.until), false))
                  FROM size z, look l WHERE z.n > 0 OR l.paging OR l.rescan)
            SELECT z.more, (SELECT count(*) FROM added) AS added FROM size z""", "limit", "at", "expires");

    /**
     * What a turn did.
     *
     * @param added deliveries that were made
     * @param more whether there may be more to read
     */
    record Turn(int added, boolean more) {}

    /**
     * Reads some events and makes their deliveries; nothing where another server does.
     *
     * @param limit how many events are read; a transaction is never divided
     * @param giveUpAfter how long each delivery is tried
     */
    Uni<Turn> turn(int limit, Instant at, Duration giveUpAfter) {
        return pool.withTransaction(connection -> TURN.on(connection)
                .map(rows -> Rows.first(rows, row -> row.getBoolean("elsewhere")))
                .chain(elsewhere -> elsewhere.isPresent()
                        ? turn(connection, elsewhere.get(), limit, at, giveUpAfter)
                        : Uni.createFrom().item(new Turn(0, false))));
    }

    private static Uni<Turn> turn(
            SqlConnection connection, boolean elsewhere, int limit, Instant at, Duration giveUpAfter) {
        return elsewhere
                ? RESTART.on(connection).replaceWith(new Turn(0, true))
                : FAN_OUT.on(connection, limit, Rows.utc(at), Rows.utc(at.plus(giveUpAfter)))
                        .map(rows -> Rows.first(rows, FanOutStore::turn).orElseThrow());
    }

    private static Turn turn(Row row) {
        return new Turn(row.getLong("added").intValue(), row.getBoolean("more"));
    }
}
