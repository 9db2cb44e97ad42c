package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import dev.larder.testing.Signals;
import io.vertx.mutiny.sqlclient.Row;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Rollouts under claims, on servers that are processes of their own (decision 0046). {@code
 * -Dlarder.cluster.rollouts=200} makes the one with killed servers longer, {@code -Dlarder.cluster.seed=1} repeats its
 * choices.
 */
class RolloutsIT {

    private static final int ROLLOUTS = Integer.getInteger("larder.cluster.rollouts", 3);
    private static final long SEED = Long.getLong("larder.cluster.seed", System.nanoTime() & 0xffff);
    private static final int INSTANCES = 4;
    private static final int SURGE = 1;
    private static final int CANARIES = 1;
    private static final String TEMPLATE = "/api/v1/organizations/acme/templates/tiny";

    private static final Duration LOOK = Duration.ofMillis(20);
    private static final Duration STUCK_AFTER = Duration.ofMinutes(2);

    private final Database database = Databases.fresh();
    private final Queue<String> tooMany = new ConcurrentLinkedQueue<>();
    private volatile boolean over;
    private volatile boolean quiet;
    private volatile int kills;

    @BeforeEach
    void letTheOwnerIn() {
        LarderTestResource.insertOwner(database);
    }

    @AfterEach
    void close() {
        database.close();
    }

    /** The script of a version that fails, and what the version declares so that it is found out. */
    private enum Broken {
        START("start.sh", "{instances: 1}"),
        VERIFY("verify.sh", "{instances: 1, verify: true}"),
        CLAIM("claim.sh", "{instances: 1, trialClaim: true}");

        private final String script;
        private final String canary;

        Broken(String script, String canary) {
            this.script = script;
            this.canary = canary;
        }

        String declaration() {
            return version(name(), ", canary: " + canary)
                    + (this == START ? "" : START_SCRIPT)
                    + "  %s: |%n    #!/bin/sh%n    echo broken >&2%n    exit 1%n".formatted(script);
        }
    }

    private static final String START_SCRIPT = """
              start.sh: |
                #!/bin/sh
                sleep 0.1
                printf '{}' > "$LARDER_OUTPUTS"
            """;

    /** Its files follow: {@code start.sh} is missing. */
    private static String version(String name, String rollout) {
        return """
                backend: exec
                presets:
                  - name: one
                    prebuilds:
                      instances: %d
                      rollout: {maxSurge: %d%s}
                files:
                  version.txt: '%s'
                """.formatted(INSTANCES, SURGE, rollout, name);
    }

    @Test
    void a_version_whose_script_fails_is_held_costs_no_claim_and_is_taken_back_in_one_call() throws Exception {
        try (Server server = server("rollout-broken").awaitReady()) {
            Calls calls = new Calls(server.port());
            calls.declare("tiny", version("good", "") + START_SCRIPT);
            awaitFull();
            for (Broken broken : Broken.values()) {
                try (SteadyClaimers claimers = claimers(server, 1, Duration.ofMillis(400))) {
                    var declared = calls.done("PUT", TEMPLATE, broken.declaration());

                    Row held = Eventually.see(
                            this::rollout, one -> one.getString("state").equals("held"));
                    assertThat(held.getString("verdict")).as(broken.name()).contains("template");
                    Eventually.see(this::ready, ready -> ready >= INSTANCES - 1);
                    assertThat(told("rollout_held")).as(broken.name()).isEqualTo(broken.ordinal() + 1);

                    var back = calls.done("POST", "/api/v1/rollouts/" + held.getUUID("id") + "/rollback", "");
                    assertThat(rollout().getString("state")).isEqualTo("rolled_back");
                    Eventually.see(this::leftOfVersionsNotActive, left -> left == 0);
                    claimers.end();
                    assertThat(claimers.unexpected()).isEmpty();
                    assertThat(claimers.misses()).as("misses: " + broken).isZero();
                    assertThat(claimers.given()).isNotEmpty();
                }
                assertThat(told("rollout_rolled_back")).isEqualTo(broken.ordinal() + 1);
                assertThat(count("presets WHERE rollout_role IS NOT NULL")).isZero();
            }
            assertThat(told("rollout_held")).isEqualTo(Broken.values().length);
        }
    }

