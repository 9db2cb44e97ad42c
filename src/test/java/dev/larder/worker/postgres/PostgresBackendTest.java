package dev.larder.worker.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.model.Assignment;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.model.Transition;
import dev.larder.testing.EmbeddedPostgres;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.Cancellable;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PostgresBackendTest {

    private static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final Map<String, String> SEED = Map.of(
            "02_data.sql", "INSERT INTO dish VALUES (1, 'soup'), (2, 'bread');",
            "01_schema.sql", "CREATE TABLE dish (id int PRIMARY KEY, name text); CREATE SEQUENCE tickets;");

    @TempDir
    @SuppressWarnings("NullAway.Init")
    static Path folder;

    private static final Vertx vertx = Vertx.vertx();

    @SuppressWarnings("NullAway.Init")
    private static EmbeddedPostgres server;

    private final List<LogLine> log = new CopyOnWriteArrayList<>();

    @BeforeAll
    static void start_a_server() {
        server = EmbeddedPostgres.throwaway(folder);
    }

    @AfterAll
    static void stop_the_server() {
        server.discard();
        vertx.closeAndAwait();
    }

    // Workspaces

    @Test
    void gives_a_database_with_the_seeded_data() {
        Map<String, String> outputs = started(work(SEED));

        assertThat(outputs).containsOnlyKeys("url", "host", "port", "database", "user", "password");
        assertThat(query(outputs, "SELECT string_agg(name, ',' ORDER BY id) FROM dish"))
                .isEqualTo("soup,bread");
        assertThat(lines()).containsExactly("running 01_schema.sql", "running 02_data.sql");
    }

    @Test
    void its_role_may_do_in_its_database_what_an_owner_may() {
        Map<String, String> outputs = started(work(SEED));

        execute(outputs, "INSERT INTO dish VALUES (3, 'tea') RETURNING name");
        execute(outputs, "SELECT nextval('tickets')::text");
        execute(outputs, "ALTER TABLE dish ADD COLUMN price int");
        execute(outputs, "CREATE INDEX ON dish (price)");
        execute(outputs, "CREATE TABLE own (id int); DROP TABLE own; CREATE SCHEMA mine");
        execute(outputs, "TRUNCATE dish; DROP TABLE dish");
        execute(outputs, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");

        assertThat(query(outputs, "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"))
                .isEqualTo("0");
    }

    @Test
    void a_version_without_files_gives_an_empty_database() {
        Map<String, String> outputs = started(work(Map.of()));

        assertThat(query(outputs, "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"))
                .isEqualTo("0");
    }

    @Test
    void tells_claimers_the_public_address() {
        PostgresBackend backend = new PostgresBackend(vertx, new Given(url(), "db.example.org", 6432), clock());

        Map<String, String> outputs = succeeded(await(backend.perform(work(SEED).start(), log::add)));

        assertThat(outputs).containsEntry("host", "db.example.org").containsEntry("port", "6432");
        assertThat(outputs.get("url")).contains("@db.example.org:6432/larder_w_");
    }

    // Isolation

    @Test
    void its_role_can_connect_to_nothing_else() {
        admin("CREATE DATABASE larder ALLOW_CONNECTIONS false");
        admin("REVOKE ALL ON DATABASE larder FROM PUBLIC; ALTER DATABASE larder ALLOW_CONNECTIONS true");
        Work work = work(SEED);
        Map<String, String> outputs = started(work);
        Map<String, String> other = started(work(SEED));

        try {
            for (String closed : List.of(
                    "larder", "postgres", "template0", "template1", output(other, "database"), work.template())) {
                assertThatThrownBy(() -> query(outputs, closed, "SELECT 1::text"))
                        .as(closed)
                        .isInstanceOfSatisfying(
                                PgException.class,
                                refused -> assertThat(refused.getSqlState()).isIn("42501", "55000"));
            }
        } finally {
            admin("DROP DATABASE larder");
        }
    }

    @Test
    void a_database_open_to_everybody_fails_the_start_by_its_name() {
        admin("CREATE DATABASE somebodys");
        Work work = work(SEED);
        try {
            assertThat(perform(work.start())).isInstanceOfSatisfying(JobOutcome.Failed.class, failed -> {
                assertThat(failed.code()).isEqualTo("not_isolated");
                assertThat(failed.detail()).contains("somebodys").doesNotContain("postgres,");
            });
            assertThat(leftOf(work)).isEmpty();
        } finally {
            admin("DROP DATABASE somebodys");
        }

        assertThat(started(work)).containsKey("url");
    }

    @Test
    void a_database_that_its_owner_opens_to_all_stays_open_and_stops_no_build() {
        Map<String, String> open = started(work(SEED));
        execute(open, "GRANT CONNECT ON DATABASE " + output(open, "database") + " TO PUBLIC");

        Map<String, String> outputs = started(work(SEED));

        assertThat(query(outputs, output(open, "database"), "SELECT current_database()"))
                .isEqualTo(output(open, "database"));
        assertThatThrownBy(() -> query(open, output(outputs, "database"), "SELECT 1::text"))
                .isInstanceOf(PgException.class);
    }

    @Test
    void what_one_owner_grants_to_another_keeps_neither_in_being() {
        Work mine = work(SEED);
        Map<String, String> attacker = started(work(SEED));
        Map<String, String> outputs = started(mine);
        execute(
                attacker,
                "GRANT CONNECT ON DATABASE " + output(attacker, "database") + " TO " + output(outputs, "user"));

        assertThat(perform(mine.job(Transition.DELETE, 2, 1))).isInstanceOf(JobOutcome.Succeeded.class);

        assertThat(leftOf(mine)).doesNotContain(mine.names().workspace());
        execute(attacker, "SELECT 1");
    }

    @Test
    void a_database_whose_drop_was_interrupted_is_dropped_all_the_same() {
        Work work = work(SEED);
        Map<String, String> outputs = started(work);
        admin("UPDATE pg_database SET datconnlimit = -2 WHERE datname = '" + output(outputs, "database") + "'");

        assertThat(perform(work.job(Transition.DELETE, 2, 1))).isInstanceOf(JobOutcome.Succeeded.class);

        assertThat(leftOf(work)).doesNotContain(work.names().workspace());
    }

    @Test
    void a_workspace_has_its_share_of_connections_and_no_more() {
        Map<String, String> outputs = started(work(SEED));

        assertThat(query(outputs, "SELECT rolconnlimit::text FROM pg_roles WHERE rolname = current_user"))
                .isEqualTo("20");
    }

    @Test
    void a_workspace_cannot_open_or_drop_its_template() {
        Work work = work(SEED);
        Map<String, String> outputs = started(work);

        assertThatThrownBy(() -> query(outputs, "ALTER DATABASE " + work.template() + " ALLOW_CONNECTIONS true"))
                .hasMessageContaining("must be owner");
        assertThatThrownBy(() -> query(outputs, "DROP DATABASE " + work.template()))
                .hasMessageContaining("must be owner");
    }

    @Test
    void no_password_stands_in_a_statement() {
        RolePassword secret = RolePassword.random();

        assertThat(secret.verifier()).startsWith("SCRAM-SHA-256$4096:").doesNotContain(secret.password());
        assertThat(secret.toString()).doesNotContain(secret.password());
    }

    // Faulty files

    @Test
    void a_file_that_fails_half_way_leaves_nothing() {
        Work work = work(Map.of(
                "1.sql", "CREATE TABLE a (id int);",
                "2.sql", "INSERT INTO a VALUES (1);\nINSERT INTO nowhere VALUES (1);"));

        JobOutcome outcome = perform(work.start());

        assertThat(outcome)
                .isEqualTo(new JobOutcome.Failed(
                        "sql_failed",
                        "2.sql line 2 (INSERT INTO nowhere VALUES): 42P01 relation \"nowhere\" does not exist"));
        assertThat(leftOf(work)).isEmpty();
    }

    @Test
    void files_can_run_no_program_and_read_no_file() {
        assertThat(perform(work(Map.of("x.sql", "CREATE TABLE t (l text); COPY t FROM PROGRAM 'id'"))
                        .start()))
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.detail()).contains("42501"));
        assertThat(perform(work(Map.of("x.sql", "SELECT pg_read_file('postgresql.conf')"))
                        .start()))
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.detail()).contains("42501"));
        assertThat(perform(work(Map.of("x.sql", "ALTER ROLE CURRENT_USER SUPERUSER"))
                        .start()))
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.detail()).contains("42501"));
    }

    @Test
    void a_file_that_leaves_a_transaction_open_is_refused() {
        assertThat(perform(
                        work(Map.of("x.sql", "BEGIN; CREATE TABLE t (id int)")).start()))
                .isEqualTo(new JobOutcome.Failed("sql_failed", "x.sql: it leaves a transaction open"));
    }

    @Test
    void a_file_that_wants_copy_input_fails_and_does_not_hang() {
        assertThat(perform(work(Map.of("x.sql", "CREATE TABLE t (id int); COPY t FROM STDIN;"))
                        .start()))
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.code()).isEqualTo("sql_failed"));
    }

    @Test
    void settings_of_one_file_do_not_reach_the_next() {
        Map<String, String> outputs = started(work(Map.of(
                "1.sql", "CREATE SCHEMA other; SET search_path = other; CREATE TABLE there (id int)",
                "2.sql", "CREATE TABLE here (id int)")));

        assertThat(query(outputs, "SELECT schemaname FROM pg_tables WHERE tablename = 'here'"))
                .isEqualTo("public");
    }

    @Test
    void what_a_file_raises_is_in_the_log_and_what_it_selects_is_not_kept() {
        var unused = started(work(Map.of(
                "x.sql",
                "DO $$ BEGIN RAISE NOTICE 'hello'; END $$; SELECT repeat('x', 1000) FROM generate_series(1, 20000)")));

        assertThat(lines()).containsExactly("running x.sql", "NOTICE: hello");
    }

    @Test
    void cancelling_ends_the_running_file_and_clears_behind_it() {
        Work work = work(Map.of(
                "x.sql",
                "DO $$ BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN "
                        + "PERFORM pg_sleep(600); END $$"));
        Cancellable running =
                backend().perform(work.start(), log::add).subscribe().with(never -> {});
        until("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND datname = '"
                + work.names().building() + "')");

        running.cancel();

        until(
                "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend')");
        until("SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = '"
                + work.names().building() + "')");
        assertThat(leftOf(work)).isEmpty();
    }

    // Crashes and repetition

    @Test
    void concurrent_first_starts_build_the_template_once() {
        UUID version = UUID.randomUUID();
        List<Uni<JobOutcome>> starts = IntStream.range(0, 4)
                .mapToObj(each -> new Work(version, UUID.randomUUID(), SEED))
                .map(work -> backend().perform(work.start(), log::add))
                .toList();

        List<JobOutcome> outcomes =
                Uni.join().all(starts).andCollectFailures().await().atMost(LONG);

        assertThat(outcomes)
                .allSatisfy(outcome -> assertThat(succeeded(outcome)).containsKey("url"));
        assertThat(lines()).containsExactly("running 01_schema.sql", "running 02_data.sql");
    }

    @Test
    void what_a_crash_left_is_cleared() {
        Work work = work(SEED);
        String builder = Names.newBuilder();
        admin("CREATE ROLE " + builder + " LOGIN");
        admin("CREATE DATABASE " + work.names().building() + " OWNER " + builder + " IS_TEMPLATE true");
        admin("CREATE ROLE " + work.names().workspace() + " NOLOGIN");
        admin("CREATE DATABASE " + work.names().workspace() + " OWNER "
                + work.names().workspace());

        Map<String, String> outputs = started(work);

        assertThat(query(outputs, "SELECT count(*)::text FROM dish")).isEqualTo("2");
        assertThat(adminAsks("SELECT count(*)::text FROM pg_database WHERE datname LIKE '%_new'"))
                .isEqualTo("0");
        assertThat(adminAsks("SELECT count(*)::text FROM pg_roles WHERE rolname = '" + builder + "'"))
                .isEqualTo("0");
    }

    @Test
    void another_attempt_of_a_first_start_begins_anew() {
        Work work = work(SEED);
        execute(started(work), "DELETE FROM dish");

        Map<String, String> outputs = succeeded(perform(work.job(Transition.START, 1, 2)));

        assertThat(query(outputs, "SELECT count(*)::text FROM dish")).isEqualTo("2");
    }

    @Test
    void an_attempt_that_was_superseded_changes_nothing() {
        Work work = work(SEED);
        Map<String, String> outputs = succeeded(perform(work.job(Transition.START, 1, 2)));

        assertThat(perform(work.job(Transition.START, 1, 1)))
                .isInstanceOfSatisfying(
                        JobOutcome.Failed.class,
                        failed -> assertThat(failed.code()).isEqualTo("superseded"));
        assertThat(query(outputs, "SELECT count(*)::text FROM dish")).isEqualTo("2");
    }

    @Test
    void an_earlier_attempt_that_still_runs_is_ended() {
        Work work = work(Map.of("x.sql", "SELECT pg_sleep(600)"));
        List<JobOutcome> first = new CopyOnWriteArrayList<>();
        Cancellable running =
                backend().perform(work.start(), log::add).subscribe().with(first::add);
        until("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND datname = '"
                + work.names().building() + "')");

        Work patched = new Work(work.version(), work.workspace(), SEED);
        Map<String, String> outputs = succeeded(perform(patched.job(Transition.START, 1, 2)));

        assertThat(query(outputs, "SELECT count(*)::text FROM dish")).isEqualTo("2");
        running.cancel();
        assertThat(query(outputs, "SELECT count(*)::text FROM dish")).isEqualTo("2");
        assertThat(adminAsks("SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' "
                        + "AND pid <> pg_backend_pid()"))
                .isEqualTo("0");
    }

    @Test
    void deleting_twice_succeeds_and_leaves_nothing() {
        Work work = work(SEED);
        Map<String, String> outputs = started(work);
        execute(outputs, "ALTER DATABASE " + output(outputs, "database") + " IS_TEMPLATE true");
        PgConnection inUse = connect(options(outputs, output(outputs, "database")));

        assertThat(perform(work.job(Transition.DELETE, 2, 1))).isEqualTo(new JobOutcome.Succeeded(Map.of()));
        assertThat(perform(work.job(Transition.DELETE, 3, 1))).isEqualTo(new JobOutcome.Succeeded(Map.of()));

        assertThat(adminAsks("SELECT count(*)::text FROM pg_roles WHERE rolname = '" + output(outputs, "user") + "'"))
                .isEqualTo("0");
        assertThat(adminAsks(
                        "SELECT count(*)::text FROM pg_database WHERE datname = '" + output(outputs, "database") + "'"))
                .isEqualTo("0");
        inUse.close().onFailure().recoverWithNull().await().atMost(LONG);
    }

    @Test
    void a_stop_lets_nobody_in_and_a_later_start_keeps_the_data() {
        Work work = work(SEED);
        Map<String, String> outputs = started(work);
        execute(outputs, "DELETE FROM dish WHERE id = 1");

        assertThat(perform(work.job(Transition.STOP, 2, 1))).isEqualTo(new JobOutcome.Succeeded(Map.of()));
        assertThatThrownBy(() -> query(outputs, "SELECT 1::text")).isInstanceOf(PgException.class);
        assertThat(perform(work.job(Transition.STOP, 2, 2))).isEqualTo(new JobOutcome.Succeeded(Map.of()));
        Map<String, String> again = succeeded(perform(work.job(Transition.START, 3, 1)));

        assertThat(query(again, "SELECT name FROM dish")).isEqualTo("bread");
        assertThat(again.get("password")).isNotEqualTo(outputs.get("password"));
        assertThatThrownBy(() -> query(outputs, "SELECT 1::text")).isInstanceOf(PgException.class);
    }

    // The server

    @Test
    void a_server_that_is_down_is_an_outcome() {
        PostgresBackend backend = new PostgresBackend(
                vertx, new Given("postgresql://postgres:hidden@127.0.0.1:1/postgres", null, null), clock());

        assertThat(await(backend.perform(work(SEED).start(), log::add)))
                .isInstanceOfSatisfying(JobOutcome.Failed.class, failed -> {
                    assertThat(failed.code()).isEqualTo("backend_unavailable");
                    assertThat(failed.detail()).doesNotContain("hidden").contains("refused");
                });
    }

    @Test
    void a_wrong_password_is_an_outcome() {
        String url = "postgresql://postgres:hidden@127.0.0.1:" + server.port() + "/postgres";
        PostgresBackend backend = new PostgresBackend(vertx, new Given(url, null, null), clock());

        assertThat(await(backend.perform(work(SEED).start(), log::add)))
                .isInstanceOfSatisfying(JobOutcome.Failed.class, failed -> {
                    assertThat(failed.code()).isEqualTo("backend_unavailable");
                    assertThat(failed.detail()).doesNotContain("hidden").contains("28P01");
                });
    }

    @Test
    void without_an_address_it_is_not_offered() {
        assertThat(new PostgresBackend(vertx, new Given(null, null, null), clock()).offered())
                .isFalse();
        assertThat(backend().offered()).isTrue();
    }

    // Inventory

    private static Inventory inventory() {
        return backend().inventory().await().atMost(LONG).orElseThrow();
    }

    /** The items of this workspace; the server has others. */
    private static List<Inventory.Item> listed(UUID workspace) {
        return inventory().things().stream()
                .filter(thing -> thing.workspace().equals(workspace))
                .toList();
    }

    private static void remove(UUID workspace) {
        var done = backend().remove(workspace).await().atMost(LONG);
    }

    @Test
    void lists_the_databases_of_workspaces_by_their_names() {
        Work work = work(SEED);
        Map<String, String> outputs = started(work);

        Inventory.Item thing = listed(work.workspace()).getFirst();

        assertThat(thing.name()).isEqualTo(output(outputs, "database"));
        assertThat(thing.whole()).isTrue();
        assertThat(thing.madeAt()).isAfter(InstantSource.system().instant().minus(Duration.ofMinutes(10)));
        assertThat(inventory().things())
                .allMatch(
                        one -> one.name().matches(Names.WORKSPACE) || one.name().matches(Names.TEMPLATE));
    }

    @Test
    void a_place_is_the_server_whatever_exists_on_it() {
        String identifier = String.valueOf(adminAsks("SELECT system_identifier::text FROM pg_control_system()"));

        assertThat(inventory().location()).isEqualTo(identifier);
        assertThat(inventory().connections())
                .as("max_connections without those of superusers, and what one role may have")
                .contains(new Inventory.Connections(397, 20));
    }

    @Test
    void a_standby_is_not_listed() throws IOException {
        Path own = folder.resolve("standby");
        EmbeddedPostgres primary = EmbeddedPostgres.crashable(own);
        Path data = primary.folder().resolve("data");
        primary.close();
        var signal = Files.createFile(data.resolve("standby.signal"));

        try (EmbeddedPostgres standby = EmbeddedPostgres.crashable(own)) {
            PostgresBackend backend = new PostgresBackend(vertx, Given.on(url(standby)), clock());
            assertThatThrownBy(() -> backend.inventory().await().atMost(LONG)).hasMessageContaining("standby");
        }
    }

    @Test
    void a_role_without_its_database_is_a_trace() {
        UUID id = UUID.randomUUID();
        admin("CREATE ROLE " + Names.workspace(id));

        assertThat(listed(id)).containsExactly(new Inventory.Item(id, Names.workspace(id), false, null));

        remove(id);
        assertThat(listed(id)).isEmpty();
    }

    @Test
    void a_database_without_its_role_is_listed_and_removed() {
        UUID id = UUID.randomUUID();
        admin("CREATE DATABASE " + Names.workspace(id));

        assertThat(listed(id)).extracting(Inventory.Item::whole).containsExactly(true);

        remove(id);
        assertThat(listed(id)).isEmpty();
    }

    @Test
    void what_is_removed_is_taken_from_whoever_uses_it_and_from_a_job_that_works_on_it() {
        Work work = work(SEED);
        Map<String, String> outputs = started(work);
        PgConnection user = connect(options(outputs, output(outputs, "database")));
        PgConnectOptions named = PgConnectOptions.fromUri(url());
        named.addProperty("application_name", work.names().session());
        PgConnection zombie = connect(named);

        remove(work.workspace());
        remove(work.workspace());

        assertThat(listed(work.workspace())).isEmpty();
        for (PgConnection ended : List.of(user, zombie)) {
            assertThatThrownBy(() -> ended.query("SELECT 1").execute().await().atMost(LONG))
                    .isNotNull();
        }
    }

    // Vocabulary

    private static Work work(Map<String, String> files) {
        return new Work(UUID.randomUUID(), UUID.randomUUID(), files);
    }

    private static String url() {
        return url(server);
    }

    private static String url(EmbeddedPostgres asked) {
        return "postgresql://%s:%s@%s:%d/postgres"
                .formatted(asked.user(), asked.password(), asked.host(), asked.port());
    }

    private static InstantSource clock() {
        return InstantSource.fixed(NOON);
    }

    private static PostgresBackend backend() {
        return new PostgresBackend(vertx, Given.on(url()), clock());
    }

    private JobOutcome perform(Assignment assignment) {
        return await(backend().perform(assignment, log::add));
    }

    private static JobOutcome await(Uni<JobOutcome> outcome) {
        return outcome.await().atMost(LONG);
    }

    private Map<String, String> started(Work work) {
        return succeeded(perform(work.start()));
    }

    private static Map<String, String> succeeded(JobOutcome outcome) {
        assertThat(outcome).isInstanceOf(JobOutcome.Succeeded.class);
        return ((JobOutcome.Succeeded) outcome).outputs();
    }

    private List<String> lines() {
        return log.stream().map(LogLine::line).toList();
    }

    private static String output(Map<String, String> outputs, String name) {
        return outputs.getOrDefault(name, "no output " + name);
    }

    /** Databases and roles of the workspace and its version, and builder roles without a template. */
    private static List<String> leftOf(Work work) {
        Names names = work.names();
        String all = "('%s', '%s', '%s')".formatted(names.workspace(), names.building(), names.template());
        return rows("SELECT datname FROM pg_database WHERE datname IN " + all
                + " UNION ALL SELECT rolname FROM pg_roles WHERE rolname IN " + all
                + " UNION ALL SELECT rolname FROM pg_roles r WHERE rolname LIKE 'larder\\_b\\_%' AND NOT EXISTS ("
                + "SELECT FROM pg_database d WHERE shobj_description(d.oid, 'pg_database') = r.rolname)");
    }

    private static PgConnectOptions options(Map<String, String> outputs, String database) {
        return PgConnectOptions.fromUri(output(outputs, "url")).setDatabase(database);
    }

    private static PgConnection connect(PgConnectOptions options) {
        PgConnection connection = PgConnection.connect(vertx, options).await().atMost(LONG);
        return connection.exceptionHandler(ended -> {});
    }

    private static @Nullable String query(Map<String, String> outputs, String statement) {
        return query(outputs, output(outputs, "database"), statement);
    }

    private static @Nullable String query(Map<String, String> outputs, String database, String statement) {
        return first(options(outputs, database), statement);
    }

    private static @Nullable String first(PgConnectOptions options, String statement) {
        List<String> rows = rows(options, statement);
        return rows.isEmpty() ? null : rows.getFirst();
    }

    private static List<String> rows(PgConnectOptions options, String statement) {
        PgConnection connection = connect(options);
        try {
            List<String> values = new ArrayList<>();
            for (Row row : connection.query(statement).execute().await().atMost(LONG)) {
                values.add(String.valueOf(row.getValue(0)));
            }
            return values;
        } finally {
            connection.close().await().atMost(LONG);
        }
    }

    private static List<String> rows(String statement) {
        return rows(PgConnectOptions.fromUri(url()), statement);
    }

    private static void admin(String statement) {
        List<String> unused = rows(statement);
    }

    private static void execute(Map<String, String> outputs, String statement) {
        var unused = query(outputs, statement);
    }

    private static @Nullable String adminAsks(String statement) {
        return first(PgConnectOptions.fromUri(url()), statement);
    }

    /** Repeats a query until it is true. */
    private static void until(String question) {
        Instant end = InstantSource.system().instant().plus(Duration.ofSeconds(20));
        while (!"true".equals(adminAsks(question))) {
            assertThat(InstantSource.system().instant()).as(question).isBefore(end);
            admin("SELECT pg_sleep(0.02)::text");
        }
    }
}
