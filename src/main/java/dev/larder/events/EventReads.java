package dev.larder.events;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Reads events: of one partition by number, and of all followed ones by what has committed since the last look. */
@ApplicationScoped
public class EventReads {

    private final Pool pool;

    public EventReads(Pool pool) {
        this.pool = pool;
    }

    /**
     * Where a feed is: it has seen what {@code previous} shows, and of what {@code until} shows the transactions
     * up to {@code last}.
     *
     * @param until null: the next look reads up to the moment at which it is made
     */
    record Position(String previous, @Nullable String until, String last) {

        static Position at(String snapshot) {
            return new Position(snapshot, null, "0");
        }
    }

    /**
     * What a look found.
     *
     * @param more whether {@code next} is not up to date yet
     */
    record Look(List<Event> events, Position next, boolean more) {}

    private static final Sql NOW = Sql.of("SELECT pg_current_snapshot()::text AS snapshot");

    /** A position that has seen all that is committed now. */
    Uni<Position> now() {
        return NOW.on(pool).map(rows -> Position.at(rows.iterator().next().getString("snapshot")));
    }

    // Whole transactions are read, so that the last one tells where to go on. A transaction number beyond the current
    // ones is that of another cluster, from which this database was restored: it is not new. The page is read by
    // transaction and only then reduced to what is followed, so that the work of a look is bounded either way.
    private static final Sql SINCE = Sql.of("""
            WITH look AS MATERIALIZED (
                SELECT coalesce(:until::text::pg_snapshot, pg_current_snapshot()) AS until, :previous::text::pg_snapshot AS previous),
            page AS MATERIALIZED (
                SELECT e.* FROM events e
                 WHERE e.tx >= (SELECT pg_snapshot_xmin(l.previous) FROM look l)
                   AND e.tx < (SELECT pg_snapshot_xmax(l.until) FROM look l)
                   AND e.tx > :last::text::xid8
                   AND NOT pg_visible_in_snapshot(e.tx, :previous::text::pg_snapshot)
                   AND pg_visible_in_snapshot(e.tx, (SELECT l.until FROM look l))
                 ORDER BY e.tx FETCH FIRST :limit ROWS WITH TIES)
            SELECT l.until::text AS until, (SELECT count(*) FROM page) AS scanned,
                   (SELECT p.tx::text FROM page p ORDER BY p.tx DESC LIMIT 1) AS last,
                   e.kind, e.subject, e.seq, e.type, e.at, e.data
              FROM look l LEFT JOIN page e ON e.subject = ANY (:subjects::uuid[])
             ORDER BY e.subject, e.kind, e.seq""", "previous", "until", "last", "limit", "subjects");

    /**
     * The events of these subjects that have committed since this position, in the order of their partitions.
     *
     * @param limit how many events of any subject a look reads; a transaction is never divided
     */
    Uni<Look> since(Position position, Collection<UUID> subjects, int limit) {
        return SINCE.on(
                        pool,
                        position.previous(),
                        position.until(),
                        position.last(),
                        limit,
                        subjects.toArray(UUID[]::new))
                .map(rows -> look(rows, position, limit));
    }

    private static Look look(RowSet<Row> rows, Position position, int limit) {
        Row any = rows.iterator().next();
        String until = any.getString("until");
        boolean more = any.getLong("scanned") >= limit;
        List<Event> events = new ArrayList<>();
        for (Row row : rows) {
            if (row.getUUID("subject") != null) {
                events.add(event(row));
            }
        }
        return new Look(
                events,
                more ? new Position(position.previous(), until, any.getString("last")) : Position.at(until),
                more);
    }

    private static final Sql AFTER = Sql.of("""
            SELECT kind, subject, seq, type, at, data FROM events
             WHERE subject = :subject AND kind = :kind AND seq > :after::bigint
             ORDER BY seq LIMIT :limit""", "subject", "kind", "after", "limit");

