package dev.larder.events;

import dev.larder.database.CleanupType;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Removes events by their age (decisions 0035 and 0036), except the newest one of each live subject. The number of
 * events of a partition is bounded where they are appended (V21).
 */
@Singleton
class EventCleanupStore implements CleanupType {

    /** The position before the first transaction. */
    private static final String FROM_THE_START = "0";

    @Override
    public String name() {
        return "events";
    }

    @Override
    public Retention retention() {
        return Retention.of(Duration.ofDays(7), Duration.ofHours(1));
    }

    @Override
    public List<String> tables() {
        return List.of("events");
    }

    private static final String IS_NEWEST_OF_LIVE = """
            CASE e.kind
                       WHEN 'workspace' THEN EXISTS (SELECT FROM workspaces s WHERE s.id = e.subject AND s.event_seq = e.seq
                                                        AND s.deleted_at IS NULL)
                       WHEN 'claim' THEN EXISTS (SELECT FROM claims s WHERE s.id = e.subject AND s.event_seq = e.seq
                                                    AND s.ended_at IS NULL)
                       WHEN 'preset' THEN EXISTS (SELECT FROM presets s WHERE s.id = e.subject AND s.event_seq = e.seq)
                       WHEN 'state' THEN EXISTS (SELECT FROM states s WHERE s.id = e.subject AND s.event_seq = e.seq
                                                    AND s.tombstoned_at IS NULL)
                       WHEN 'cleanup' THEN EXISTS (SELECT FROM cleanup_operations s WHERE s.id = e.subject
                                                      AND s.event_seq = e.seq AND s.ended_at IS NULL)
                       END""";

    // The oldest transactions first, whole ones, so that the next batch goes on behind the last. A partition loses all
    // events up to a number: its order is that of commits, which times of events may contradict by some milliseconds.
    // A row that a full partition removes at this moment is passed over.
    private static final Sql REMOVE = Sql.of("""
            WITH examined AS MATERIALIZED (
                SELECT e.kind, e.subject, e.seq, e.at, e.tx FROM events e
                 WHERE e.tx > :last::text::xid8 ORDER BY e.tx FETCH FIRST :rows ROWS WITH TIES),
            old AS (
                SELECT e.kind, e.subject, max(e.seq) AS seq FROM examined e
                 WHERE e.at < :before::timestamptz AND NOT %s
                 GROUP BY e.kind, e.subject),
            locked AS (
                SELECT e.kind, e.subject, e.seq FROM events e JOIN old o
                    ON e.subject = o.subject AND e.kind = o.kind AND e.seq <= o.seq
                   FOR UPDATE OF e SKIP LOCKED),
            deleted AS (
                DELETE FROM events e USING locked l
                 WHERE e.subject = l.subject AND e.kind = l.kind AND e.seq = l.seq
                RETURNING pg_column_size(e) AS bytes)
            SELECT count(*) AS examined, (SELECT count(*) FROM deleted) AS deleted,
                   (SELECT coalesce(sum(bytes), 0)::bigint FROM deleted) AS bytes,
                   CASE WHEN bool_or(e.at < :before)
                        THEN (SELECT tx::text FROM examined ORDER BY tx DESC LIMIT 1) END AS position
              FROM examined e""".formatted(IS_NEWEST_OF_LIVE), "last", "rows", "before");

    private static Uni<Batch> remove(SqlClient transaction, Slice slice, String last) {
        return REMOVE.on(transaction, last, slice.rows(), Rows.utc(slice.before()))
                .map(rows -> Batch.of(rows, slice));
    }

    // A database that was restored into another cluster has numbers of transactions that are still to come there.
    private static final Sql ADOPT = Sql.of("""
            UPDATE events SET tx = pg_current_xact_id()
             WHERE (subject, kind, seq) IN (SELECT subject, kind, seq FROM events
                                             WHERE tx > pg_current_xact_id() ORDER BY tx LIMIT :rows)""", "rows");

    /** First gives events of a restored database a transaction of this cluster, so that their age orders them again. */
    @Override
    public Uni<Batch> batch(SqlClient transaction, Slice slice) {
        String last = slice.position();
        return last == null || last.equals(FROM_THE_START)
                ? ADOPT.on(transaction, slice.rows()).chain(adopted -> begin(transaction, slice, adopted.rowCount()))
                : remove(transaction, slice, last);
    }

    private static Uni<Batch> begin(SqlClient transaction, Slice slice, int adopted) {
        return adopted < slice.rows()
                ? remove(transaction, slice, FROM_THE_START)
                : Uni.createFrom().item(new Batch(adopted, 0, 0, 0, FROM_THE_START));
    }

    // Newest events of live subjects gather at the start, so that a look is bounded by a number of its own.
    private static final Sql OLDEST = Sql.of("""
            SELECT e.at FROM (SELECT kind, subject, seq, at, tx FROM events ORDER BY tx LIMIT 10000) e
             WHERE NOT %s
             ORDER BY e.tx LIMIT 1""".formatted(IS_NEWEST_OF_LIVE));

    @Override
    public Uni<Optional<Instant>> oldest(SqlClient client) {
        return OLDEST.on(client).map(rows -> Rows.first(rows, row -> Rows.instant(row, "at")));
    }
}
