package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Two servers, one pool that refills, 64 claimers: what must never happen does not (goals R1 to R3). {@code
 * -Dlarder.cluster.claims=2000} makes it longer; {@code -Dlarder.cluster.rounds=200} does so with the claims of one
 * version.
 */
class TwoServersIT {

    private static final int CLAIMS = Integer.getInteger("larder.cluster.claims", 80);
    private static final int CLIENTS = 64;
    private static final int ROUNDS = Integer.getInteger("larder.cluster.rounds", 20);
    private static final int RIVALS = 32;
    private static final int INSTANCES = 60;

    private final Database database = Databases.fresh();
    private final ObjectMapper mapper = new ObjectMapper();
    private final Queue<Acknowledged> acknowledged = new ConcurrentLinkedQueue<>();
    private final Queue<Missed> missed = new ConcurrentLinkedQueue<>();
    private final Queue<String> unexpected = new ConcurrentLinkedQueue<>();
    private final AtomicInteger tickets = new AtomicInteger();

    private record Acknowledged(String key, UUID claim, UUID workspace) {}

    private record Missed(Instant asked, Instant answered) {}

    @BeforeEach
    void letTheOwnerIn() {
        LarderTestResource.insertOwner(database);
    }

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void as_many_claims_get_as_many_workspaces_and_the_pool_never_holds_too_many() throws Exception {
        try (Server first = server("a");
                Server second = server("b")) {
            TinyTemplate.declareOn(first.awaitReady(), INSTANCES);
            second.awaitReady();

            claimAll(List.of(first, second), () -> {});
        }

        judge();
    }

    @Test
    void the_same_when_one_of_them_is_killed_in_the_middle() throws Exception {
        try (Server first = server("c");
                Server second = server("d")) {
            TinyTemplate.declareOn(first.awaitReady(), INSTANCES);
            second.awaitReady();

            claimAll(List.of(first, second), () -> killAt(CLAIMS / 2, second));
        }

        judge();
    }

    /** S1 between two processes. */
    @Test
    void of_32_claims_of_one_version_one_gets_the_workspace_and_31_learn_its_version() throws Exception {
        try (Server first = server("e");
                Server second = server("f")) {
            TinyTemplate.declareOn(first.awaitReady(), INSTANCES);
            second.awaitReady();

            for (int round = 0; round < ROUNDS; round++) {
                Row workspace =
                        Eventually.see(this::claimable, Optional::isPresent).orElseThrow();
                UUID id = workspace.getUUID("id");
                int version = workspace.getInteger("version");
                List<JsonNode> refused = claimTogether(List.of(first, second), id, version);

                assertThat(refused)
                        .hasSize(RIVALS - 1)
                        .extracting(
                                answer -> answer.path("code").asText(),
                                answer -> answer.path("currentVersion").asInt())
                        .containsOnly(tuple("version_conflict", version + 1));
            }
            assertThat(count("claims")).isEqualTo(ROUNDS);
        }
    }

    private Optional<Row> claimable() {
        return database
                .pool()
                .query("SELECT id, version FROM workspaces"
                        + " WHERE prebuild AND deleted_at IS NULL AND ready_at IS NOT NULL LIMIT 1")
                .executeAndAwait()
                .stream()
                .findFirst();
    }

