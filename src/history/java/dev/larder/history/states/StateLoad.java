package dev.larder.history.states;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.history.Cluster;
import dev.larder.history.HttpConnection;
import dev.larder.history.HttpConnection.Reply;
import dev.larder.testing.Databases;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Signals;
import io.vertx.mutiny.sqlclient.Pool;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Drives two servers through mutations of states by people, workers and claimers, while one after the other is killed
 * and replaced, and records all of it.
 */
public final class StateLoad {

    private static final Duration LOOK = Duration.ofMillis(20);
    private static final Duration SETTLES_WITHIN = Duration.ofSeconds(60);
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Map<String, String> SETTINGS = Map.of(
            "LARDER_WORKER_HEARTBEAT", "1s",
            "LARDER_STATE_LOCK_LEASE", "2s",
            "LARDER_STATE_NAMED_MAX", "1000");

    private final Plan plan;
    private final Cluster cluster;
    private final Queue<Act> acts = new ConcurrentLinkedQueue<>();
    private final Bodies bodies = new Bodies();
    private volatile boolean over;
    private volatile boolean ended;

    /**
     * A run.
     *
     * @param mutations begun at least, unless the time is over before
     * @param kills at least
     * @param between how long after a server serves again the other one is killed
     */
    public record Plan(
            long seed,
            int mutations,
            Duration atMost,
            int kills,
            Duration between,
            int clients,
            int workers,
            Path folder) {}

    /** What came of it. */
    public record Ran(List<Act> acts, Journal journal, List<String> restless, int kills, Duration took) {}

    private StateLoad(Plan plan) {
        this.plan = plan;
        this.cluster = new Cluster(plan.folder(), 2, SETTINGS);
    }

    public static Ran run(Plan plan) throws Exception {
        StateLoad load = new StateLoad(plan);
        try (load.cluster) {
            return load.run();
        }
    }

    private Ran run() throws Exception {
        Pool pool = cluster.freshDatabase(Databases.vertx(), 8);
        Journal.begin(pool);
        cluster.start();
        List<String> tokens = new ArrayList<>();
        List<UUID> states = declare(tokens);
        long begun = System.nanoTime();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<StateClient> people = new ArrayList<>();
            List<Future<?>> working = new ArrayList<>();
            for (int i = 0; i < plan.clients(); i++) {
                StateClient person = new StateClient(tokens.get(i), states, bodies, random(i), caller(i), () -> !over);
                people.add(person);
                working.add(threads.submit(person));
            }
            for (int i = 0; i < plan.workers(); i++) {
                int number = plan.clients() + i;
                working.add(threads.submit(
                        new StateWorker("w" + i, pool, bodies, random(number), caller(number), () -> !over)));
                working.add(threads.submit(new StateClaimer(tokens.get(i), caller(-1 - i), () -> !over)));
            }
            Future<?> killing = threads.submit(this::kill);
            watch(pool, begun, working, killing);
            over = true;
            for (Future<?> one : working) {
                var done = one.get();
            }
            ended = true;
            var killed = killing.get();
            List<String> restless = rest(pool, states, people.getFirst());
            Duration took = Duration.ofNanos(System.nanoTime() - begun);
            cluster.stop();
            Journal journal = Journal.read(pool);
            pool.closeAndAwait();
            return new Ran(List.copyOf(acts), journal, restless, cluster.kills(), took);
        } finally {
            over = true;
            ended = true;
        }
    }

    private void watch(Pool pool, long begun, List<Future<?>> working, Future<?> killing)
            throws InterruptedException, ExecutionException {
        long until = begun + plan.atMost().toNanos();
        while (System.nanoTime() < until
                && (cluster.kills() < plan.kills() || count(pool, "state_mutations") < plan.mutations())) {
            Signals.pause(Duration.ofMillis(500));
            for (Future<?> one : working) {
                if (one.isDone()) {
                    over = true;
                    ended = true;
                    var failure = one.get();
                }
            }
            if (killing.isDone()) {
                var failure = killing.get();
            }
        }
    }

    private static int count(Pool pool, String from) {
        return pool.query("SELECT count(*)::integer AS n FROM " + from)
                .executeAndAwait()
                .iterator()
                .next()
                .getInteger("n");
    }

    private Void kill() throws InterruptedException {
        for (int turn = 0; !ended; turn++) {
            long until = System.nanoTime() + plan.between().toNanos();
            while (!ended && System.nanoTime() < until) {
                Signals.pause(LOOK);
            }
            if (!ended) {
                cluster.replace(turn % cluster.size());
            }
        }
        return null;
    }

    /** Everything that was left open ends: by the sweeper, or because an operator's tool wants the state. */
    private List<String> rest(Pool pool, List<UUID> states, StateClient operator) {
        List<String> restless = new ArrayList<>();
        long until = System.nanoTime() + SETTLES_WITHIN.toNanos();
        for (UUID state : states) {
            boolean rests = operator.comesToRest(state);
            while (!rests && System.nanoTime() < until) {
                Signals.pause(Duration.ofMillis(200));
                rests = operator.comesToRest(state);
            }
            if (!rests) {
                restless.add(state.toString());
            }
        }
        while (count(pool, "state_mutations WHERE ended_at IS NULL") > 0 && System.nanoTime() < until) {
            Signals.pause(Duration.ofMillis(200));
        }
        return restless;
    }

    private StateCaller caller(int number) {
        return new StateCaller(number, cluster, acts, random(1_000 + number));
    }

    private Random random(int stream) {
        return new Random(plan.seed() * 1_000_003 + stream);
    }

    private List<UUID> declare(List<String> tokens) throws IOException {
        try (HttpConnection line = HttpConnection.to(cluster.port(0))) {
            var organization = created(line, "POST", "/organizations", Map.of("name", "acme"));
            var template = created(
                    line,
                    "PUT",
                    "/organizations/acme/templates/module",
                    Map.of(
                            "backend", "terraform",
                            "files", Map.of("main.tf", "resource \"terraform_data\" \"a\" {}\n"),
                            "presets", List.of(Map.of("name", "p", "prebuilds", Map.of("instances", 6)))));
            for (int i = 0; i < plan.clients(); i++) {
                JsonNode user = created(
                        line,
                        "POST",
                        "/organizations/acme/users",
                        Map.of("name", "person-" + i, "role", "template_admin"));
                JsonNode token = created(
                        line,
                        "POST",
                        "/tokens",
                        Map.of("name", "load", "user", user.path("id").asText()));
                tokens.add(token.path("token").asText());
            }
            List<UUID> states = new ArrayList<>();
            for (int i = 0; i < plan.clients(); i++) {
                JsonNode state = created(line, "POST", "/states", Map.of("organization", "acme", "name", "net-" + i));
                states.add(UUID.fromString(state.path("id").asText()));
            }
            return states;
        }
    }

    private static JsonNode created(HttpConnection line, String method, String path, Map<String, ?> body)
            throws IOException {
        Reply reply = line.send(
                method,
                "/api/v1" + path,
                Map.of("Authorization", "Bearer " + LarderTestResource.OWNER_TOKEN, "Content-Type", "application/json"),
                MAPPER.writeValueAsString(body));
        if (reply.status() != 201) {
            throw new IllegalStateException(path + ": " + reply);
        }
        return MAPPER.readTree(reply.body());
    }
}
