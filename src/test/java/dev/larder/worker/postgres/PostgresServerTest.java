package dev.larder.worker.postgres;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.EmbeddedPostgres;
import dev.larder.testing.Eventually;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.mutiny.pgclient.PgConnection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Sessions of work that its caller gives up. */
class PostgresServerTest {

    private static final String SLEEP = "SELECT pg_sleep(60)";

    @TempDir
    @SuppressWarnings("NullAway.Init")
    static Path folder;

    @SuppressWarnings("NullAway.Init")
    private static Place place;

    private final List<String> dropped = new CopyOnWriteArrayList<>();

    @BeforeAll
    static void start_a_server() {
        place = new Place(EmbeddedPostgres.throwaway(folder));
    }

    @AfterAll
    static void stop_the_server() {
        place.close();
    }

    @BeforeEach
    void hear_of_dropped_failures() {
        Infrastructure.setDroppedExceptionHandler(failure -> dropped.add(String.valueOf(failure)));
    }

    @AfterEach
    void hear_no_more() {
        Infrastructure.resetDroppedExceptionHandler();
    }

    static Stream<Arguments> work() {
        return Stream.of(
                one("one statement", connection -> PostgresServer.run(connection, SLEEP)),
                one(
                        "a step after another",
                        connection -> PostgresServer.run(connection, "SELECT 1")
                                .chain(() -> connection.query(SLEEP).execute())),
                one(
                        "a statement whose failure is told in other words",
                        connection -> PostgresServer.run(connection, SLEEP)
                                .onFailure()
                                .transform(failure -> new BackendFailure("sql_failed", "in other words"))),
                one(
                        "a statement that is tried again",
                        connection -> PostgresServer.run(connection, SLEEP)
                                .onFailure()
                                .retry()
                                .withBackOff(Duration.ofMillis(10))
                                .atMost(3)));
    }

    private static Arguments one(String name, Function<PgConnection, Uni<?>> work) {
        return Arguments.of(name, work);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("work")
    void work_that_its_caller_gives_up_ends_without_an_error_in_the_log(
            String name, Function<PgConnection, Uni<?>> work) {
        PostgresServer server = new PostgresServer(place.vertx(), place.server().options("postgres"));
        var running = server.asSuperuser(
                        name,
                        Duration.ofMinutes(1),
                        connection -> work.apply(connection).replaceWithVoid())
                .replaceWith("done")
                .subscribe()
                .with(done -> {});
        Eventually.see(() -> sessions(name, "active"), List.of("1")::equals);

        running.cancel();

        Eventually.see(() -> sessions(name, "%"), List.of("0")::equals);
        assertThat(dropped).isEmpty();
    }

    private List<String> sessions(String name, String state) {
        return place.admin(
                "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = '%s' AND state LIKE '%s'"
                        .formatted(name, state));
    }
}
