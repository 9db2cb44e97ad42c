package dev.larder.testing;

import dev.larder.database.Sql;
import io.vertx.mutiny.sqlclient.Row;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
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

    /** Adds many workspaces of one preset, for plans of large tables: claimed ones, ready prebuilds and failed ones. */
    public static void crowd(Stock stock, UUID preset, int claimed, int ready, int failed) {
        stock.sql("""
                WITH w AS (
                    INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id, name,
                                            created_at, claimed_at, build_id, build_number, transition, build_status,
                                            build_finished_at, ready_at)
                    SELECT gen_random_uuid(), p.organization_id, CASE WHEN i <= $3 THEN $1::uuid ELSE s.id END, i > $3, p.template_id,
                           p.version_id, p.id, 'w-' || i, now() + i * interval '1 ms', CASE WHEN i <= $3 THEN now() END,
                           gen_random_uuid(), 1, 'start', CASE WHEN i <= $3 + $4 THEN 'succeeded' ELSE 'failed' END, now(),
                           CASE WHEN i <= $3 + $4 THEN now() END
                      FROM presets p, users s, generate_series(1, $3::integer + $4::integer + $5::integer) i
                     WHERE s.role = 'system' AND p.id = $2::uuid
                    RETURNING *)
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id, created_at)
                SELECT build_id, id, 1, 'start', owner_id, 'prebuild', version_id, preset_id, now() FROM w""", stock.owner.userId(), preset, claimed, ready, failed);
    }
}