    /** The answers that are not a claim. */
    private List<JsonNode> claimTogether(List<Server> servers, UUID workspace, int version) throws Exception {
        String path = "/api/v1/workspaces/" + workspace + "/claim";
        String body = "{\"expectedVersion\": " + version + "}";
        List<Callable<HttpResponse<String>>> claims = IntStream.range(0, RIVALS)
                .mapToObj(
                        number -> new Calls(servers.get(number % servers.size()).port()))
                .<Callable<HttpResponse<String>>>map(calls -> () -> calls.send("POST", path, body))
                .toList();
        List<JsonNode> refused = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Future<HttpResponse<String>> claim : threads.invokeAll(claims)) {
                if (claim.get().statusCode() != 200) {
                    refused.add(mapper.readTree(claim.get().body()));
                }
            }
        }
        return refused;
    }

    private Server server(String name) throws IOException {
        Map<String, String> settings = TinyTemplate.settings(name);
        settings.putAll(Map.of(
                "LARDER_WORKER_SLOTS", "4",
                "LARDER_WORKER_HEARTBEAT", "1s",
                "LARDER_JANITOR_INTERVAL", "1s",
                "QUARKUS_LOG_LEVEL", "INFO"));
        return Server.start(name, database, settings);
    }

    private interface Disturbance {
        void run() throws Exception;
    }

    private void claimAll(List<Server> servers, Disturbance disturbance) throws Exception {
        AtomicBoolean done = new AtomicBoolean();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> watching = threads.submit(() -> watchThePool(done));
            List<Future<?>> claimers = IntStream.range(0, CLIENTS)
                    .<Future<?>>mapToObj(number -> threads.submit(() -> claimUntilDone(servers, number)))
                    .toList();
            disturbance.run();
            for (Future<?> claimer : claimers) {
                claimer.get(180, TimeUnit.SECONDS);
            }
            done.set(true);
            watching.get(10, TimeUnit.SECONDS);
        }
    }

    private void killAt(int claims, Server server) throws InterruptedException {
        while (acknowledged.size() < claims) {
            TimeUnit.MILLISECONDS.sleep(5);
        }
        server.kill();
    }

    /** Each ticket is one claim, asked for under one key until it is answered, by whichever server is there. */
    private Void claimUntilDone(List<Server> servers, int number) throws Exception {
        int turn = number;
        for (int ticket = tickets.incrementAndGet(); ticket <= CLAIMS; ticket = tickets.incrementAndGet()) {
            String key = "ticket-" + ticket;
            while (!claimed(servers.get(turn % servers.size()), key)) {
                turn++;
                // Less than the Retry-After it was told, so that misses are plenty; enough to let the pool refill.
                TimeUnit.MILLISECONDS.sleep(250);
            }
        }
        return null;
    }

    private boolean claimed(Server server, String key) throws Exception {
        Instant asked = Instant.now();
        HttpResponse<String> answer;
        try {
            answer =
                    new Calls(server.port()).send("POST", "/api/v1/claims", TinyTemplate.CLAIM, "Idempotency-Key", key);
        } catch (IOException serverGone) {
            return false;
        }
        if (answer.statusCode() == 201) {
            JsonNode body = mapper.readTree(answer.body());
            UUID workspace = UUID.fromString(body.at("/workspace/id").asText());
            UUID claim = UUID.fromString(body.path("id").asText());
            acknowledged.add(new Acknowledged(key, claim, workspace));
            if (!workspace.toString().equals(body.at("/workspace/outputs/id").asText())) {
                unexpected.add("outputs of another workspace: " + answer.body());
            }
            return true;
        }
        if (answer.statusCode() == 409
                && Stream.of("no_claimable_workspace", "creation_stopped").anyMatch(answer.body()::contains)) {
            missed.add(new Missed(asked, Instant.now()));
        } else {
            unexpected.add(answer.statusCode() + " " + answer.body());
        }
        return false;
    }

    /** Never more than wanted, at any instant the database can be asked at. */
    private Void watchThePool(AtomicBoolean done) throws InterruptedException {
        while (!done.get()) {
            int held = database.pool()
                    .query("SELECT count(*)::integer AS n FROM workspaces WHERE prebuild AND deleted_at IS NULL"
                            + " AND transition = 'start' AND build_status IN ('pending', 'succeeded')")
                    .executeAndAwait()
                    .iterator()
                    .next()
                    .getInteger("n");
            if (held > INSTANCES) {
                unexpected.add("the pool held " + held + " of " + INSTANCES);
            }
            TimeUnit.MILLISECONDS.sleep(20);
        }
        return null;
    }

    private void judge() {
        assertThat(unexpected).isEmpty();
        assertThat(acknowledged).hasSize(CLAIMS);
        assertThat(new HashSet<>(
                        acknowledged.stream().map(Acknowledged::workspace).toList()))
                .as("workspaces handed out once each")
                .hasSize(CLAIMS);
        assertThat(new HashSet<>(acknowledged.stream().map(Acknowledged::claim).toList()))
                .hasSize(CLAIMS);

        RowSet<Row> rows = database.pool()
                .query("SELECT w.ready_at, w.claimed_at, w.prebuild FROM workspaces w WHERE w.ready_at IS NOT NULL")
                .executeAndAwait();
        assertThat(falseMisses(rows)).as("answered none while one stood ready").isZero();
        assertThat(count("claims")).isEqualTo(CLAIMS);
        assertThat(count("workspaces WHERE NOT prebuild AND deleted_at IS NULL"))
                .isEqualTo(CLAIMS);
        assertThat(count("builds b JOIN workspaces w ON w.id = b.workspace_id"
                        + " WHERE NOT w.prebuild AND b.transition = 'delete'"))
                .as("claimed workspaces deleted by the reconciler")
                .isZero();
    }

    private int count(String from) {
        return database.pool()
                .query("SELECT count(*)::integer AS n FROM " + from)
                .executeAndAwait()
                .iterator()
                .next()
                .getInteger("n");
    }

    /** One that was ready a second before the question and was claimed only after the answer would have been there. */
    private long falseMisses(RowSet<Row> rows) {
        long falseOnes = 0;
        for (Missed miss : missed) {
            for (Row row : rows) {
                Instant ready = row.getOffsetDateTime("ready_at").toInstant();
                boolean claimedLater = row.getOffsetDateTime("claimed_at") == null
                        || row.getOffsetDateTime("claimed_at").toInstant().isAfter(miss.answered());
                if (ready.isBefore(miss.asked().minusSeconds(1)) && claimedLater) {
                    falseOnes++;
                }
            }
        }
        return falseOnes;
    }
}
