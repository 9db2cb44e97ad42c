package dev.larder.worker.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.model.Assignment;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.Transition;
import dev.larder.testing.EmbeddedPostgres;
import io.vertx.mutiny.pgclient.PgConnection;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The backend with a role that has CREATEDB and CREATEROLE and is no superuser, as managed servers give it. */
class LimitedRoleTest {

    private static final Map<String, String> FILES = Map.of(
            "1.sql", "CREATE TABLE dish (id int); INSERT INTO dish VALUES (1); SELECT lo_create(7);",
            "2.sql",
                    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''8MB''', current_database()); END $$");

    @TempDir
    @SuppressWarnings("NullAway.Init")
    static Path folder;

    @SuppressWarnings("NullAway.Init")
    private static Place place;

    @BeforeAll
    static void start_a_server() {
        place = new Place(EmbeddedPostgres.throwaway(folder));
        place.admin("CREATE ROLE manager LOGIN CREATEDB CREATEROLE PASSWORD 'manages'");
    }

    @AfterAll
    static void stop_the_server() {
        place.close();
    }

    private static PostgresBackend backend() {
        return place.backend(Given.on("postgresql://manager:manages@%s:%d/postgres"
                .formatted(place.server().host(), place.server().port())));
    }

    private static JobOutcome perform(Assignment assignment) {
        return backend().perform(assignment, line -> {}).await().atMost(Place.LONG);
    }

    private static Map<String, String> built(Work work) {
        JobOutcome outcome = perform(work.start());
        assertThat(outcome).isInstanceOf(JobOutcome.Succeeded.class);
        return ((JobOutcome.Succeeded) outcome).outputs();
    }

    private static Work work() {
        return new Work(UUID.randomUUID(), UUID.randomUUID(), FILES);
    }

    private static List<Inventory.Item> listed(UUID thing) {
        return backend().inventory().await().atMost(Place.LONG).orElseThrow().things().stream()
                .filter(one -> one.workspace().equals(thing))
                .toList();
    }

    private static List<String> leftOf(Work work) {
        return place.admin("SELECT rolname FROM pg_roles WHERE rolname = '" + Names.workspace(work.workspace())
                + "' UNION ALL SELECT datname FROM pg_database WHERE datname = '" + Names.workspace(work.workspace())
                + "'");
    }

    @Test
    void it_builds_stops_starts_lists_and_deletes() {
        Work work = work();
        Map<String, String> outputs = built(work);

        assertThat(place.ask(outputs, "INSERT INTO dish VALUES (2) RETURNING current_setting('work_mem')"))
                .containsExactly("8MB");
        assertThat(place.ask(outputs, "DROP TABLE dish; CREATE TABLE own (id int); SELECT '1'::text"))
                .isEmpty();
        assertThat(perform(work.job(Transition.STOP, 2, 1))).isInstanceOf(JobOutcome.Succeeded.class);
        assertThatThrownBy(() -> place.ask(outputs, "SELECT 1::text")).isNotNull();
        JobOutcome again = perform(work.job(Transition.START, 3, 1));
        assertThat(place.ask(((JobOutcome.Succeeded) again).outputs(), "SELECT count(*)::text FROM own"))
                .containsExactly("0");
        assertThat(listed(work.workspace())).singleElement().matches(item -> item.whole() && item.madeAt() == null);

        assertThat(perform(work.delete())).isEqualTo(new JobOutcome.Succeeded(Map.of()));

        assertThat(leftOf(work)).isEmpty();
    }

    @Test
    void workspaces_are_closed_to_each_other_and_their_template_to_both() {
        Work work = work();
        Map<String, String> mine = built(work);
        Map<String, String> other = built(work.another());

        for (String closed : List.of(other.getOrDefault("database", ""), work.template())) {
            assertThatThrownBy(() -> place.connect(Place.options(mine).setDatabase(closed)))
                    .isNotNull();
        }
        assertThatThrownBy(() -> place.ask(mine, "SET ROLE manager")).hasMessageContaining("42501");
        assertThatThrownBy(() -> place.ask(mine, "ALTER ROLE manager PASSWORD 'x'"))
                .hasMessageContaining("42501");
    }

    @Test
    void a_workspace_in_use_with_open_transactions_is_deleted() {
        Work work = work();
        Map<String, String> outputs = built(work);
        PgConnection user = place.connect(Place.options(outputs));
        var locked = user.query(
                        "BEGIN; DELETE FROM dish; ALTER DATABASE " + outputs.get("database") + " CONNECTION LIMIT 3")
                .execute()
                .await()
                .atMost(Place.LONG);

        assertThat(perform(work.delete())).isInstanceOf(JobOutcome.Succeeded.class);

        assertThat(leftOf(work)).isEmpty();
    }

    @Test
    void a_tenant_in_the_base_stops_no_build() {
        Map<String, String> outputs = built(work());
        PgConnection visitor = place.connect(Place.options(outputs).setDatabase("template1"));

        assertThat(built(work())).containsKey("url");
        visitor.close().onFailure().recoverWithNull().await().atMost(Place.LONG);
    }

    @Test
    void parameters_have_a_template_each_and_what_is_removed_is_gone() {
        Work eu = work().with(Map.of("region", "eu"));
        var first = built(eu);
        var second = built(eu.another().with(Map.of("region", "us")));
        String templates =
                "SELECT datname::text FROM pg_database WHERE datname ~ '" + Names.templatesOf(eu.version()) + "'";

        assertThat(place.admin(templates)).hasSize(2);
        backend().remove(eu.version()).await().atMost(Place.LONG);

        assertThat(place.admin(templates)).isEmpty();
    }

    @Test
    void parameters_are_settings_of_a_workspace_where_that_is_granted() {
        place.admin("GRANT SET ON PARAMETER larder.size TO manager");
        Map<String, String> granted = built(work().with(Map.of("size", "big")));
        Map<String, String> refused = built(work().with(Map.of("region", "eu")));

        assertThat(place.ask(granted, "SELECT current_setting('larder.size')")).containsExactly("big");
        assertThat(place.ask(refused, "SELECT coalesce(current_setting('larder.region', true), 'none')"))
                .containsExactly("none");
    }

    @Test
    void a_build_that_fails_leaves_nothing() {
        Work work = new Work(UUID.randomUUID(), UUID.randomUUID(), Map.of("1.sql", "SELECT 1 / 0"));

        assertThat(perform(work.start())).isInstanceOf(JobOutcome.Failed.class);

        assertThat(place.admin("SELECT datname::text FROM pg_database WHERE datname ~ '"
                        + Names.templatesOf(work.version()) + "'"))
                .isEmpty();
    }

    @Test
    void a_role_that_may_make_no_databases_is_unsuitable() {
        place.admin("CREATE ROLE reader LOGIN PASSWORD 'reads'");
        PostgresBackend backend = place.backend(Given.on("postgresql://reader:reads@%s:%d/postgres"
                .formatted(place.server().host(), place.server().port())));

        assertThat(backend.perform(work().start(), line -> {}).await().atMost(Place.LONG))
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.code()).isEqualTo("backend_unsuitable"));
    }
}
