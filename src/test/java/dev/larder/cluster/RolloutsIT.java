package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.history.Checker;
import dev.larder.history.FinalState.Rollout;
import dev.larder.history.History;
import dev.larder.history.Request;
import dev.larder.history.Response;
import dev.larder.history.RolloutLoad;
import dev.larder.history.Violation;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import io.vertx.mutiny.sqlclient.Row;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
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
    private static final String TEMPLATE = "/api/v1/organizations/acme/templates/tiny";

    private final Database database = Databases.fresh();

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
    @Timeout(value = 90, unit = TimeUnit.MINUTES)
    void servers_that_are_killed_during_rollouts_break_no_promise_and_leave_no_rollout_open() throws Exception {
        System.out.printf("rollouts: seed %d%n", SEED);
        RolloutLoad.Ran ran = RolloutLoad.run(SEED, ROLLOUTS, Path.of("target", "rollouts-it"));
        History history = History.read(ran.file());
        List<Violation> violations = Checker.judge(history);

        System.out.printf(
                "rollouts: %s, %d servers killed, %s, %d violations, %d s: %s%n",
                states(history),
                ran.kills(),
                claims(history),
                violations.size(),
                ran.took().toSeconds(),
                ran.file());
        assertThat(violations).isEmpty();
        assertThat(ran.kills()).isPositive();
        assertThat(history.finalState().claims()).isNotEmpty();
        assertThat(history.finalState().rollouts()).isNotEmpty();
    }

    private static Map<String, Long> states(History history) {
        return history.finalState().rollouts().stream()
                .collect(Collectors.groupingBy(Rollout::state, TreeMap::new, Collectors.counting()));
    }

    private static String claims(History history) {
        long misses = history.operations().stream()
                .filter(operation -> operation.request() instanceof Request.Claim)
                .filter(operation -> operation.response() instanceof Response.Refused(var status, var code)
                        && code.equals("no_claimable_workspace"))
                .count();
        return "%d requests, %d claims given, %d misses, %d of them judged"
                .formatted(
                        history.operations().size(),
                        history.finalState().claims().size(),
                        misses,
                        Checker.judgedMisses(history));
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
