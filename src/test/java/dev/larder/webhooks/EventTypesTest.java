package dev.larder.webhooks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The list of types is that of what is appended, so that no filter is refused or silent by mistake. */
class EventTypesTest {

    private static final Pattern TYPE = Pattern.compile("'((?:workspace|drift|state)\\.[a-z_]+)'");
    private static final Pattern WORD = Pattern.compile("'([a-z_]+)'");
    private static final Pattern NOTIFICATION = Pattern.compile("(?:AdminNotification\\.of|told)\\(\\s*\"([a-z_]+)\"");

    @Test
    void every_type_that_the_schema_appends_and_every_notification_is_known_and_no_other() throws IOException {
        Set<String> appended = new TreeSet<>();
        try (Stock stock = new Stock()) {
            for (Row row : stock.pool
                    .query("SELECT prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
                    .executeAndAwait()) {
                TYPE.matcher(row.getString("prosrc")).results().forEach(type -> appended.add(type.group(1)));
            }
            // What the functions put together of a word and a column.
            words(stock, "presets", "status = ANY%", "preset.", appended);
            words(stock, "claims", "%ended_reason%", "claim.", appended);
            words(stock, "rollouts", "state = ANY%", "rollout.", appended);
        }
        appended.addAll(Set.of("claim.active", "claim.waiting", "state.unreliable", "state.corrupt"));
        // RolloutControl appends them itself.
        appended.addAll(Set.of("rollout.paused", "rollout.resumed"));
        try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                NOTIFICATION
                        .matcher(Files.readString(file))
                        .results()
                        .forEach(kind -> appended.add("notification." + kind.group(1)));
            }
        }

        assertThat(EventTypes.ALL).isEqualTo(appended);
    }

    private static void words(Stock stock, String table, String like, String before, Set<String> into) {
        for (Row row : stock.pool
                .query(
                        "SELECT pg_get_constraintdef(oid) AS check FROM pg_constraint WHERE contype = 'c' AND conrelid = '"
                                + table + "'::regclass AND pg_get_constraintdef(oid) LIKE '%" + like + "'")
                .executeAndAwait()) {
            WORD.matcher(row.getString("check"))
                    .results()
                    .map(word -> before + word.group(1))
                    .forEach(into::add);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"*", "workspace.*", "workspace.claimed", "notification.*", "drift.detected"})
    void a_filter_that_can_match_is_taken(String filter) {
        assertThat(EventTypes.refusal(filter)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "workspace",
                "workspace.",
                "workspace.climed",
                "workspaces.*",
                "*.claimed",
                "work*",
                "**",
                "cleanup.*",
                "workspace.claimed.*",
                ".*",
                "webhook.test",
                "Workspace.*",
                " *"
            })
    void a_filter_that_matches_nothing_is_refused(String filter) {
        assertThat(EventTypes.refusal(filter)).isPresent();
    }
}
