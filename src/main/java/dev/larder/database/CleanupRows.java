package dev.larder.database;

import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A type of clean-up that is one statement per batch. Most of them walk one table in the order of its ids, which is the
 * order of creation, from the oldest row to the first one that is too young.
 *
 * @param remove returns one row as {@link Batch#of} reads it
 * @param oldest returns at most one row with the column {@code at}
 */
public record CleanupRows(String name, Retention retention, List<String> tables, Statement remove, Sql oldest)
        implements CleanupType {

    /** What a statement may ask for, by its parameters' names, and only where it does. */
    private static final Map<String, Function<Slice, @Nullable Object>> PARAMETERS = new TreeMap<>(Map.of(
            "after", Slice::after,
            "position", Slice::position,
            "end", slice -> Ids.firstOf(slice.before()),
            "rows", Slice::rows,
            "now", slice -> Rows.utc(slice.now()),
            "before", slice -> Rows.utc(slice.before()),
            "keep", Slice::keepNewest));

    /** A statement and the values of the parameters that it has. */
    record Statement(Sql sql, List<Function<Slice, @Nullable Object>> values) {

        static Statement of(String text) {
            Map<String, Function<Slice, @Nullable Object>> asked = new TreeMap<>(PARAMETERS);
            asked.keySet()
                    .removeIf(name -> !Pattern.compile("(?<!:):" + name + "\\b")
                            .matcher(text)
                            .find());
            return new Statement(Sql.of(text, asked.keySet().toArray(String[]::new)), List.copyOf(asked.values()));
        }

        Uni<RowSet<Row>> on(SqlClient transaction, Slice slice) {
            return sql.on(
                    transaction,
                    values.stream().map(value -> value.apply(slice)).toArray());
        }
    }

    /** The end of every statement: what the CTEs {@code examined} and {@code deleted} did. */
    public static final String COUNTED = """
            SELECT (SELECT count(*) FROM examined) AS examined, {position} AS position,
                   count(*) AS deleted, coalesce(sum(bytes), 0)::bigint AS bytes
              FROM deleted""";

    /** The position after {@code examined}, whose rows have an {@code id}. */
    public static final String LAST = "(SELECT id::text FROM examined ORDER BY id DESC LIMIT 1)";

    // Rows are locked before they are deleted, and skipped where another statement has locked them: a clean-up makes
    // no other statement wait. With arrays the rows are read by their ids, whatever the planner knows of the table.
    private static final String WALK = """
            WITH examined AS (
                SELECT t.id, ({removable}) AS removable
                  FROM {table} t WHERE t.id > :after::uuid AND t.id < :end::uuid ORDER BY t.id LIMIT :rows::integer),
            locked AS (
                SELECT t.id FROM {table} t
                 WHERE t.id = ANY (ARRAY(SELECT id FROM examined WHERE removable)) FOR UPDATE SKIP LOCKED),
            gone AS (
                DELETE FROM {table} t WHERE t.id = ANY (ARRAY(SELECT id FROM locked))
                RETURNING {size} AS bytes),
            {parts}deleted AS (SELECT bytes FROM gone{counted})
            """ + COUNTED.replace("{position}", LAST);

    private static final String PART = """
            {table} AS (
                DELETE FROM {table} p WHERE p.{column} = ANY (ARRAY(SELECT id FROM locked))
                RETURNING pg_column_size(p) AS bytes),
            """;

    /** Removes rows of one table whose ids are UUIDs of version 7. The type has the name of the table. */
    public static CleanupRows walking(Retention retention, Walk walk) {
        List<String> tables = new ArrayList<>(List.of(walk.table));
        StringBuilder parts = new StringBuilder();
        StringBuilder counted = new StringBuilder();
        walk.parts.forEach((table, column) -> {
            tables.add(table);
            parts.append(PART.replace("{table}", table).replace("{column}", column));
            counted.append(" UNION ALL SELECT bytes FROM ").append(table);
        });
        String remove = WALK.replace("{table}", walk.table)
                .replace("{removable}", walk.removable)
                .replace("{size}", walk.size)
                .replace("{parts}", parts)
                .replace("{counted}", counted);
        return by(walk.table, retention, tables, remove, walk.oldest);
    }

    /**
     * Which rows of a table are removed.
     *
     * @param removable a condition on the row {@code t}, which is old enough by its id. It may use {@code :before}
     *     and {@code :keep}
     * @param oldest a query for the time of the oldest row that could ever be removed, as {@code at}
     * @param size an expression: how many bytes the row {@code t} holds
     * @param parts rows of other tables that are removed with it: the table, and its column with the id of the row
     */
    public record Walk(String table, String removable, String oldest, String size, Map<String, String> parts) {

        public Walk(String table, String removable, String oldest) {
            this(table, removable, oldest, "pg_column_size(t)", Map.of());
        }

        public Walk sized(String bytes) {
            return new Walk(table, removable, oldest, bytes, parts);
        }

        public Walk with(String part, String column) {
            return new Walk(table, removable, oldest, size, Map.of(part, column));
        }
    }

    /**
     * Removes rows by a statement of the type's own. Its parameters are those of {@code :after} and {@code :position},
     * {@code :end}, the first id that is too young, {@code :now}, {@code :before}, {@code :keep} and {@code :rows} that
     * it names.
     */
    public static CleanupRows by(String name, Retention retention, List<String> tables, String remove, String oldest) {
        return new CleanupRows(name, retention, tables, Statement.of(remove), Sql.of(oldest));
    }

    /**
     * A condition: as many newer rows exist as are kept. The statement has a parameter {@code :keep}.
     *
     * @param newer a condition: the row {@code n} is a newer one of the same owner as the row {@code t}
     */
    public static String enoughNewer(String table, String newer) {
        return ":keep::integer <= (SELECT count(*) FROM (SELECT FROM %s n WHERE %s LIMIT :keep) newer)"
                .formatted(table, newer);
    }

    /**
     * A query for {@link #oldest}: the earliest of a column, among the first 1,000 rows by their ids.
     *
     * @param condition on the row {@code t}; a row that fails it does not count
     */
    public static String oldestOf(String table, String column, String condition) {
        return """
                SELECT min(t.%2$s) AS at FROM (SELECT * FROM %1$s ORDER BY id LIMIT 1000) t
                 WHERE t.%2$s IS NOT NULL AND (%3$s) HAVING min(t.%2$s) IS NOT NULL""".formatted(table, column, condition);
    }

    @Override
    public Uni<Batch> batch(SqlClient transaction, Slice slice) {
        return remove.on(transaction, slice).map(rows -> Batch.of(rows, slice));
    }

    @Override
    public Uni<Optional<Instant>> oldest(SqlClient client) {
        return oldest.on(client).map(rows -> Rows.first(rows, row -> Rows.instant(row, "at")));
    }
}
