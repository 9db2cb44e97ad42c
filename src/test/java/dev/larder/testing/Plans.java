package dev.larder.testing;

import dev.larder.database.Sql;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.regex.Pattern;

/** How PostgreSQL would run the stores' statements, whatever their parameters. */
public final class Plans {

    private static final Pattern PART = Pattern.compile("%s|\\{\\w+}|(?<!:):[a-z]|,\\s*$");

    private Plans() {}

    /**
     * The plans of these stores' constants, by store and name; without those that are to be filled in.
     *
     * @param wanted by the constant's name and its text
     */
    public static Map<String, String> of(Stock stock, List<Class<?>> stores, BiPredicate<String, String> wanted)
            throws IllegalAccessException {
        Map<String, String> plans = new LinkedHashMap<>();
        for (Class<?> store : stores) {
            for (Field field : store.getDeclaredFields()) {
                if (Modifier.isStatic(field.getModifiers())) {
                    field.setAccessible(true);
                    String statement = statement(field);
                    if (!statement.isEmpty() && wanted.test(field.getName(), statement)) {
                        plans.put(store.getSimpleName() + "." + field.getName(), plan(stock, statement));
                    }
                }
            }
        }
        return plans;
    }

    /** Empty for what is no statement, or a part of one only: those have names or are to be filled in. */
    private static String statement(Field field) throws IllegalAccessException {
        return switch (field.get(null)) {
            case Sql sql -> sql.text();
            case String text when !PART.matcher(text).find() -> text;
            case null, default -> "";
        };
    }

    /** Looks at every table of Larder's own. */
    public static void analyze(Stock stock) {
        stock.sql("""
                DO $$
                DECLARE
                    one regclass;
                BEGIN
                    FOR one IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
                        EXECUTE 'ANALYZE ' || one;
                    END LOOP;
                END $$""");
    }

    /** The plan of one statement. */
    public static String of(Stock stock, String statement) {
        return plan(stock, statement);
    }

    private static String plan(Stock stock, String statement) {
        return text(stock.pool.query(explain(statement)).executeAndAwait());
    }

    private static String explain(String statement) {
        return "EXPLAIN (GENERIC_PLAN) " + statement;
    }

    private static String text(RowSet<Row> plan) {
        List<String> lines = new ArrayList<>();
        plan.forEach(row -> lines.add(row.getString(0)));
        return String.join("\n", lines);
    }

    /** The plan of a store's statement where tables are large: a table is read whole only where no index would do. */
    public static String ofLarge(Stock stock, Class<?> store, String name) throws IllegalAccessException {
        String statement = statement(field(store, name));
        return text(stock.pool
                .withTransaction(connection -> connection
                        .query("SET LOCAL enable_seqscan = off")
                        .execute()
                        .chain(() -> connection.query(explain(statement)).execute()))
                .await()
                .indefinitely());
    }

    private static Field field(Class<?> store, String name) {
        try {
            Field field = store.getDeclaredField(name);
            field.setAccessible(true);
            return field;
        } catch (NoSuchFieldException renamed) {
            throw new AssertionError(renamed);
        }
    }
}
