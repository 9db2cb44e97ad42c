package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.RemoteWorker;
import dev.larder.testing.Server;
import dev.larder.testing.Signals;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What SIGTERM does to processes as they are delivered, and to those who are in the middle of something. */
class StopIT {

    private static final int TERMINATED = 128 + 15;
    private static final String ENDLESS = """
            backend: exec
            files:
              start.sh: |
                #!/bin/sh
                echo begun
                sleep 1000
            presets:
              - name: one
                prebuilds: {instances: 1}
            """;
    private static final String WAITING_CLAIM =
            "{\"organization\":\"acme\",\"template\":\"endless\",\"preset\":\"one\",\"policy\":\"wait\",\"timeout\":\"PT5M\"}";

    private final Database database = Databases.fresh();
    private final Path folder = Path.of("target", "cluster-stop").toAbsolutePath();

    @BeforeEach
    void letTheOwnerIn() throws IOException {
        LarderTestResource.insertOwner(database);
        Path made = Files.createDirectories(folder);
    }

    @AfterEach
    void close() {
        database.close();
    }

    private Server server(String name, String... more) {
        Map<String, String> settings = new HashMap<>(Map.of(
                "LARDER_BACKEND_EXEC_ENABLED", "true",
                "LARDER_BACKEND_EXEC_ROOT", folder.resolve(name).toString(),
                "LARDER_BACKEND_EXEC_STOP_GRACE", "1s",
                "LARDER_WORKER_DRAIN", "1s",
                "LARDER_JANITOR_INTERVAL", "1s"));
        for (int index = 0; index < more.length; index += 2) {
            settings.put(more[index], more[index + 1]);
        }
        return Server.start(name, database, settings);
    }

    private static void assertQuiet(String said) {
        assertThat(said.lines()
                        .filter(line ->
                                line.contains(" WARN ") || line.contains(" ERROR ") || line.startsWith("\tat ")))
                .isEmpty();
    }

    @Test
    void readiness_goes_down_first_and_everything_that_is_held_ends_in_good_order() throws Exception {
        try (Server server = server("stop-held", "LARDER_STOP_DELAY", "1500ms");
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Calls calls = new Calls(server.awaitReady().port());
            calls.declare("endless", ENDLESS);
            // Each change wakes the loop that looks for events, so it is at work when the server stops.
            var webhook = calls.done(
                    "POST",
                    "/api/v1/organizations/acme/webhooks",
                    "{\"url\":\"https://hooks.example/\",\"events\":[\"*\"]}");
            Calls worker = new Calls(server.port(), workerToken(calls));
            String entered = worker.done(
                            "POST",
                            "/api/v1/workers",
                            "{\"name\":\"w\",\"tags\":{\"site\":\"lab\"},\"backends\":[\"exec\"],\"slots\":1}")
                    .path("id")
                    .asText();
            String job = Eventually.see(() -> runningJob(calls), found -> !found.isEmpty());
            Future<HttpResponse<String>> claim =
                    threads.submit(() -> calls.send("POST", "/api/v1/claims", WAITING_CLAIM));
            Future<HttpResponse<String>> log =
                    threads.submit(() -> calls.send("GET", "/api/v1/jobs/" + job + "/logs/events", ""));
            Future<HttpResponse<String>> poll = threads.submit(() -> worker.send(
                    "POST",
                    "/api/v1/workers/" + entered + "/acquire",
                    "{\"slots\":1,\"running\":[],\"ask\":1}",
                    "Prefer",
                    "wait=20"));
            JsonNode waiting = Eventually.see(() -> claims(calls), items -> items.size() == 1);
            Future<HttpResponse<String>> events = threads.submit(() -> calls.send(
                    "GET", "/api/v1/claims/" + waiting.get(0).path("id").asText() + "/events", ""));
            TimeUnit.MILLISECONDS.sleep(300);

            server.stop();

            HttpResponse<String> ready = Eventually.see(() -> readiness(calls), answer -> answer.statusCode() == 503);
            assertThat(ready.body()).contains("\"serving\": \"down: stopping\"");
            HttpResponse<String> list = calls.send("GET", "/api/v1/claims", "");
            assertThat(list.statusCode()).isEqualTo(200);
            assertThat(list.headers().firstValue("Connection")).contains("close");
            assertThat(claim.isDone()).as("held claims are still held").isFalse();

            assertThat(claim.get(10, TimeUnit.SECONDS).statusCode()).isEqualTo(202);
            assertThat(log.get(10, TimeUnit.SECONDS).body()).contains("begun").doesNotContain("event:end");
            assertThat(poll.get(10, TimeUnit.SECONDS).body()).isEqualTo("{\"items\":[]}");
            assertThat(events.get(10, TimeUnit.SECONDS).body()).contains("waiting");
            assertThat(server.ends(Duration.ofSeconds(15))).isEqualTo(TERMINATED);
            assertQuiet(server.said());
            assertThat(count("SELECT FROM claims WHERE workspace_id IS NULL AND ended_at IS NULL"))
                    .as("the place in the line is kept")
                    .isEqualTo(1);
            assertThat(count("SELECT FROM jobs WHERE started_at IS NULL AND completed_at IS NULL"))
                    .as("the job went back to the queue")
                    .isEqualTo(1);
        }
    }

