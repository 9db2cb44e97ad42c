package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.database.Encryption;
import dev.larder.database.Migrator;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Databases;
import dev.larder.testing.EmbeddedPostgres;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.RemoteWorker;
import dev.larder.testing.Server;
import dev.larder.testing.Signals;
import dev.larder.testing.Wire;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.pgclient.PgBuilder;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.sqlclient.PoolOptions;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * A server without a worker of its own and three workers elsewhere, each a process, all of which things happen to that
 * happen: every job ends exactly once, and what counts is what the last lease's worker said (goal R4). {@code
 * -Dlarder.cluster.jobs=5000} makes it longer.
 */
class RemoteWorkersIT {

    private static final int JOBS = Integer.getInteger("larder.cluster.jobs", 40);
    private static final int INSTANCES_MAX = 1_000;
    private static final int WORKERS = 3;

    /** Longer than calls wait for their answers, in the long version than their connections can be used up in. */
    private static final Duration FROZEN = Duration.ofSeconds(JOBS > 1_000 ? 90 : 1);

    private static final int SLOTS = 2;
    private static final String DECLARATION = """
            backend: exec
            files:
              start.sh: |
                #!/bin/sh
                echo "attempt $LARDER_ATTEMPT"
                sleep 0.3
                printf '{"attempt":"%s"}' "$LARDER_ATTEMPT" > "$LARDER_OUTPUTS"
            presets:
              - name: one
                prebuilds: {instances: INSTANCES}
            """;

    private final Path folder = Path.of("target", "cluster-remote").toAbsolutePath();
    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final List<RemoteWorker> workers = new ArrayList<>();
    private EmbeddedPostgres postgres = EmbeddedPostgres.crashable(folder.resolve("postgres"));
    private @Nullable Pool pool;
    private int started;

    @AfterEach
    void close() {
        workers.forEach(RemoteWorker::close);
        Optional.ofNullable(pool).ifPresent(Pool::closeAndAwait);
        postgres.discard();
    }

    @Test
    void every_job_ends_once_whatever_happens_to_workers_server_database_and_wire() throws Exception {
        migrate();
        Server first = server("remote-a");
        try (Wire wire = new Wire("127.0.0.1", first.awaitReady().port())) {
            Path token = workerToken(first);
            Server second = disturbed(first, wire, token);
            try (second) {
                awaitDone(JOBS);
                judge();
                workers.forEach(RemoteWorker::stop);
                for (RemoteWorker worker : workers) {
                    assertThat(worker.ends()).as(worker.said()).isTrue();
                }
                assertThat(count("worker_id IS NOT NULL AND completed_at IS NULL"))
                        .isZero();
            }
        } finally {
            first.close();
        }
    }

    /** One thing after another, each while jobs are in somebody's hands. */
    private Server disturbed(Server first, Wire wire, Path token) throws Exception {
        URI address = URI.create("http://127.0.0.1:" + wire.port());
        for (int i = 0; i < WORKERS; i++) {
            workers.add(worker(address, token));
        }
        Eventually.see(() -> rows("workers"), there -> there == WORKERS);
        declare(first);
        awaitDone(JOBS / 10);
        workers.removeFirst().kill();
        workers.add(worker(address, token));

        awaitDone(JOBS * 2 / 10);
        RemoteWorker slow = workers.getFirst();
        Eventually.see(() -> heldBy(slow), held -> held == SLOTS);
        slow.standStill();
        Eventually.see(() -> heldBy(slow), held -> held == 0);
        slow.goOn();

        awaitDone(JOBS * 4 / 10);
        first.kill();
        Server second = server("remote-b");
        wire.leadTo(second.awaitReady().port());

        awaitDone(JOBS * 6 / 10);
        crashDatabase();

        awaitDone(JOBS * 7 / 10);
        wire.cut();
        wire.mend();

        awaitDone(JOBS * 8 / 10);
        wire.freeze();
        Eventually.see(() -> count("started_at IS NOT NULL AND completed_at IS NULL"), held -> held == 0);
        Signals.pause(FROZEN);
        wire.thaw();
        return second;
    }

    private int heldBy(RemoteWorker worker) {
        return count(
                "started_at IS NOT NULL AND completed_at IS NULL AND worker_id IN (SELECT id FROM workers WHERE name = '"
                        + worker.name() + "')");
    }

    private void awaitDone(int jobs) {
        int done = count("completed_at IS NOT NULL");
        while (done < jobs) {
            int last = done;
            done = Eventually.see(() -> count("completed_at IS NOT NULL"), now -> now > last);
        }
    }

