package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.RemoteWorker;
import dev.larder.testing.Server;
import io.vertx.pgclient.PgConnectOptions;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Processes as they are delivered that must not serve: each says why in one sentence and ends with exit code 2. */
class RefusedStartIT {

    private static final String OTHER_KEY = "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    private final Database database = Databases.fresh();
    private final Path folder = Path.of("target", "cluster-refused").toAbsolutePath();

    @AfterEach
    void close() {
        database.close();
    }

    /** What one is started with, and what it must say. */
    private record Refused(String sentence, String... settings) {

        Map<String, String> environment() {
            return IntStream.range(0, settings.length / 2)
                    .boxed()
                    .collect(java.util.stream.Collectors.toMap(
                            index -> settings[2 * index], index -> settings[2 * index + 1]));
        }
    }

    @Test
    void a_server_whose_configuration_cannot_be_used_says_so_and_ends_before_it_serves() throws Exception {
        Path made = Files.createDirectories(folder);
        Path file = Files.writeString(folder.resolve("file"), "no folder");
        List<Refused> refused = List.of(
                new Refused("larder.encryption.key is not set", "LARDER_ENCRYPTION_KEY", ""),
                new Refused("larder.encryption.key is not Base64", "LARDER_ENCRYPTION_KEY", "hunter2!"),
                new Refused(
                        "quarkus.datasource.reactive.url must be like",
                        "QUARKUS_DATASOURCE_REACTIVE_URL",
                        "jdbc:postgresql://u:hunter2@localhost/x"),
                new Refused(
                        "quarkus.datasource.reactive.url must be like",
                        "QUARKUS_DATASOURCE_REACTIVE_URL",
                        "postgresql:/u:hunter2@localhost/x"),
                new Refused(
                        "larder.backend.postgres.url: is not an address like",
                        "LARDER_BACKEND_POSTGRES_URL",
                        "postgres//u:hunter2@localhost/x"),
                new Refused("larder.worker.heartbeat cannot be used", "LARDER_WORKER_HEARTBEAT", "soon"),
                new Refused(
                        "larder.backend.exec.root /proc/nope",
                        "LARDER_BACKEND_EXEC_ENABLED",
                        "true",
                        "LARDER_BACKEND_EXEC_ROOT",
                        "/proc/nope"),
                new Refused("larder.worker.slots must be 1 or more", "LARDER_WORKER_SLOTS", "0"),
                new Refused(
                        "larder.bootstrap.token-file cannot be written",
                        "LARDER_BOOTSTRAP_TOKEN_FILE",
                        file.resolve("token").toString()));

        // Two at a time: a start takes a core.
        try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
            List<Future<?>> ends = IntStream.range(0, refused.size())
                    .<Future<?>>mapToObj(index -> threads.submit(() -> assertRefused(
                            refused.get(index).sentence(),
                            Server.start(
                                    "refused-" + index,
                                    database,
                                    refused.get(index).environment()))))
                    .toList();
            for (Future<?> end : ends) {
                end.get(60, TimeUnit.SECONDS);
            }
        }

        assertThat(count("SELECT FROM workers")).isZero();
        assertThat(count("SELECT FROM users WHERE role = 'owner'")).isZero();
    }

    @Test
    void a_second_server_with_another_key_or_the_same_port_ends_and_the_first_serves_on() throws Exception {
        LarderTestResource.insertOwner(database);
        try (Server first = Server.start("refused-first", database, Map.of())) {
            Calls calls = new Calls(first.awaitReady().port());

            assertRefused(
                    "larder.encryption.key is not the key",
                    Server.start("refused-key", database, Map.of("LARDER_ENCRYPTION_KEY", OTHER_KEY)));
            assertRefused(
                    ":" + first.port() + " cannot be listened on",
                    Server.start(
                            "refused-port",
                            database,
                            Map.of(
                                    "QUARKUS_HTTP_PORT",
                                    String.valueOf(first.port()),
                                    "LARDER_BACKEND_EXEC_ENABLED",
                                    "true")));

            assertThat(count("SELECT FROM workers")).isZero();
            assertThat(calls.send("GET", "/api/v1/claims", "").statusCode()).isEqualTo(200);
        }
    }

    private static Void assertRefused(String sentence, Server server) throws InterruptedException {
        try (server) {
            int exit = server.ends(Duration.ofSeconds(40));

            String said = server.said();
            assertThat(said.lines().filter(line -> line.startsWith("larder: ")))
                    .as(said)
                    .singleElement()
                    .asString()
                    .contains(sentence);
            assertThat(said).doesNotContain("\tat ").doesNotContain("hunter2").doesNotContain("ERROR");
            assertThat(exit).isEqualTo(2);
            return null;
        }
    }

    @Test
    void what_cannot_be_reached_is_said_by_its_address_and_tried_again_until_it_is_stopped() throws Exception {
        Path token = Files.writeString(Files.createDirectories(folder).resolve("token"), "larder_nobody");
        PgConnectOptions nowhere = new PgConnectOptions()
                .setHost("127.0.0.1")
                .setPort(1)
                .setDatabase("larder")
                .setUser("larder")
                .setPassword("hunter2");
        try (Server server = Server.start("refused-database", nowhere, Map.of());
                RemoteWorker worker = RemoteWorker.start(
                        "refused-server", URI.create("http://127.0.0.1:1"), token, folder.resolve("exec"), 1)) {
            String serverSaid = Eventually.see(server::said, said -> said.contains("trying again in 1 s"));
            String workerSaid = Eventually.see(worker::said, said -> said.contains("trying again in 1 s"));

            assertThat(serverSaid)
                    .contains("cannot reach the database at 127.0.0.1:1, trying again in 0.5 s")
                    .doesNotContain("Exception")
                    .doesNotContain("hunter2");
            assertThat(workerSaid)
                    .contains("cannot reach 127.0.0.1:1, trying again in 0.5 s")
                    .doesNotContain("Exception");
            boolean starting = Eventually.see(() -> answersStarting(server), Boolean::booleanValue);
            assertThat(starting).isTrue();

            server.stop();
            worker.stop();
            assertThat(server.ends(Duration.ofSeconds(10))).isEqualTo(128 + 15);
            assertThat(worker.ends()).isTrue();
        }
    }

    private static boolean answersStarting(Server server) {
        try {
            return new Calls(server.port()).send("GET", "/api/v1/claims", "").statusCode() == 503;
        } catch (IOException | InterruptedException notYet) {
            return false;
        }
    }

    private int count(String select) {
        return database.pool().query(select).executeAndAwait().rowCount();
    }
}
