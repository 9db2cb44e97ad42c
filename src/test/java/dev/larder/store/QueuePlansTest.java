package dev.larder.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a job costs does not grow with the workspaces that there ever were. */
class QueuePlansTest {

    private static final int DELETED = 5_000;

    private final Stock stock = new Stock();

    @BeforeEach
    void live_long() {
        stock.declare("one", 1);
        stock.sql("""
                WITH w AS (
                    INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id, name,
                                            created_at, claimed_at, deleted_at, build_id, build_number, transition, build_status,
                                            build_finished_at)
                    SELECT gen_random_uuid(), p.organization_id, $1::uuid, false, p.template_id, p.version_id, p.id, 'old-' || i,
                           now(), now(), now(), gen_random_uuid(), 2, 'delete', 'succeeded', now()
                      FROM presets p, generate_series(1, $2::integer) i
                    RETURNING *)
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id, created_at)
                SELECT build_id, id, 2, 'delete', owner_id, 'released', version_id, preset_id, now() FROM w""", stock.owner.userId(), DELETED);
        stock.sql("ANALYZE workspaces");
        stock.sql("ANALYZE builds");
    }

    @AfterEach
    void close() {
        stock.close();
    }

    @Test
    void no_change_of_a_job_reads_all_workspaces() throws IllegalAccessException {
        Map<String, String> plans = new LinkedHashMap<>();
        for (Class<?> store : List.of(JobStore.class, PoolStore.class)) {
            for (Field field : store.getDeclaredFields()) {
                if (Modifier.isStatic(field.getModifiers()) && field.getType() == String.class) {
                    field.setAccessible(true);
                    String statement = String.valueOf(field.get(null));
                    if (statement.contains("UPDATE workspaces")) {
                        plans.put(store.getSimpleName() + "." + field.getName(), plan(statement));
                    }
                }
            }
        }

        assertThat(plans).hasSizeGreaterThan(7);
        assertThat(plans).allSatisfy((name, plan) -> assertThat(plan).doesNotContain("Seq Scan on workspaces"));
    }

    private String plan(String statement) {
        List<String> lines = new ArrayList<>();
        for (Row row : stock.pool.query("EXPLAIN (GENERIC_PLAN) " + statement).executeAndAwait()) {
            lines.add(row.getString(0));
        }
        return String.join("\n", lines);
    }
}
