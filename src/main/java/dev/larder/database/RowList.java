package dev.larder.database;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * A list of rows by their ids, newest first (decision 0043). Its statement has the conditions that a call gives and no
 * others: PostgreSQL can use an index for each of them, which it cannot for {@code :x IS NULL OR …}.
 *
 * <p>A condition that an index serves is {@linkplain Query#where given} as such. For any other one, a {@linkplain
 * Query#filter filter}, a page looks at 5,000 rows at most, and says where it stopped.
 */
public final class RowList {

    static final int EXAMINED_MAX = 5_000;
    static final int COUNTED_MAX = 10_000;
    static final int EXAMINED_FOR_TOTAL_MAX = 100_000;

    /** No page has more rows. PostgreSQL takes a limit that is a parameter for a tenth of the table. */
    private static final int ROWS_MAX = 201;

    private final String rows;
    private final String id;
    private final Map<String, Statement> statements = new ConcurrentHashMap<>();

    /**
     * @param rows what follows {@code FROM}; a list with filters has one table, called {@code x}
     * @param id the column of the id, of version 7
     */
    public RowList(String rows, String id) {
        this.rows = rows;
        this.id = id;
    }

    /** All rows. */
    public Query all() {
        return new Query();
    }

    /** @param names the parameters that the text has, of those that the call gives */
    private record Statement(Sql sql, List<String> names) {

        static Statement of(String text, Collection<String> given) {
            List<String> names = given.stream().filter(name -> has(text, name)).toList();
            return new Statement(Sql.of(text, names.toArray(String[]::new)), names);
        }

        private static boolean has(String text, String name) {
            return Pattern.compile("(?<!:):" + name + "\\b").matcher(text).find();
        }

        Uni<RowSet<Row>> on(SqlClient client, Query query) {
            return sql.on(client, names.stream().map(query.values::get).toArray());
        }
    }

    /** The conditions of one call. Texts of conditions are constants: a statement is kept for each combination. */
    public final class Query {

        private final List<String> where = new ArrayList<>();
        private final List<String> filters = new ArrayList<>();
        private final Map<String, Object> values = new LinkedHashMap<>();
        private String keys = "";

        private Query() {}

        /** A condition without a parameter, or with those that {@link #with} gives. */
        @CanIgnoreReturnValue
        public Query where(String condition) {
            where.add(condition);
            return this;
        }

        /** A condition that holds only where the value is given; an index serves it. */
        @CanIgnoreReturnValue
        public Query where(String condition, String name, Optional<?> value) {
            return value.isEmpty() ? this : with(name, value.get()).where(condition);
        }

        /** A condition that holds only where the value is given; no index serves it. */
        @CanIgnoreReturnValue
        public Query filter(String condition, String name, Optional<?> value) {
            return value.isEmpty() ? this : with(name, value.get()).filter(condition);
        }

        /** The same, with the parameters that {@link #with} gives. */
        @CanIgnoreReturnValue
        public Query filter(String condition) {
            filters.add(condition);
            return this;
        }

        /** Gives a parameter its value. */
        @CanIgnoreReturnValue
        public Query with(String name, Object value) {
            values.put(name, value);
            return this;
        }

        /**
         * A condition: the column is one of these keys. An index on the column and the id serves the first one that
         * is given; another one is a filter.
         *
         * @param select a statement with one column {@code key}, that gives few rows
         */
        @CanIgnoreReturnValue
        public Query among(String column, String select) {
            if (!keys.isEmpty()) {
                return filter(column + " IN (" + select + ")");
            }
            keys = select;
            return where(column + " = k.key");
        }

        /**
         * A page.
         *
         * @param select the statement that gives the rows of some ids, up to its {@code WHERE}
         * @param column the column of the id in it
         * @param after the last id of the page before
         * @param limit how many rows; 201 at most
         */
        public <T> Uni<Slice<T>> page(
                SqlClient client, String select, String column, Optional<UUID> after, int limit, Function<Row, T> row) {
            Query rest = copy().where(id + " < :after", "after", after);
            return rest.with("limit", limit)
                    .page(select, column)
                    .on(client, rest)
                    .chain(found -> rest.slice(client, found, limit, row));
        }

        private Query copy() {
            Query copy = new Query();
            copy.where.addAll(where);
            copy.filters.addAll(filters);
            copy.values.putAll(values);
            copy.keys = keys;
            return copy;
        }

        private Statement page(String select, String column) {
            return statement(
                    select + " WHERE " + column + " = ANY (ARRAY(" + ids() + ")) ORDER BY " + column + " DESC");
        }

        private <T> Uni<Slice<T>> slice(SqlClient client, RowSet<Row> found, int limit, Function<Row, T> row) {
            List<T> all = Rows.list(found, row);
            return filters.isEmpty() || all.size() >= limit
                    ? Uni.createFrom().item(new Slice<>(all, Optional.empty()))
                    : examinedTo(client).map(last -> new Slice<>(all, last));
        }

        private Uni<Optional<UUID>> examinedTo(SqlClient client) {
            String text = "SELECT x.id FROM (" + examined(EXAMINED_MAX) + ") x ORDER BY x.id DESC LIMIT 1 OFFSET "
                    + (EXAMINED_MAX - 1);
            return statement(text).on(client, this).map(rows -> Rows.first(rows, row -> row.getUUID("id")));
        }

        /** How many rows there are, up to a bound. */
        public Uni<Total> total(SqlClient client) {
            return total().on(client, this).map(rows -> total(rows.iterator().next()));
        }

        private Statement total() {
            return filters.isEmpty()
                    ? statement("SELECT count(*) AS matching, 0::bigint AS examined FROM (SELECT FROM " + from()
                            + conditions(where) + " LIMIT " + (COUNTED_MAX + 1) + ") x")
                    : statement("SELECT count(*) FILTER (WHERE " + String.join(" AND ", filters)
                            + ") AS matching, count(*) AS examined FROM (" + examined(EXAMINED_FOR_TOTAL_MAX + 1)
                            + ") x");
        }

        private static Total total(Row row) {
            long matching = row.getLong("matching");
            boolean exact = matching <= COUNTED_MAX && row.getLong("examined") <= EXAMINED_FOR_TOTAL_MAX;
            return new Total(Math.min(matching, COUNTED_MAX), exact);
        }

        private String from() {
            return keys.isEmpty() ? rows : "(" + keys + ") k CROSS JOIN " + rows;
        }

        private String ids() {
            return filters.isEmpty()
                    ? "SELECT n.id FROM (" + newest(id + " AS id", ":limit") + ") n LIMIT " + ROWS_MAX
                    : "SELECT x.id FROM (" + examined(EXAMINED_MAX) + ") x" + conditions(filters)
                            + " ORDER BY x.id DESC LIMIT :limit";
        }

        private String examined(int most) {
            return newest("x.*", String.valueOf(most));
        }

        /** The newest rows, of each key and then of all. */
        private String newest(String columns, String limit) {
            String newest = "SELECT " + columns + " FROM " + rows + conditions(where) + " ORDER BY " + id
                    + " DESC LIMIT " + limit;
            return keys.isEmpty()
                    ? newest
                    : "SELECT m.* FROM (" + keys + ") k CROSS JOIN LATERAL (SELECT l.* FROM (" + newest + ") l"
                            + (limit.equals(":limit") ? " LIMIT " + ROWS_MAX : "") + ") m ORDER BY m.id DESC LIMIT "
                            + limit;
        }

        private static String conditions(List<String> conditions) {
            return conditions.isEmpty() ? "" : " WHERE " + String.join(" AND ", conditions);
        }

        private Statement statement(String text) {
            return statements.computeIfAbsent(text, unseen -> Statement.of(text, values.keySet()));
        }

        /** The statement of a page, for tests of its plan. */
        public String text(String select, String column) {
            return copy().with("limit", 1).page(select, column).sql().text();
        }
    }
}