    @Test
    void an_idle_worker_elsewhere_and_an_idle_server_stop_at_once_and_quietly() throws Exception {
        try (Server server = server("stop-idle")) {
            Calls calls = new Calls(server.awaitReady().port());
            calls.declare("endless", ENDLESS.replace("instances: 1", "instances: 0"));
            Path token = Files.writeString(folder.resolve("token"), workerToken(calls));
            try (RemoteWorker worker =
                    RemoteWorker.start("stop-worker", server.uri(""), token, folder.resolve("worker"), 2)) {
                String said = Eventually.see(worker::said, text -> text.contains("worker ready"));
                assertThat(said).contains("backends=[exec]");
                long began = System.nanoTime();

                worker.stop();

                assertThat(worker.ends()).isTrue();
                assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(3));
                assertQuiet(worker.said());
                assertThat(count("SELECT FROM workers WHERE user_id IS NOT NULL AND stopped_at IS NULL"))
                        .isZero();
            }
            long began = System.nanoTime();

            server.stop();

            assertThat(server.ends(Duration.ofSeconds(10))).isEqualTo(TERMINATED);
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(3));
            assertQuiet(server.said());
        }
    }

    @Test
    void a_second_signal_shortens_every_wait_of_a_stop() throws Exception {
        try (Server server = server("stop-twice", "LARDER_STOP_DELAY", "1h", "LARDER_WORKER_DRAIN", "1h")) {
            Calls calls = new Calls(server.awaitReady().port());
            calls.declare("endless", ENDLESS);
            String job = Eventually.see(() -> runningJob(calls), found -> !found.isEmpty());
            server.stop();
            HttpResponse<String> ready = Eventually.see(() -> readiness(calls), answer -> answer.statusCode() == 503);

            Signals.send("TERM", server.pid());

            assertThat(server.ends(Duration.ofSeconds(15))).isEqualTo(TERMINATED);
            assertThat(count("SELECT FROM jobs WHERE started_at IS NULL AND completed_at IS NULL"))
                    .isEqualTo(1);
        }
    }

    private String workerToken(Calls calls) throws Exception {
        JsonNode user =
                calls.done("POST", "/api/v1/organizations/acme/users", "{\"name\":\"runner\",\"role\":\"worker\"}");
        return calls.done(
                        "POST",
                        "/api/v1/tokens",
                        "{\"name\":\"lab\",\"user\":\"%s\"}"
                                .formatted(user.path("id").asText()))
                .path("token")
                .asText();
    }

    private static String runningJob(Calls calls) {
        try {
            for (JsonNode job : calls.done("GET", "/api/v1/jobs", "").path("items")) {
                if (job.path("status").asText().equals("running")) {
                    return job.path("id").asText();
                }
            }
            return "";
        } catch (IOException | InterruptedException failure) {
            throw new AssertionError(failure);
        }
    }

    private static JsonNode claims(Calls calls) {
        try {
            return calls.done("GET", "/api/v1/claims", "").path("items");
        } catch (IOException | InterruptedException failure) {
            throw new AssertionError(failure);
        }
    }

    private static HttpResponse<String> readiness(Calls calls) {
        try {
            return calls.send("GET", "/q/health/ready", "");
        } catch (IOException | InterruptedException failure) {
            throw new AssertionError("not answered any more", failure);
        }
    }

    private int count(String select) {
        return database.pool().query(select).executeAndAwait().rowCount();
    }
}
