package dev.larder.testing;

import dev.larder.database.Sql;
import io.vertx.mutiny.sqlclient.Row;
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
        List<String> lines = new ArrayList<>();
        for (Row row : stock.pool.query("EXPLAIN (GENERIC_PLAN) " + statement).executeAndAwait()) {
            lines.add(row.getString(0));
        }
        return String.join("\n", lines);
    }
}