    /** Events of a partition, in order. */
    Uni<List<Event>> after(Partition partition, long seq, int limit) {
        return AFTER.on(pool, partition.subject(), partition.kind().word(), seq, limit)
                .map(rows -> Rows.list(rows, EventReads::event));
    }

    private static final Sql FIND = Sql.of("""
            SELECT kind, subject, seq, type, at, data FROM events
             WHERE subject = :subject AND kind = :kind AND seq = :seq::bigint""", "subject", "kind", "seq");

    /** Empty where there is none, or it was removed. */
    Uni<Optional<Event>> find(Partition partition, long seq) {
        return FIND.on(pool, partition.subject(), partition.kind().word(), seq)
                .map(rows -> Rows.first(rows, EventReads::event));
    }

    private static final Sql START = Sql.of("""
            SELECT coalesce((SELECT seq FROM events
                              WHERE subject = :subject AND kind = :kind AND at < :from::timestamptz
                              ORDER BY seq DESC LIMIT 1),
                            (SELECT seq - 1 FROM events WHERE subject = :subject AND kind = :kind ORDER BY seq LIMIT 1),
                            :newest::bigint) AS seq""", "subject", "kind", "from", "newest");

    /**
     * The number after which the events since this time follow.
     *
     * @param newest the number of the partition's newest event: the answer where all events were removed
     */
    Uni<Long> start(Partition partition, Instant from, long newest) {
        return START.on(pool, partition.subject(), partition.kind().word(), Rows.utc(from), newest)
                .map(rows -> rows.iterator().next().getLong("seq"));
    }

    // A member sees what is its own. All users of an organization see its presets; the deployment's own users see the
    // clean-ups.
    private static final Sql NEWEST = Sql.of(
            """
            SELECT w.event_seq AS newest FROM workspaces w
             WHERE :kind = 'workspace' AND w.id = :subject AND {w} AND (:owner::uuid IS NULL OR w.owner_id = :owner)
             UNION ALL
            SELECT c.event_seq FROM claims c
             WHERE :kind = 'claim' AND c.id = :subject AND {c} AND (:owner IS NULL OR c.user_id = :owner)
             UNION ALL
            SELECT p.event_seq FROM presets p WHERE :kind = 'preset' AND p.id = :subject AND {p}
             UNION ALL
            SELECT s.event_seq FROM states s LEFT JOIN workspaces w ON w.id = s.workspace_id
             WHERE :kind = 'state' AND s.id = :subject AND {s}
               AND (:owner IS NULL OR coalesce(w.owner_id, s.owner_id) = :owner)
             UNION ALL
            SELECT o.event_seq FROM cleanup_operations o
             WHERE :kind = 'cleanup' AND o.id = :subject AND :organization::uuid IS NULL AND :owner IS NULL""".replace("{w}", Rules.visibleTo("w.organization_id"))
                    .replace("{c}", Rules.visibleTo("c.organization_id"))
                    .replace("{p}", Rules.visibleTo("p.organization_id"))
                    .replace("{s}", Rules.visibleTo("s.organization_id")),
            "kind",
            "subject",
            "organization",
            "owner");

    /** The number of a partition's newest event, 0 before the first; empty where the caller cannot see its subject. */
    Uni<OptionalLong> newest(Partition partition, Visibility scope) {
        return NEWEST.on(
                        pool,
                        partition.kind().word(),
                        partition.subject(),
                        scope.organization().orElse(null),
                        scope.owner().orElse(null))
                .map(rows -> Rows.first(rows, row -> OptionalLong.of(row.getLong("newest")))
                        .orElse(OptionalLong.empty()));
    }

    private static Event event(Row row) {
        return new Event(
                new Partition(Partition.Kind.ofWord(row.getString("kind")).orElseThrow(), row.getUUID("subject")),
                row.getLong("seq"),
                row.getString("type"),
                Rows.instant(row, "at"),
                (JsonObject) row.getJson("data"));
    }
}
