package dev.larder.worker.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.model.Assignment;
import dev.larder.model.JobOutcome;
import dev.larder.model.Lease;
import dev.larder.model.Target;
import dev.larder.model.Transition;
import dev.larder.testing.EmbeddedPostgres;
import io.vertx.mutiny.pgclient.PgConnection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Parameters are settings of a workspace's database, those too that a claim gives to one that is built already. */
class WorkspaceParametersTest {

    private static final Map<String, String> FILES =
            Map.of("1.sql", "CREATE TABLE shown AS SELECT current_setting('larder.region', true) AS region");

    @TempDir
    @SuppressWarnings("NullAway.Init")
    static Path folder;

    @SuppressWarnings("NullAway.Init")
    private static EmbeddedPostgres server;

    @SuppressWarnings("NullAway.Init")
    private static Place place;

    private static final Work PLAIN = work(Map.of());

    @SuppressWarnings("NullAway.Init")
    private static Map<String, String> plain;

    @BeforeAll
    static void start_a_server_with_a_workspace() {
        server = EmbeddedPostgres.throwaway(folder);
        place = new Place(server);
        plain = place.built(PLAIN);
    }

    @AfterAll
    static void stop_the_server() {
        place.close();
    }

    private static Work work(Map<String, String> parameters, String... sensitive) {
        return new Work(UUID.randomUUID(), UUID.randomUUID(), FILES).with(parameters, sensitive);
    }

    /** The job with values that a claim gives late. */
    private static Assignment late(
            Assignment job, String reason, Map<String, String> given, Map<String, String> outputs) {
        Map<String, String> values = new HashMap<>(job.parameters().values());
        values.putAll(given);
        Target.Workspace was = job.workspace();
        return new Assignment(
                new Lease(
                        reason.equals(Assignment.CLAIM) ? UUID.randomUUID() : job.jobId(),
                        UUID.randomUUID(),
                        1,
                        job.workspaceId(),
                        job.transition(),
                        reason,
                        false),
                job.deadlineAt(),
                reason.equals(Assignment.CLAIM) ? 2 : 1,
                new Target(
                        new Target.Workspace(
                                was.name(),
                                was.organizationId(),
                                was.organizationName(),
                                was.ownerId(),
                                was.ownerName(),
                                false,
                                outputs),
                        job.version(),
                        new Target.Parameters(
                                values,
                                job.parameters().sensitive(),
                                Map.of(),
                                job.parameters().values()),
                        Optional.empty()));
    }

    private static JobOutcome claim(Work work, Map<String, String> given, Map<String, String> outputs) {
        return place.perform(late(work.job(Transition.START, 2, 1), Assignment.CLAIM, given, outputs));
    }

    private static String setting(Map<String, String> outputs, String name) {
        return place.ask(outputs, "SELECT coalesce(current_setting('larder." + name + "', true), 'not set')")
                .getFirst();
    }

    @Test
    void a_new_session_reads_what_the_preset_and_the_defaults_say() {
        Map<String, String> outputs = place.built(work(Map.of("region", "eu", "user", "a word of SQL")));

        assertThat(setting(outputs, "region")).isEqualTo("eu");
        assertThat(setting(outputs, "user")).isEqualTo("a word of SQL");
        assertThat(setting(outputs, "size")).isEqualTo("not set");
    }

    @Test
    void a_claim_build_sets_what_was_given_late_and_leaves_the_rest() {
        Work work = work(Map.of("region", "eu", "size", "1"));
        Map<String, String> outputs = place.built(work);

        JobOutcome outcome = claim(work, Map.of("region", "us"), outputs);

        assertThat(outcome).isEqualTo(new JobOutcome.Succeeded(outputs));
        assertThat(setting(outputs, "region")).isEqualTo("us");
        assertThat(setting(outputs, "size")).isEqualTo("1");
        assertThat(place.ask(outputs, "SELECT region FROM shown")).containsExactly("eu");
    }

    @Test
    void a_cold_build_has_the_late_values_at_once_and_shares_the_template_of_the_stock() {
        Work work = work(Map.of("region", "eu"));
        place.built(work);
        Work own = work.another();

        JobOutcome outcome = place.perform(late(own.start(), "cold_claim", Map.of("region", "us"), Map.of()));

        Map<String, String> outputs = ((JobOutcome.Succeeded) outcome).outputs();
        assertThat(setting(outputs, "region")).isEqualTo("us");
        assertThat(place.ask(outputs, "SELECT region FROM shown")).containsExactly("eu");
        assertThat(place.admin("SELECT datname FROM pg_database WHERE datname LIKE '"
                        + work.names().template() + "%'"))
                .hasSize(1);
    }

