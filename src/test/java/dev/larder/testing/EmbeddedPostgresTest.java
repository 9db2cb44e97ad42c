package dev.larder.testing;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.mutiny.pgclient.PgBuilder;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.sqlclient.PoolOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

@ResourceLock("the port of kept data")
class EmbeddedPostgresTest {

    @TempDir
    @SuppressWarnings("NullAway.Init")
    static Path made;

    @TempDir
    Path folder;

    @BeforeAll
    static void makes_data_once() {
        EmbeddedPostgres.kept(made).close();
    }

    @BeforeEach
    void has_its_own_copy() throws IOException {
        try (Stream<Path> below = Files.walk(made)) {
            for (Path path : below.skip(1).toList()) {
                Files.copy(path, folder.resolve(made.relativize(path)), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
    }

    @AfterEach
    void leaves_no_server_behind() {
        EmbeddedPostgres.recover(folder);
    }

    @Test
    void keeps_data_and_port_from_one_start_to_the_next() {
        int port;
        try (EmbeddedPostgres first = EmbeddedPostgres.kept(folder)) {
            execute(first, "CREATE TABLE kept AS SELECT 42 AS answer");
            port = first.port();
        }

        try (EmbeddedPostgres second = EmbeddedPostgres.kept(folder)) {
            assertThat(query(second, "SELECT answer FROM kept")).isEqualTo(42);
            assertThat(second.port()).isEqualTo(port);
            assertThat(query(second, "SELECT count(*)::int FROM pg_settings WHERE name = 'fsync' AND setting = 'on'"))
                    .isEqualTo(1);
        }
    }

    @Test
    void recovers_after_the_server_was_killed() {
        EmbeddedPostgres killed = EmbeddedPostgres.kept(folder);
        execute(killed, "CREATE TABLE kept AS SELECT 42 AS answer");
        ProcessHandle process = ProcessHandle.of(killed.pid()).orElseThrow();
        Signals.send("KILL", killed.pid());
        assertThat(Signals.ends(process, Duration.ofSeconds(10))).isTrue();
        assertThat(killed.folder().resolve("data/postmaster.pid")).exists();

        try (EmbeddedPostgres next = EmbeddedPostgres.kept(folder)) {
            assertThat(query(next, "SELECT answer FROM kept")).isEqualTo(42);
        }
    }

    @Test
    void stops_the_server_that_a_killed_owner_left_running() {
        EmbeddedPostgres orphan = EmbeddedPostgres.kept(folder);
        execute(orphan, "CREATE TABLE kept AS SELECT 42 AS answer");

        try (EmbeddedPostgres next = EmbeddedPostgres.kept(folder)) {
            assertThat(orphan.isAlive()).isFalse();
            assertThat(next.port()).isEqualTo(orphan.port());
            assertThat(query(next, "SELECT answer FROM kept")).isEqualTo(42);
        }
    }

    @Test
    void ignores_a_pid_file_that_names_somebody_elses_process() throws Exception {
        EmbeddedPostgres stopped = EmbeddedPostgres.kept(folder);
        stopped.close();
        Path data = stopped.folder().resolve("data");
        Files.writeString(
                data.resolve("postmaster.pid"), ProcessHandle.current().pid() + "\n" + data + "\n0\n1\n\n\n\nready\n");

        try (EmbeddedPostgres next = EmbeddedPostgres.kept(folder)) {
            assertThat(query(next, "SELECT 1")).isEqualTo(1);
        }
    }

    @Test
    void gives_every_test_a_migrated_database_of_its_own() {
        try (Database one = Databases.fresh();
                Database other = Databases.fresh()) {
            one.pool().query("UPDATE settings SET pause_scope = 'all'").executeAndAwait();

            assertThat(other.pool()
                            .query("SELECT pause_scope FROM settings")
                            .executeAndAwait()
                            .iterator()
                            .next()
                            .getString(0))
                    .isNull();
        }
    }

    private static void execute(EmbeddedPostgres server, String statement) {
        RowSet<Row> none = answer(server, statement);
        assertThat(none.size()).isZero();
    }

    private static int query(EmbeddedPostgres server, String statement) {
        return answer(server, statement).iterator().next().getInteger(0);
    }

    private static RowSet<Row> answer(EmbeddedPostgres server, String statement) {
        Pool pool = PgBuilder.pool()
                .with(new PoolOptions().setMaxSize(1))
                .connectingTo(server.options("postgres"))
                .using(Databases.vertx())
                .build();
        try {
            return pool.query(statement).executeAndAwait();
        } finally {
            pool.closeAndAwait();
        }
    }
}
