package dev.larder.worker.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.testing.EmbeddedPostgres;
import io.vertx.mutiny.pgclient.PgConnection;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Template databases: one for each set of parameter values, rebuilt if damaged, dropped when no version needs them.
 */
class TemplateDatabasesTest {

    private static final Map<String, String> FILES =
            Map.of("a.sql", "CREATE TABLE dish (id int); INSERT INTO dish VALUES (1)");
    private static final String SHOW =
            "CREATE TABLE shown AS SELECT current_setting('larder.region') AS region, current_setting('larder.size', true) AS size";

    @TempDir
    @SuppressWarnings("NullAway.Init")
    static Path folder;

    @SuppressWarnings("NullAway.Init")
    private static Place place;

    @BeforeAll
    static void start_a_server() {
        place = new Place(EmbeddedPostgres.throwaway(folder));
    }

    @AfterAll
    static void stop_the_server() {
        place.close();
    }

    private static Work work(Map<String, String> files) {
        return new Work(UUID.randomUUID(), UUID.randomUUID(), files);
    }

    private static void admin(String statement) {
        var done = place.admin(statement);
    }

    private static List<String> templatesOf(Work work) {
        return place.admin(
                "SELECT datname::text FROM pg_database WHERE datname ~ '" + Names.templatesOf(work.version()) + "'");
    }

    private static String builder(Work work) {
        return place.admin("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '"
                        + work.template() + "'")
                .getFirst();
    }

    // Parameters

    @Test
    void files_read_parameters_as_settings() {
        Map<String, String> files =
                Map.of("1.sql", SHOW, "2.sql", "INSERT INTO shown SELECT current_setting('larder.region')");
        String value = "it's \"eu\"\n\\ $1 é";

        Map<String, String> outputs = place.built(work(files).with(Map.of("region", value)));

        assertThat(place.ask(outputs, "SELECT region FROM shown")).containsExactly(value, value);
        assertThat(place.ask(outputs, "SELECT size FROM shown")).containsExactly("null", "null");
    }

    @Test
    void each_set_of_values_has_a_template_of_its_own() {
        Work eu = work(Map.of("1.sql", SHOW)).with(Map.of("region", "eu"));
        Work us = eu.another().with(Map.of("region", "us"));

        assertThat(place.ask(place.built(eu), "SELECT region FROM shown")).containsExactly("eu");
        assertThat(place.ask(place.built(us), "SELECT region FROM shown")).containsExactly("us");
        assertThat(place.ask(place.built(eu.another()), "SELECT region FROM shown"))
                .containsExactly("eu");

        assertThat(templatesOf(eu)).hasSize(2);
    }

    @Test
    void the_oldest_templates_go_where_a_version_has_too_many() {
        PostgresBackend backend =
                new PostgresBackend(place.vertx(), Given.on(place.address()), InstantSource.fixed(Work.NOON), 2);
        Work work = work(Map.of("1.sql", SHOW));

        for (String region : List.of("a", "b", "c", "a")) {
            JobOutcome outcome = backend.perform(
                            work.another().with(Map.of("region", region)).start(), line -> {})
                    .await()
                    .atMost(Place.LONG);
            assertThat(outcome).isInstanceOf(JobOutcome.Succeeded.class);
        }

        assertThat(templatesOf(work)).hasSize(2);
    }

    @Test
    void no_other_session_sees_a_sensitive_value() {
        Work work = work(Map.of("1.sql", SHOW)).with(Map.of("region", "eu-secret"), "region");

        Map<String, String> outputs = place.built(work);

        assertThat(place.ask(outputs, "SELECT coalesce(current_setting('larder.region', true), 'none')"))
                .containsExactly("none");
        assertThat(place.ask(
                        outputs, "SELECT count(*)::text FROM pg_db_role_setting WHERE setconfig::text LIKE '%secret%'"))
                .containsExactly("0");
    }

    @Test
    void a_sensitive_value_is_in_no_log_and_no_error() {
        Map<String, String> values = Map.of("region", "s3cr3t");
        String tells = "DO $$ BEGIN RAISE NOTICE 'it is %', current_setting('larder.region'); END $$;";
        String fails = "SELECT current_setting('larder.region')::int";

        var outputs = place.built(work(Map.of("1.sql", SHOW + ";" + tells)).with(values, "region"));
        JobOutcome.Failed failed = place.failed(work(Map.of("1.sql", fails)).with(values, "region"));

        assertThat(place.log()).contains("NOTICE: it is ***").noneMatch(line -> line.contains("s3cr3t"));
        assertThat(failed.code()).isEqualTo("sql_failed");
        assertThat(failed.detail()).contains("***").doesNotContain("s3cr3t");
    }

