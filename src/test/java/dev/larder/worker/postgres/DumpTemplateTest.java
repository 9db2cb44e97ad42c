package dev.larder.worker.postgres;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.JobOutcome;
import dev.larder.testing.EmbeddedPostgres;
import dev.larder.testing.Eventually;
import dev.larder.testing.GeneratedDump;
import io.smallrye.mutiny.subscription.Cancellable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Templates from uploaded dumps. The size of the generated dump is {@code -Dlarder.dump.megabytes=}, 4 by default; the
 * soak has 50 and more.
 */
class DumpTemplateTest {

    private static final int MEGABYTES = Integer.getInteger("larder.dump.megabytes", 4);

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

    private static Work uploaded(String path, Path file) {
        return new Work(UUID.randomUUID(), UUID.randomUUID(), Map.of()).uploaded(path, file);
    }

    private static Path recorded(String name) throws IOException {
        Path file = folder.resolve(name);
        try (var in = Objects.requireNonNull(DumpTemplateTest.class.getResourceAsStream("/dumps/" + name))) {
            Files.write(file, in.readAllBytes());
        }
        return file;
    }

    private static List<String> leftOf(Work work) {
        return place.admin("SELECT datname::text FROM pg_database WHERE datname ~ '" + Names.templatesOf(work.version())
                + "' UNION ALL SELECT rolname FROM pg_roles r WHERE rolname ~ '" + Names.BUILDER + "' AND NOT EXISTS ("
                + "SELECT FROM pg_database d WHERE shobj_description(d.oid, 'pg_database') = r.rolname)");
    }

    @Test
    void an_uploaded_archive_is_a_template_whose_workspaces_have_its_settings() throws IOException {
        Work work = uploaded("shop.dump", recorded("shop.dump"));

        Map<String, String> outputs = place.built(work);

        assertThat(place.ask(outputs, "SHOW search_path")).containsExactly("public, audit, \"Odd, Schema\"");
        assertThat(place.ask(outputs, "INSERT INTO dish (name) VALUES ('x') RETURNING id::text"))
                .containsExactly("30");
        assertThat(place.ask(outputs, "DROP TABLE \"Weird \"\"Name\"\"\"; SELECT lo_unlink(17000)::text"))
                .isEmpty();
        assertThat(place.log()).contains("running shop.dump", "filled tables=7");
    }

    @Test
    void a_generated_dump_is_loaded_and_copied() {
        Path plain = folder.resolve("visits.sql");
        Path zipped = folder.resolve("visits.sql.gz");
        long rows = GeneratedDump.write(plain, MEGABYTES, false);
        long same = GeneratedDump.write(zipped, MEGABYTES, true);

        assertThat(visits(uploaded("visits.sql", plain))).containsExactly(Long.toString(rows));
        assertThat(visits(uploaded("visits.sql.gz", zipped))).containsExactly(Long.toString(same));
    }

    private static List<String> visits(Work work) {
        return place.ask(place.built(work), "SELECT count(*)::text FROM visit");
    }

    @Test
    void a_cancel_in_the_middle_of_the_rows_leaves_no_database() {
        Work work = blocked();
        Cancellable running =
                place.backend().perform(work.start(), line -> {}).subscribe().with(never -> {});
        awaitCopy(work);

        running.cancel();

        Eventually.see(() -> leftOf(work), List::isEmpty);
    }

    @Test
    void time_that_is_up_in_the_middle_of_the_rows_is_the_templates_failure() {
        Work work = blocked().within(Duration.ofSeconds(2));

        assertThat(place.failed(work).code()).isEqualTo("template_timed_out");

        assertThat(leftOf(work)).isEmpty();
    }

    @Test
    void a_session_that_is_ended_in_the_middle_of_the_rows_is_not_the_templates_failure() {
        Work work = blocked();
        var running = place.backend().perform(work.start(), line -> {}).subscribeAsCompletionStage();
        awaitCopy(work);

        place.admin("SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = '"
                + work.names().building() + "'");

        assertThat(running)
                .succeedsWithin(Place.LONG)
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.code()).isEqualTo("backend_unavailable"));
        assertThat(leftOf(work)).isEmpty();
    }

    /** A load whose first row waits. */
    private static Work blocked() {
        return new Work(UUID.randomUUID(), UUID.randomUUID(), Map.of("1.sql", """
                CREATE TABLE t (a int);
                CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
                CREATE TRIGGER waits BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION waits();
                COPY t FROM stdin;
                """ + "1\n".repeat(200_000) + "\\.\n"));
    }

    private static void awaitCopy(Work work) {
        Eventually.see(
                () -> place.admin(
                        "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = '"
                                + work.names().building() + "'"),
                List.of("1")::equals);
    }
}