    static List<String> odd() {
        return List.of(
                "",
                " ",
                "it's \"eu\"",
                "a\nb\r\n\tc\n",
                "\\ \\\\ \\n \\' $1 $$ ; -- /* %s %",
                "é ß 漢字 😀 \u202e\u0007",
                "a, b, 'c'",
                "x=1",
                "{}",
                "default",
                "'; DROP ROLE postgres; --",
                "x".repeat(4_096),
                "😀'\"\\\n".repeat(800));
    }

    @ParameterizedTest
    @MethodSource("odd")
    void a_value_arrives_as_it_was_sent(String value) {
        assertThat(claim(PLAIN, Map.of("region", value), plain)).isInstanceOf(JobOutcome.Succeeded.class);

        assertThat(setting(plain, "region")).isEqualTo(value);
    }

    @Test
    void each_workspace_has_values_of_its_own() {
        Work one = work(Map.of("region", "eu"));
        Work other = one.another();
        Map<String, String> outputs = place.built(one);
        Map<String, String> others = place.built(other);

        assertThat(claim(one, Map.of("region", "us"), outputs)).isInstanceOf(JobOutcome.Succeeded.class);

        assertThat(setting(others, "region")).isEqualTo("eu");
    }

    @Test
    void a_sensitive_value_is_no_setting() {
        Work work = work(Map.of("region", "s3cr3t", "size", "1"), "region");

        Map<String, String> outputs = place.built(work);

        assertThat(setting(outputs, "region")).isEqualTo("not set");
        assertThat(setting(outputs, "size")).isEqualTo("1");
        assertThat(place.ask(
                        outputs, "SELECT count(*)::text FROM pg_db_role_setting WHERE setconfig::text LIKE '%s3cr3t%'"))
                .containsExactly("0");
    }

    @Test
    void the_log_of_the_server_has_no_value_even_where_it_logs_all_statements() throws IOException {
        place.admin("ALTER SYSTEM SET log_statement = 'all'");
        place.admin("ALTER SYSTEM SET log_min_duration_statement = 0");
        place.admin("SELECT pg_reload_conf()");

        assertThat(claim(PLAIN, Map.of("region", "seen-nowhere"), plain)).isInstanceOf(JobOutcome.Succeeded.class);

        place.admin("ALTER SYSTEM RESET ALL");
        place.admin("SELECT pg_reload_conf()");
        assertThat(Files.readString(server.folder().resolve("postgres.log")))
                .contains("SET larder.\"region\" FROM CURRENT")
                .doesNotContain("seen-nowhere");
        assertThat(place.log()).noneMatch(line -> line.contains("seen-nowhere"));
    }

    @Test
    void a_claim_build_does_not_wait_for_what_its_claimer_leaves_open() {
        Work work = work(Map.of("region", "eu"));
        Map<String, String> outputs = place.built(work);
        PgConnection claimer = place.connect(Place.options(outputs));
        claimer.query("BEGIN; ALTER DATABASE " + outputs.get("database") + " SET work_mem = '8MB'")
                .execute()
                .await()
                .atMost(Place.LONG);

        assertThat(claim(work, Map.of("region", "us"), outputs)).isInstanceOf(JobOutcome.Succeeded.class);

        assertThat(setting(outputs, "region")).isEqualTo("us");
    }

    @Test
    void a_claimer_changes_no_setting_of_its_database_but_may_set_one_in_its_session() {
        Map<String, String> outputs = place.built(work(Map.of("region", "eu")));
        String database = outputs.getOrDefault("database", "");

        assertThatThrownBy(() -> place.ask(outputs, "ALTER DATABASE " + database + " SET larder.region = 'us'"))
                .hasMessageContaining("42501");
        var reset = place.ask(outputs, "ALTER DATABASE " + database + " RESET ALL");

        assertThat(setting(outputs, "region")).isEqualTo("eu");
    }

    @Test
    void a_claim_build_of_a_database_that_is_gone_fails() {
        Work work = work(Map.of());

        assertThat(claim(work, Map.of("region", "us"), Map.of())).isInstanceOf(JobOutcome.Failed.class);
    }
}
