package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.testing.Databases;
import dev.larder.testing.EmbeddedPostgres;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import io.vertx.mutiny.pgclient.PgBuilder;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.sqlclient.PoolOptions;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Two PostgreSQL servers, the standby synchronous; the primary is killed and the standby promoted while claims are
 * made. {@code -Dlarder.promotion.claims=2000 -Dlarder.promotion.rounds=5} makes it longer.
 */
class PromotionIT {

    private static final int CLAIMS = Integer.getInteger("larder.promotion.claims", 80);
    private static final int ROUNDS = Integer.getInteger("larder.promotion.rounds", 1);
    private static final int CLIENTS = 8;
    private static final Duration AGAIN_WITHIN = Duration.ofSeconds(15);

    private final Path folder = Path.of("target", "promotion").toAbsolutePath();
    private final ObjectMapper mapper = new ObjectMapper();
    private final Queue<Acknowledged> acknowledged = new ConcurrentLinkedQueue<>();
    private final Queue<String> unexpected = new ConcurrentLinkedQueue<>();
    private final AtomicInteger tickets = new AtomicInteger();

    private record Acknowledged(String key, UUID claim, UUID workspace, long atNanos) {}

    @Test
    @Timeout(value = 15, unit = TimeUnit.MINUTES)
    void no_acknowledged_claim_is_lost_and_claims_go_on_when_the_primary_is_killed_and_the_standby_promoted()
            throws Exception {
        for (int round = 1; round <= ROUNDS; round++) {
            acknowledged.clear();
            unexpected.clear();
            tickets.set(0);
            promote();
        }
    }

    private void promote() throws Exception {
        EmbeddedPostgres alone = EmbeddedPostgres.crashable(folder.resolve("one"));
        execute(alone, "postgres", "DROP DATABASE IF EXISTS larder");
        execute(alone, "postgres", "CREATE DATABASE larder");
        EmbeddedPostgres.Pair pair = alone.withStandby(folder.resolve("two"));
        try (Server server = server(pair)) {
            execute(pair.primary(), "postgres", "ALTER SYSTEM SET synchronous_standby_names = 'standby'");
            execute(pair.primary(), "postgres", "SELECT pg_reload_conf()");
            Eventually.see(
                    () -> one(
                            pair.primary(), "SELECT count(*) AS n FROM pg_stat_replication WHERE sync_state = 'sync'"),
                    synchronous -> synchronous == 1);
            server.awaitReady();
            declareOn(server, pair.primary());

            long again = claimAll(server, pair);

            judge(pair.standby());
            System.out.printf("claims again %d ms after the promotion, acknowledged %d, lost 0%n", again, CLAIMS);
            assertThat(again).isLessThan(AGAIN_WITHIN.toMillis());
        } finally {
            pair.standby().discard();
            pair.primary().discard();
        }
    }

    private Server server(EmbeddedPostgres.Pair pair) throws IOException {
        Map<String, String> settings = TinyTemplate.settings("promotion");
        settings.putAll(Map.of(
                "QUARKUS_DATASOURCE_REACTIVE_URL",
                "postgresql://127.0.0.1:" + pair.standby().port() + ",127.0.0.1:"
                        + pair.primary().port() + "/larder?target_session_attrs=primary",
                "LARDER_WORKER_SLOTS",
                "4",
                "LARDER_WORKER_HEARTBEAT",
                "1s",
                "LARDER_JANITOR_INTERVAL",
                "1s"));
        return Server.start("promotion", pair.primary().options("larder"), settings);
    }

    private void declareOn(Server server, EmbeddedPostgres primary) throws Exception {
        Pool larder = pool(primary, "larder");
        LarderTestResource.insertOwner(larder);
        larder.closeAndAwait();
        TinyTemplate.declareOn(server, 30);
    }

    /** Answers how many milliseconds after the promotion the next claim was acknowledged. */
    private long claimAll(Server server, EmbeddedPostgres.Pair pair) throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> claimers = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                claimers.add(threads.submit(() -> claimUntilDone(server)));
            }
            while (acknowledged.size() < CLAIMS / 2) {
                TimeUnit.MILLISECONDS.sleep(5);
            }
            pair.primary().kill();
            int before = acknowledged.size();
            execute(pair.standby(), "postgres", "SELECT pg_promote()");
            long promoted = System.nanoTime();
            for (Future<?> claimer : claimers) {
                claimer.get(10, TimeUnit.MINUTES);
            }
            return acknowledged.stream()
                    .skip(before)
                    .mapToLong(one -> TimeUnit.NANOSECONDS.toMillis(one.atNanos() - promoted))
                    .filter(millis -> millis >= 0)
                    .min()
                    .orElseThrow();
        }
    }

    /** Each ticket is one claim, asked for under one key until it is answered. */
    private Void claimUntilDone(Server server) throws Exception {
        for (int ticket = tickets.incrementAndGet(); ticket <= CLAIMS; ticket = tickets.incrementAndGet()) {
            while (!claimed(server, "ticket-" + ticket)) {
                TimeUnit.MILLISECONDS.sleep(100);
            }
        }
        return null;
    }

    private boolean claimed(Server server, String key) throws Exception {
        HttpResponse<String> answer =
                new Calls(server.port()).send("POST", "/api/v1/claims", TinyTemplate.CLAIM, "Idempotency-Key", key);
        if (answer.statusCode() == 201) {
            JsonNode body = mapper.readTree(answer.body());
            acknowledged.add(new Acknowledged(
                    key,
                    UUID.fromString(body.path("id").asText()),
                    UUID.fromString(body.at("/workspace/id").asText()),
                    System.nanoTime()));
            return true;
        }
        if (answer.statusCode() != 503 && answer.statusCode() != 409) {
            unexpected.add(answer.statusCode() + " " + answer.body());
        }
        return false;
    }

    private void judge(EmbeddedPostgres promoted) {
        assertThat(unexpected).isEmpty();
        assertThat(acknowledged).hasSize(CLAIMS);
        Map<UUID, UUID> kept = new HashMap<>();
        Pool larder = pool(promoted, "larder");
        for (Row row : larder.query("SELECT id, workspace_id FROM claims").executeAndAwait()) {
            kept.put(row.getUUID("id"), row.getUUID("workspace_id"));
        }
        larder.closeAndAwait();
        for (Acknowledged one : acknowledged) {
            assertThat(kept).as("acknowledged claims that are kept").containsEntry(one.claim(), one.workspace());
        }
        assertThat(new HashSet<>(
                        acknowledged.stream().map(Acknowledged::workspace).toList()))
                .as("workspaces handed out once each")
                .hasSize(CLAIMS);
        assertThat(kept).hasSize(CLAIMS);
    }

    private static Pool pool(EmbeddedPostgres server, String database) {
        return PgBuilder.pool()
                .with(new PoolOptions().setMaxSize(1))
                .connectingTo(server.options(database))
                .using(Databases.vertx())
                .build();
    }

    private static void execute(EmbeddedPostgres server, String database, String statement) {
        Pool pool = pool(server, database);
        var done = pool.query(statement).executeAndAwait();
        pool.closeAndAwait();
    }

    private static long one(EmbeddedPostgres server, String query) {
        Pool pool = pool(server, "postgres");
        long n = pool.query(query).executeAndAwait().iterator().next().getLong("n");
        pool.closeAndAwait();
        return n;
    }
}