    @Test
    void a_workspace_cannot_read_the_key_of_the_names() {
        Map<String, String> outputs = place.built(work(Map.of("1.sql", SHOW)).with(Map.of("region", "eu")));

        assertThatThrownBy(() -> place.ask(outputs, "SELECT rolpassword FROM pg_authid"))
                .hasMessageContaining("42501");
    }

    // Settings

    @Test
    void what_the_files_set_on_their_database_is_set_on_each_workspace() {
        String sets = """
                CREATE SCHEMA "Odd, Schema";
                DO $$ BEGIN
                EXECUTE format('ALTER DATABASE %I SET search_path = public, "Odd, Schema", "$user"', current_database());
                EXECUTE format('ALTER DATABASE %I SET work_mem = ''8MB''', current_database());
                EXECUTE format('ALTER DATABASE %I SET application_name = E''it''''s \\\\; DROP''', current_database());
                EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET maintenance_work_mem = ''9MB''', current_database());
                END $$""";
        Work work = work(Map.of("1.sql", sets));

        for (Work one : List.of(work, work.another())) {
            Map<String, String> outputs = place.built(one);
            assertThat(place.ask(outputs, "SELECT current_setting('search_path')"))
                    .containsExactly("public, \"Odd, Schema\", \"$user\"");
            assertThat(place.ask(
                            outputs, "SELECT current_setting('work_mem') || current_setting('maintenance_work_mem')"))
                    .containsExactly("8MB9MB");
            assertThat(place.ask(
                            outputs,
                            "SELECT setconfig[3] FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase"
                                    + " WHERE datname = current_database() AND setrole = 0"))
                    .containsExactly("application_name=it's \\; DROP");
        }
    }

    // Limits

    @ParameterizedTest
    @ValueSource(
            strings = {
                "SET temp_file_limit = -1",
                "ALTER ROLE CURRENT_USER SET temp_file_limit = -1",
                "ALTER ROLE CURRENT_USER RESET temp_file_limit",
                "ALTER DATABASE :own SET temp_file_limit = -1",
                "ALTER ROLE CURRENT_USER IN DATABASE :own SET temp_file_limit = -1",
                "SELECT set_config('temp_file_limit', '-1', false)",
                "ALTER ROLE CURRENT_USER CONNECTION LIMIT 1000",
            })
    void a_workspace_cannot_change_its_limits(String statement) {
        Map<String, String> outputs = place.built(work(FILES));
        String own = outputs.getOrDefault("database", "");

        assertThatThrownBy(() -> place.ask(outputs, statement.replace(":own", own)))
                .hasMessageContaining("42501");
    }

    @Test
    void a_reset_of_all_its_settings_leaves_the_limit() {
        Map<String, String> outputs = place.built(work(FILES));

        var done = place.ask(outputs, "ALTER ROLE CURRENT_USER RESET ALL");

        assertThat(place.ask(outputs, "SHOW temp_file_limit")).containsExactly("1GB");
    }

    @Test
    void temporary_files_end_a_statement_at_the_limit() {
        PostgresSettings small = new Given(place.address(), null, null, 1_000_000);
        JobOutcome outcome = place.backend(small)
                .perform(work(FILES).start(), line -> {})
                .await()
                .atMost(Place.LONG);
        Map<String, String> outputs = ((JobOutcome.Succeeded) outcome).outputs();

        assertThatThrownBy(
                        () -> place.ask(
                                outputs,
                                "SET work_mem = '64kB'; SELECT count(*) FROM (SELECT n FROM generate_series(1, 1000000) n ORDER BY -n) x"))
                .hasMessageContaining("53400");
    }

    @Test
    void a_limit_of_zero_is_none() {
        assertThat(JobLimits.temporaryFiles(new Given(null, null, null, 0))).isEqualTo(-1);
    }

    // Faults of the template and of the place