    private void crashDatabase() {
        int port = postgres.port();
        postgres.crash();
        postgres = EmbeddedPostgres.crashable(folder.resolve("postgres"));
        assertThat(postgres.port()).isEqualTo(port);
    }

    private void judge() {
        assertThat(count("true")).isEqualTo(JOBS);
        assertThat(count("status = 'succeeded'")).isEqualTo(JOBS);
        assertThat(count("attempt > 1"))
                .as("jobs that were taken from a worker")
                .isPositive();
        Encryption encryption = new Encryption(Server.ENCRYPTION_KEY);
        int judged = 0;
        for (Row row : pool().query(
                        "SELECT j.attempt, w.id, w.outputs_sealed FROM jobs j JOIN workspaces w ON w.id = j.workspace_id")
                .executeAndAwait()) {
            String outputs = encryption.decrypt(
                    row.getUUID("id"), row.getBuffer("outputs_sealed").getBytes());
            assertThat(new JsonObject(outputs).getString("attempt"))
                    .as("whose word counted for " + row.getUUID("id"))
                    .isEqualTo(String.valueOf(row.getInteger("attempt")));
            judged++;
        }
        assertThat(judged).isEqualTo(JOBS);
        // A worker that learned late that it lost its lease is killing its script just now.
        Eventually.see(() -> Signals.runningIn(folder.resolve("exec").toString()), List::isEmpty);
    }

    private RemoteWorker worker(URI address, Path token) throws IOException {
        String name = "remote-worker-" + started++;
        Path root = Files.createDirectories(folder.resolve("exec").resolve(name));
        return RemoteWorker.start(name, address, token, root, SLOTS);
    }

    private void migrate() {
        Pool admin = open("postgres");
        admin.query("DROP DATABASE IF EXISTS larder WITH (FORCE)").executeAndAwait();
        admin.query("CREATE DATABASE larder").executeAndAwait();
        admin.closeAndAwait();
        pool = open("larder");
        new Migrator(pool(), InstantSource.system()).migrate().await().indefinitely();
        LarderTestResource.insertOwner(pool());
    }

    private Pool open(String database) {
        return PgBuilder.pool()
                .with(new PoolOptions().setMaxSize(2))
                .connectingTo(postgres.options(database))
                .using(Databases.vertx())
                .build();
    }

    private Pool pool() {
        return Optional.ofNullable(pool).orElseThrow();
    }

    /** One job may be hit more than once by what is done here, which is no fault of it. */
    private Server server(String name) {
        return Server.start(
                name,
                postgres.options("larder"),
                Map.of(
                        "LARDER_WORKER_ENABLED", "false",
                        "LARDER_WORKER_HEARTBEAT", "1s",
                        "LARDER_WORKER_MAX_ATTEMPTS", "10",
                        "LARDER_JANITOR_INTERVAL", "1s"));
    }

    private Path workerToken(Server server) throws Exception {
        send(server, "POST", "/api/v1/organizations", "{\"name\":\"acme\"}");
        send(server, "POST", "/api/v1/organizations/acme/users", "{\"name\":\"runner\",\"role\":\"worker\"}");
        JsonNode answer = send(
                server, "POST", "/api/v1/tokens", "{\"name\":\"t\",\"user\":\"runner\",\"organization\":\"acme\"}");
        return Files.writeString(folder.resolve("token"), answer.path("token").asText());
    }

    /** A preset has a thousand instances at most. */
    private void declare(Server server) throws Exception {
        for (int declared = 0; declared < JOBS; declared += INSTANCES_MAX) {
            send(
                    server,
                    "PUT",
                    "/api/v1/organizations/acme/templates/tiny-" + declared,
                    DECLARATION.replace("INSTANCES", String.valueOf(Math.min(INSTANCES_MAX, JOBS - declared))));
        }
    }

    @CanIgnoreReturnValue
    private JsonNode send(Server server, String method, String path, String body) throws Exception {
        HttpResponse<String> answer = client.send(
                HttpRequest.newBuilder(server.uri(path))
                        .header("Authorization", "Bearer " + LarderTestResource.OWNER_TOKEN)
                        .header("Content-Type", method.equals("PUT") ? "application/yaml" : "application/json")
                        .method(method, BodyPublishers.ofString(body))
                        .build(),
                BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
        return mapper.readTree(answer.body());
    }

    private int count(String condition) {
        return rows("jobs WHERE " + condition);
    }

    /** Asked again while the database is away. */
    private int rows(String from) {
        try {
            return pool().query("SELECT count(*)::integer AS n FROM " + from)
                    .executeAndAwait()
                    .iterator()
                    .next()
                    .getInteger("n");
        } catch (RuntimeException away) {
            return -1;
        }
    }
}
