package dev.larder.events;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;

/**
 * The retention of events. The number of events of a partition is kept where they are appended (V21); here those that
 * are too old are removed, batch by batch.
 */
@ApplicationScoped
public class EventStore {

    /** The position before the first batch. */
    public static final String FROM_THE_START = "0";

    /**
     * One batch.
     *
     * @param examined events that it looked at
     * @param removed rows that are really gone
     * @param bytes their size as they are stored
     * @param last where the next batch goes on
     * @param more whether there may be another batch
     */
    public record Batch(long examined, long removed, long bytes, String last, boolean more) {}

    // The oldest transactions first, whole ones, so that the next batch goes on behind the last. The last event of a
    // live subject stays. A partition loses all events up to a number: its order is that of commits, which times of
    // events may contradict by some milliseconds.
    private static final Sql REMOVE_OLD = Sql.of("""
            WITH batch AS MATERIALIZED (
                SELECT e.kind, e.subject, e.seq, e.at, e.tx FROM events e
                 WHERE e.tx > :last::text::xid8 ORDER BY e.tx FETCH FIRST :limit ROWS WITH TIES),
            old AS (
                SELECT b.kind, b.subject, max(b.seq) AS seq FROM batch b
                 WHERE b.at < :before::timestamptz
                   AND NOT CASE b.kind
                       WHEN 'workspace' THEN EXISTS (SELECT FROM workspaces s WHERE s.id = b.subject AND s.event_seq = b.seq
                                                        AND s.deleted_at IS NULL)
                       WHEN 'claim' THEN EXISTS (SELECT FROM claims s WHERE s.id = b.subject AND s.event_seq = b.seq
                                                    AND s.ended_at IS NULL)
                       WHEN 'preset' THEN EXISTS (SELECT FROM presets s WHERE s.id = b.subject AND s.event_seq = b.seq)
                       WHEN 'state' THEN EXISTS (SELECT FROM states s WHERE s.id = b.subject AND s.event_seq = b.seq
                                                    AND s.tombstoned_at IS NULL)
                       ELSE false END
                 GROUP BY b.kind, b.subject),
            removed AS (
                DELETE FROM events e USING old o
                 WHERE e.subject = o.subject AND e.kind = o.kind AND e.seq <= o.seq
                RETURNING pg_column_size(e) AS bytes)
            SELECT (SELECT count(*) FROM removed) AS removed, (SELECT coalesce(sum(bytes), 0) FROM removed)::bigint AS bytes,
                   count(*) AS examined,
                   bool_or(b.at < :before) AS any_old,
                   coalesce((SELECT tx::text FROM batch ORDER BY tx DESC LIMIT 1), :last) AS last
              FROM batch b""", "last", "limit", "before");

    /**
     * Removes events that happened before this time, except the last one of each live workspace, claim, preset and
     * state.
     *
     * @param last {@link #FROM_THE_START}, or where the batch before ended
     * @param limit how many events the batch looks at; a transaction is never divided
     */
    public Uni<Batch> removeOld(SqlClient client, Instant before, String last, int limit) {
        return REMOVE_OLD
                .on(client, last, limit, Rows.utc(before))
                .map(rows -> batch(rows.iterator().next(), limit));
    }

    private static Batch batch(Row row, int limit) {
        boolean anyOld = Boolean.TRUE.equals(row.getBoolean("any_old"));
        long examined = row.getLong("examined");
        return new Batch(
                examined,
                row.getLong("removed"),
                row.getLong("bytes"),
                row.getString("last"),
                anyOld && examined >= limit);
    }

    // A database that was restored into another cluster has numbers of transactions that are still to come there.
    private static final Sql ADOPT = Sql.of("""
            UPDATE events SET tx = pg_current_xact_id()
             WHERE (subject, kind, seq) IN (SELECT subject, kind, seq FROM events
                                             WHERE tx > pg_current_xact_id() ORDER BY tx LIMIT :limit)""", "limit");

    /**
     * Gives events of a restored database a transaction of this cluster, so that their age orders them again. Call it
     * before {@link #removeOld}, until it answers fewer than the limit.
     *
     * @return how many
     */
    public Uni<Integer> adoptRestored(SqlClient client, int limit) {
        return ADOPT.on(client, limit).map(rows -> rows.rowCount());
    }
}
