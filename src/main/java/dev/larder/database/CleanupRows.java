package dev.larder.database;

import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlClient;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A type of clean-up that is one statement per batch: it walks a table in the order of its ids, which is the order of
 * creation, from the oldest row to the first one that is too young.
 *
 * @param remove parameters {@code :after}, {@code :end} and {@code :rows}, and {@code :before} and {@code :keep}
 *     where it names them; it returns one row as {@link Batch#of} reads it
 * @param oldest returns at most one row with the column {@code at}
 */
public record CleanupRows(String name, Retention retention, List<String> tables, Statement remove, Sql oldest)
        implements CleanupType {

    /** A statement and whether it names the two parameters that not every one needs. */
    record Statement(Sql sql, boolean before, boolean keep) {

        static Statement of(String text) {
            boolean before = text.contains(":before");
            boolean keep = text.contains(":keep");
            List<String> names = new ArrayList<>(List.of("after", "end", "rows"));
            if (before) {
                names.add("before");
            }
            if (keep) {
                names.add("keep");
            }
            return new Statement(Sql.of(text, names.toArray(String[]::new)), before, keep);
        }
    }

    // Rows are locked before they are deleted, and skipped where another statement has locked them: a clean-up waits
    // for nobody. Arrays, so that the rows are read by their ids whatever the planner knows of the table.
    private static final String WALK = """
            WITH examined AS (
                SELECT t.id, ({removable}) AS removable
                  FROM {table} t WHERE t.id > :after::uuid AND t.id < :end::uuid ORDER BY t.id LIMIT :rows::integer),
            locked AS (
                SELECT t.id FROM {table} t
                 WHERE t.id = ANY (ARRAY(SELECT id FROM examined WHERE removable)) FOR UPDATE SKIP LOCKED),
            deleted AS (
                DELETE FROM {table} t WHERE t.id = ANY (ARRAY(SELECT id FROM locked))
                RETURNING pg_column_size(t) AS bytes)
            SELECT (SELECT count(*) FROM examined) AS examined,
                   (SELECT id::text FROM examined ORDER BY id DESC LIMIT 1) AS position,
                   count(*) AS deleted, coalesce(sum(bytes), 0)::bigint AS bytes
              FROM deleted""";

    /**
     * Removes rows of one table whose ids are UUIDs of version 7.
     *
     * @param removable a condition on the row {@code t}, which is old enough by its id; it may use {@code :before} and
     *     {@code :keep}
     * @param oldest a query for the creation of the oldest row that could ever be removed, as {@code at}
     */
    public static CleanupRows walking(String name, Retention retention, String table, String removable, String oldest) {
        return new CleanupRows(
                name,
                retention,
                List.of(table),
                Statement.of(WALK.replace("{table}", table).replace("{removable}", removable)),
                Sql.of(oldest));
    }

    /** Removes rows of one or more tables by a statement of the type's own. */
    public static CleanupRows by(String name, Retention retention, List<String> tables, String remove, String oldest) {
        return new CleanupRows(name, retention, tables, Statement.of(remove), Sql.of(oldest));
    }

    @Override
    public Uni<Batch> batch(SqlClient transaction, Slice slice) {
        List<@Nullable Object> values =
                new ArrayList<>(List.of(slice.after(), Ids.firstOf(slice.before()), slice.rows()));
        if (remove.before()) {
            values.add(Rows.utc(slice.before()));
        }
        if (remove.keep()) {
            values.add(slice.keepNewest());
        }
        return remove.sql().on(transaction, values.toArray()).map(rows -> Batch.of(rows, slice));
    }

    @Override
    public Uni<Optional<Instant>> oldest(SqlClient client) {
        return oldest.on(client).map(rows -> Rows.first(rows, row -> Rows.instant(row, "at")));
    }
}
