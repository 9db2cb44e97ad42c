package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import dev.larder.testing.Signals;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * A script that does all that a script must not: it prints without end in sight, leaves children behind, ignores
 * the signal and sleeps. {@code -Dlarder.cluster.megabytes=1000} makes it print a gigabyte.
 */
class StubbornScriptIT {

    private static final int MEGABYTES = Integer.getInteger("larder.cluster.megabytes", 100);
    private static final Duration GRACE = Duration.ofSeconds(2);
    private static final Duration MARGIN = Duration.ofSeconds(3);
    private static final long GROWTH_MAX_KIB = 64 * 1024;
    private static final String DECLARATION = """
            backend: exec
            files:
              start.sh: |
                #!/bin/sh
                trap '' INT
                sleep 1000 &
                yes "a line that says nothing at all, again and again" | head -c %d000000
                touch %s/printed
                sleep 1000
            presets:
              - name: one
                prebuilds: {instances: 1}
            """;

    private final Database database = Databases.fresh();

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void is_ended_within_its_grace_and_what_it_printed_takes_no_memory() throws Exception {
        LarderTestResource.insertOwner(database);
        Path root = Files.createDirectories(
                Path.of("target", "cluster-exec-stubborn").toAbsolutePath());
        Path signals = Files.createTempDirectory(root, "signals");
        try (Server server = Server.start(
                "stubborn",
                database,
                Map.of(
                        "LARDER_BACKEND_EXEC_ENABLED",
                        "true",
                        "LARDER_BACKEND_EXEC_ROOT",
                        root.toString(),
                        "LARDER_WORKER_DRAIN",
                        "PT0.1S",
                        "LARDER_BACKEND_EXEC_STOP_GRACE",
                        "PT" + GRACE.toSeconds() + "S"))) {
            server.awaitReady();
            send(server, "POST", "/api/v1/organizations", "application/json", "{\"name\":\"acme\"}", 201);
            long before = residentKib(server);
            send(
                    server,
                    "PUT",
                    "/api/v1/organizations/acme/templates/loud",
                    "application/yaml",
                    DECLARATION.formatted(MEGABYTES, signals),
                    201);
            awaitPrinted(signals.resolve("printed"));
            long after = residentKib(server);
            UUID job = running();
            long asked = System.nanoTime();

            send(server, "POST", "/api/v1/jobs/" + job + "/cancel", "application/json", "{}", 202);

            Eventually.see(() -> status(job), status -> status.equals("canceled"));
            // Until then the job has kept its lease. The pool builds the next one already, which is as loud.
            String ended = root.resolve("jobs").resolve(job + "-").toString();
            assertThat(Signals.runningIn(ended)).isEmpty();
            assertThat(Duration.ofNanos(System.nanoTime() - asked)).isLessThan(GRACE.plus(MARGIN));
            assertThat(after - before).as("KiB that the server has grown by").isLessThan(GROWTH_MAX_KIB);
            assertThat(lines(job, "true")).isLessThan(110_000);
            assertThat(lines(job, "line LIKE '%lines (%bytes) were left out here'"))
                    .isEqualTo(1);
            assertThat(lines(job, "line LIKE 'start.sh did not end within PT2S, killed: % sleep%'"))
                    .isEqualTo(1);
        }
    }

    /** However long it takes. */
    private static void awaitPrinted(Path printed) {
        for (int patience = 0; !Files.exists(printed) && patience < 10; patience++) {
            try {
                Eventually.see(() -> Files.exists(printed), there -> there);
            } catch (AssertionError notYet) {
                assertThat(patience).isLessThan(9);
            }
        }
    }

    private static long residentKib(Server server) throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc", String.valueOf(server.pid()), "status"))) {
            return lines.filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElseThrow();
        }
    }

    private UUID running() {
        return database.pool()
                .query("SELECT id FROM jobs WHERE status = 'running'")
                .executeAndAwait()
                .iterator()
                .next()
                .getUUID("id");
    }

    private String status(UUID job) {
        return database.pool()
                .query("SELECT status FROM jobs WHERE id = '" + job + "'")
                .executeAndAwait()
                .iterator()
                .next()
                .getString("status");
    }

    private int lines(UUID job, String condition) {
        return database.pool()
                .query("SELECT count(*)::integer AS n FROM job_logs WHERE job_id = '" + job + "' AND " + condition)
                .executeAndAwait()
                .iterator()
                .next()
                .getInteger("n");
    }

    private static void send(Server server, String method, String path, String type, String body, int expected)
            throws Exception {
        HttpResponse<String> answer = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(server.uri(path))
                                .header("Authorization", "Bearer " + LarderTestResource.OWNER_TOKEN)
                                .header("Content-Type", type)
                                .method(method, BodyPublishers.ofString(body))
                                .build(),
                        BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(expected);
    }
}