    @Test
    @Timeout(value = 60, unit = TimeUnit.MINUTES)
    void servers_that_are_killed_during_rollouts_leave_no_rollout_open_and_no_stock_too_many() throws Exception {
        System.out.printf("rollouts: seed %d%n", SEED);
        Random random = new Random(SEED);
        List<Server> servers = new ArrayList<>(List.of(server("rollout-0"), server("rollout-1")));
        AtomicIntegerArray ports = new AtomicIntegerArray(servers.size());
        for (int slot = 0; slot < servers.size(); slot++) {
            ports.set(slot, servers.get(slot).awaitReady().port());
        }
        Servers both = new Servers(servers, ports);
        declare(both, "0", "");
        awaitFull();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
                SteadyClaimers claimers =
                        new SteadyClaimers(both::anyPort, TinyTemplate.CLAIM, 3, Duration.ofMillis(300))) {
            Future<?> sampling = threads.submit(this::sample);
            Future<?> killing = threads.submit(() -> kill(both, new Random(SEED + 1)));
            for (int number = 1; number <= ROLLOUTS; number++) {
                change(both, number, random);
            }
            over = true;
            killing.get(2, TimeUnit.MINUTES);
            awaitEnded();
            claimers.end();
            awaitFull();
            quiet = true;
            sampling.get(10, TimeUnit.SECONDS);
            System.out.printf(
                    "rollouts: %s, %d servers killed, %d claims given, %d missed%n",
                    states(), kills, claimers.given().size(), claimers.misses());
            judge(claimers);
        } finally {
            servers.forEach(Server::close);
        }
    }

    /** Two servers, each of which may be dead for a while. */
    private record Servers(List<Server> each, AtomicIntegerArray ports) {

        int anyPort() {
            return ports.get(ThreadLocalRandom.current().nextInt(ports.length()));
        }

        /** The status of the first answer that says what has come of it. */
        int send(String method, String path, String body) throws InterruptedException {
            while (true) {
                try {
                    int status = new Calls(anyPort()).send(method, path, body).statusCode();
                    if (status < 500) {
                        return status;
                    }
                } catch (IOException dead) {
                    // The other one is asked below.
                }
                TimeUnit.MILLISECONDS.sleep(50);
            }
        }
    }

    /** One change of the pool. Some come while the rollout of the change before is under way. */
    private void change(Servers servers, int number, Random random) throws InterruptedException {
        int kind = random.nextInt(10);
        if (kind < 2) {
            int invalidated = servers.send("POST", TEMPLATE + "/presets/one/invalidate", "");
            assertThat(invalidated).isEqualTo(200);
        } else {
            declare(servers, String.valueOf(number), kind < 5 ? ", canary: {instances: " + CANARIES + "}" : "");
            if (kind == 9) {
                Row latest = rollout();
                // It may have ended before.
                assertThat(servers.send("POST", "/api/v1/rollouts/" + latest.getUUID("id") + "/rollback", ""))
                        .isIn(200, 409);
            }
        }
        if (random.nextInt(4) > 0) {
            awaitEnded();
        }
    }

    private static void declare(Servers servers, String name, String rollout) throws InterruptedException {
        int organization = servers.send("POST", "/api/v1/organizations", "{\"name\":\"acme\"}");
        assertThat(organization).isIn(201, 409);
        assertThat(servers.send("PUT", TEMPLATE, version(name, rollout) + START_SCRIPT))
                .isIn(200, 201);
    }

    /** A job of a dead server is taken from it after three seconds, and a server starts within seconds. */
    private void awaitEnded() {
        long until = System.nanoTime() + STUCK_AFTER.toNanos();
        while (count("rollouts WHERE ended_at IS NULL") > 0) {
            assertThat(System.nanoTime()).as("stuck: " + rollout().toJson()).isLessThan(until);
            Signals.pause(LOOK);
        }
    }

    private Void kill(Servers servers, Random random) throws InterruptedException {
        while (!over) {
            Signals.pause(Duration.ofMillis(random.nextInt(300, 3_000)));
            int slot = random.nextInt(servers.each().size());
            servers.each().get(slot).kill();
            kills++;
            servers.each().set(slot, server("rollout-" + slot));
            servers.ports().set(slot, servers.each().get(slot).port());
            servers.each().get(slot).awaitReady();
        }
        return null;
    }

    /** One statement sees one instant. */
    private Void sample() {
        while (!quiet) {
            int live = count("workspaces WHERE prebuild AND deleted_at IS NULL AND transition = 'start'"
                    + " AND build_status IN ('pending', 'succeeded')");
            if (live > INSTANCES + SURGE + CANARIES) {
                tooMany.add(live + " at " + Instant.now());
            }
            Signals.pause(LOOK);
        }
        return null;
    }

    private void judge(SteadyClaimers claimers) {
        assertThat(kills).isPositive();
        assertThat(claimers.unexpected()).isEmpty();
        assertThat(tooMany).isEmpty();
        assertThat(claimers.given()).isNotEmpty().doesNotHaveDuplicates();
        assertThat(count("(SELECT FROM claims GROUP BY workspace_id HAVING count(*) > 1) twice"))
                .as("workspaces that two claims have had")
                .isZero();
        assertThat(count("builds b JOIN users u ON u.id = b.initiator_id AND u.role = 'system'"
                        + " JOIN claims c ON c.workspace_id = b.workspace_id"
                        + " WHERE b.transition = 'delete' AND b.created_at < coalesce(c.ended_at, 'infinity')"))
                .as("claimed workspaces deleted by the reconciler")
                .isZero();
        assertThat(count("rollouts WHERE ended_at IS NULL")).isZero();
        assertThat(count("presets WHERE rollout_role IS NOT NULL OR rollout_id IS NOT NULL"))
                .isZero();
        Eventually.see(this::leftOfVersionsNotActive, left -> left == 0);
    }

    private SteadyClaimers claimers(Server server, int count, Duration between) {
        return new SteadyClaimers(server::port, TinyTemplate.CLAIM, count, between);
    }

    private Server server(String name) {
        try {
            Map<String, String> settings = TinyTemplate.settings(name);
            settings.putAll(Map.of(
                    "LARDER_WORKER_SLOTS", "6",
                    "LARDER_WORKER_HEARTBEAT", "1s",
                    // A job that dies with its server again and again is no fault of its template.
                    "LARDER_WORKER_MAX_ATTEMPTS", "50",
                    "LARDER_JANITOR_INTERVAL", "1s"));
            return Server.start(name, database, settings);
        } catch (IOException noFolder) {
            throw new UncheckedIOException(noFolder);
        }
    }

    /** Of the active version, as long as it is served. */
    private int ready() {
        return count(IN_TEMPLATE + " WHERE w.prebuild AND w.deleted_at IS NULL AND w.transition = 'start'"
                + " AND w.build_status = 'succeeded' AND w.ready_at IS NOT NULL"
                + " AND (w.version_id = t.active_version_id AND p.rollout_role IS DISTINCT FROM 'canary'"
                + " OR p.rollout_role = 'before')");
    }

    private void awaitFull() {
        Eventually.see(this::ready, ready -> ready == INSTANCES);
    }

    /** Those whose start failed are no stock: they are kept, so that people can look into them. */
    private int leftOfVersionsNotActive() {
        return count(IN_TEMPLATE + " WHERE w.prebuild AND w.deleted_at IS NULL AND w.version_id <> t.active_version_id"
                + " AND w.build_status IN ('pending', 'canceling', 'succeeded')");
    }

    private static final String IN_TEMPLATE =
            "workspaces w JOIN templates t ON t.id = w.template_id JOIN presets p ON p.id = w.preset_id";

    /** The newest one. */
    private Row rollout() {
        return row("SELECT id, state, reason, detail, verdict::text AS verdict FROM rollouts ORDER BY id DESC LIMIT 1");
    }

    private String states() {
        return row("SELECT string_agg(n || ' ' || state, ', ') AS states"
                        + " FROM (SELECT state, count(*) AS n FROM rollouts GROUP BY state ORDER BY state) s")
                .getString("states");
    }

    private int told(String kind) {
        return count("notifications WHERE kind = '" + kind + "'");
    }

    private int count(String from) {
        return row("SELECT count(*)::integer AS n FROM " + from).getInteger("n");
    }

    private Row row(String sql) {
        return database.pool().query(sql).executeAndAwait().iterator().next();
    }
}
