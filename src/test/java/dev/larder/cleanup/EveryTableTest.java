package dev.larder.cleanup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.CleanupType;
import dev.larder.testing.CleanupTypes;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** R11: no table only grows. A new table needs a type of clean-up, or a reason to need none. */
class EveryTableTest {

    private static final Map<String, String> NEEDS_NONE = reasons();

    private static Map<String, String> reasons() {
        Map<String, String> reasons = new HashMap<>();
        for (String declared : List.of(
                "templates",
                "template_versions",
                "version_parameters",
                "presets",
                "preset_parameters",
                "preset_schedules",
                "job_limits")) {
            reasons.put(declared, "what people declare: a row for each of their calls that changed a declaration");
        }
        reasons.put("organizations", "what people make; the history names a deleted one");
        reasons.put("users", "what people make; the history names a deleted one");
        reasons.put("webhooks", "what people declare: at most larder.webhooks.per-organization of an organization");
        reasons.put("webhook_cursor", "one row");
        reasons.put("settings", "one row");
        reasons.put("reconciliation", "one row");
        reasons.put("objects", "one row for each object that exists; the client that wrote an object deletes it");
        reasons.put("schema_history", "one row for each migration");
        reasons.put("encryption_keys", "one row for each key of a deployment");
        reasons.put("tagsets", "one row for each set of tags that was ever declared");
        reasons.put("dirty_presets", "a cycle deletes what it has read");
        reasons.put("held_places", "one row for each hold that lasts; the hold's end deletes it");
        reasons.put("unserved_jobs", "one row for each kind of jobs that wait; the next cycle deletes it");
        reasons.put("inventory", "one row for each thing that exists or should exist");
        reasons.put("inventory_locations", "a place that no worker lists any more is deleted by the inventory");
        return reasons;
    }

    @Test
    void every_table_has_a_type_of_clean_up_or_a_reason_to_need_none() {
        try (Stock stock = new Stock()) {
            Set<String> tables = new TreeSet<>();
            for (Row row : stock.pool
                    .query(
                            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace")
                    .executeAndAwait()) {
                tables.add(row.getString("relname"));
            }
            Set<String> cleaned = CleanupTypes.ALL.stream()
                    .flatMap(type -> type.tables().stream())
                    .collect(Collectors.toCollection(TreeSet::new));
            Set<String> accounted = new TreeSet<>(NEEDS_NONE.keySet());

            assertThat(accounted)
                    .as("tables with a type and with a reason to need none")
                    .doesNotContainAnyElementsOf(cleaned);
            accounted.addAll(cleaned);
            assertThat(tables).as("tables of the schema").isEqualTo(accounted);
        }
    }

    @Test
    void no_two_types_remove_the_rows_of_one_table() {
        List<String> tables = new ArrayList<>();
        CleanupTypes.ALL.forEach(type -> tables.addAll(type.tables()));

        assertThat(tables).doesNotHaveDuplicates();
        assertThat(CleanupTypes.ALL).extracting(CleanupType::name).doesNotHaveDuplicates();
    }

    @Test
    void every_setting_of_a_type_is_explained_and_so_is_the_type() throws IOException {
        String settings = Files.readString(Path.of("src/docs/settings.md"));
        String page = Files.readString(Path.of("src/docs/operation/cleanup.md"));

        assertThat(Cleaning.settings(CleanupTypes.ALL, Map.of()).keys())
                .allSatisfy(key -> assertThat(settings).contains("`" + key + "`"));
        assertThat(CleanupTypes.ALL).allSatisfy(type -> assertThat(page).contains("`" + type.name() + "`"));
    }
}