    @Test
    void files_that_take_too_long_are_the_templates_failure() {
        Work work = work(Map.of("1.sql", "SET statement_timeout = 0; SELECT pg_sleep(600)"))
                .within(Duration.ofSeconds(1));

        JobOutcome.Failed failed = place.failed(work);

        assertThat(failed.code()).isEqualTo("template_timed_out");
        assertThat(templatesOf(work)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "53100,backend_full",
        "53200,backend_full",
        "08006,backend_unavailable",
        "53400,sql_failed",
        "57014,template_timed_out"
    })
    void what_the_server_says_in_a_file_is_sorted_by_its_code(String state, String code) {
        String raises = "DO $$ BEGIN RAISE EXCEPTION SQLSTATE '" + state + "'; END $$";

        assertThat(place.failed(work(Map.of("1.sql", raises))).code()).isEqualTo(code);
    }

    @Test
    void a_session_that_is_ended_is_not_the_templates_failure() {
        Work work = work(Map.of("1.sql", "SELECT pg_terminate_backend(pg_backend_pid())"));

        assertThat(place.failed(work).code()).isEqualTo("backend_unavailable");
    }

    @Test
    void what_an_operator_holds_is_waited_for_in_bounds_and_not_ended() {
        Work work = work(FILES);
        var outputs = place.built(work);
        PgConnection operator = place.connect(place.server().options("postgres"));
        var held = operator.query("BEGIN; ALTER ROLE " + Names.workspace(work.workspace()) + " CONNECTION LIMIT 3")
                .execute()
                .await()
                .atMost(Place.LONG);

        assertThat(place.perform(work.delete()))
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.code()).isEqualTo("backend_busy"));
        var ended = operator.query("ROLLBACK").execute().await().atMost(Place.LONG);
        operator.close().await().atMost(Place.LONG);
        assertThat(place.perform(work.delete())).isInstanceOf(JobOutcome.Succeeded.class);
    }

    // Leftovers of files

    static Stream<String> what_files_can_leave() {
        return Stream.of(
                "DO $$ BEGIN EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO PUBLIC', current_database()); END $$",
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I IS_TEMPLATE true', current_database()); END $$",
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 0', current_database()); END $$",
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 55000', current_database()); END $$",
                "DO $$ BEGIN EXECUTE format('COMMENT ON DATABASE %I IS %L', current_database(), 'larder_b_' || repeat('0', 32)); END $$",
                "ALTER ROLE CURRENT_USER PASSWORD 'known'; ALTER ROLE CURRENT_USER SET search_path = other",
                "ALTER ROLE CURRENT_USER SET statement_timeout = 1",
                "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC",
                "SELECT pg_advisory_lock(n) FROM generate_series(1, 100) n",
                "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
                "LISTEN dishes",
                "SELECT lo_from_bytea(0, 'x'); CREATE PUBLICATION p");
    }

    @ParameterizedTest
    @MethodSource("what_files_can_leave")
    void stops_no_copy_and_goes_with_the_version(String left) {
        Work work =
                work(Map.of("1.sql", "CREATE TABLE dish (id int); " + left, "2.sql", "INSERT INTO dish VALUES (1)"));

        Map<String, String> outputs = place.built(work);

        assertThat(place.ask(outputs, "SELECT id::text FROM dish")).containsExactly("1");
        String builder = builder(work);
        assertThat(builder).matches(Names.BUILDER).isNotEqualTo("larder_b_" + "0".repeat(32));
        assertThat(place.perform(work.delete())).isInstanceOf(JobOutcome.Succeeded.class);
        remove(work.version());
        assertThat(templatesOf(work)).isEmpty();
        assertThat(place.admin("SELECT rolname FROM pg_roles WHERE rolname = '" + builder + "'"))
                .isEmpty();
    }

    // Damaged templates

    private record Spoiling(String name, Consumer<Work> deed) {

        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Spoiling> what_spoils_a_template() {
        return Stream.of(
                new Spoiling("dropped", work -> admin("DROP DATABASE " + work.template())),
                new Spoiling(
                        "renamed", work -> admin("ALTER DATABASE %1$s RENAME TO mine_%1$s".formatted(work.template()))),
                new Spoiling(
                        "a drop was interrupted",
                        work -> admin(
                                "UPDATE pg_database SET datconnlimit = -2 WHERE datname = '" + work.template() + "'")),
                new Spoiling("its builder role is gone", work -> {
                    var deleted = place.perform(work.delete());
                    admin("ALTER DATABASE " + work.template() + " ALLOW_CONNECTIONS true");
                    var owned = place.admin(work.template(), "DROP OWNED BY " + builder(work) + " CASCADE");
                    admin("ALTER DATABASE " + work.template() + " ALLOW_CONNECTIONS false; DROP ROLE " + builder(work));
                }),
                new Spoiling("in use by an operator", work -> {
                    admin("ALTER DATABASE " + work.template() + " ALLOW_CONNECTIONS true");
                    PgConnection left = place.connect(place.server().options(work.template()));
                }),
                new Spoiling("its files are damaged", work -> {
                    admin("CHECKPOINT");
                    String oid = place.admin(
                                    "SELECT oid::text FROM pg_database WHERE datname = '" + work.template() + "'")
                            .getFirst();
                    deleteAll(place.server().folder().resolve("data/base/" + oid));
                }));
    }

    private static void deleteAll(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    @ParameterizedTest
    @MethodSource("what_spoils_a_template")
    void a_spoiled_template_is_built_anew_from_its_files(Spoiling spoiling) {
        Work work = work(FILES);
        var first = place.built(work);

        spoiling.deed().accept(work);

        Map<String, String> outputs = place.built(work.another());
        assertThat(place.ask(outputs, "SELECT id::text FROM dish")).containsExactly("1");
        place.log().clear();
        var again = place.built(work.another());
        assertThat(place.log()).isEmpty();
    }

    @Test
    void a_template_that_is_built_anew_takes_nothing_from_workspaces_made_of_the_old_one() {
        Work work = work(FILES);
        Map<String, String> old = place.built(work);
        admin("UPDATE pg_database SET datconnlimit = -2 WHERE datname = '" + work.template() + "'");

        Map<String, String> fresh = place.built(work.another());

        assertThat(place.ask(old, "INSERT INTO dish VALUES (2) RETURNING id::text"))
                .containsExactly("2");
        assertThat(place.ask(fresh, "DROP TABLE dish")).isEmpty();
    }

    // No longer needed

    private static void remove(UUID thing) {
        var done = place.backend().remove(thing).await().atMost(Place.LONG);
    }

    private static List<Inventory.Item> listed(UUID thing) {
        return place.backend().inventory().await().atMost(Place.LONG).orElseThrow().things().stream()
                .filter(one -> one.workspace().equals(thing))
                .toList();
    }

    @Test
    void a_versions_templates_are_listed_once_and_removed_together() {
        Work eu = work(Map.of("1.sql", SHOW)).with(Map.of("region", "eu"));
        Map<String, String> outputs = place.built(eu);
        var other = place.built(eu.another().with(Map.of("region", "us")));

        assertThat(listed(eu.version())).singleElement().matches(Inventory.Item::whole);
        remove(eu.version());

        assertThat(listed(eu.version())).isEmpty();
        assertThat(place.ask(outputs, "INSERT INTO shown VALUES ('x') RETURNING region"))
                .containsExactly("x");
        var anew = place.built(eu.another());
    }

    @Test
    void a_half_built_template_is_listed_as_a_trace_and_removed() {
        Work work = work(FILES);
        admin("CREATE DATABASE " + work.names().building());

        assertThat(listed(work.version())).singleElement().matches(thing -> !thing.whole());
        remove(work.version());

        assertThat(listed(work.version())).isEmpty();
    }

    @Test
    void a_template_that_is_being_built_is_not_removed() {
        Work work = work(FILES);
        var first = place.built(work);
        PgConnection builder = place.connect(place.server().options("postgres"));
        var locked = builder.query("SELECT pg_advisory_lock(" + work.names().lock() + ")")
                .execute()
                .await()
                .atMost(Place.LONG);

        assertThatThrownBy(() -> remove(work.version())).hasMessageContaining("backend_busy");

        assertThat(templatesOf(work)).hasSize(1);
        builder.close().await().atMost(Place.LONG);
    }

    @Test
    void the_builder_role_goes_with_the_last_workspace_made_from_its_template() {
        Work work = work(FILES);
        var first = place.built(work);
        String builder = builder(work);
        String there = "SELECT rolname FROM pg_roles WHERE rolname = '" + builder + "'";

        remove(work.version());
        assertThat(place.admin(there)).hasSize(1);
        assertThat(place.perform(work.delete())).isInstanceOf(JobOutcome.Succeeded.class);

        assertThat(place.admin(there)).isEmpty();
    }
}
