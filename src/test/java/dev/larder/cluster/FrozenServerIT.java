package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import dev.larder.testing.Signals;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Transaction;
import io.vertx.pgclient.PgConnectOptions;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * A server that stands still (SIGSTOP) in the middle of a cycle, or at any time, holds the others up for seconds
 * only, and does no harm when it goes on. {@code -Dlarder.cluster.frozen-seconds=150} lets each of them stand still
 * for as long, with the bounds that servers have by default.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FrozenServerIT {

    private static final int FROZEN_SECONDS = Integer.getInteger("larder.cluster.frozen-seconds", 0);
    private static final Duration RECONCILED_WITHIN = Duration.ofSeconds(FROZEN_SECONDS > 0 ? 30 : 10);
    private static final int INSTANCES = 3;

    private final Database database = Databases.fresh();
    private final OwnerCalls calls = new OwnerCalls();
    private final Set<String> handedOut = new HashSet<>();

    @SuppressWarnings("NullAway.Init")
    private Server a;

    @SuppressWarnings("NullAway.Init")
    private Server b;

    @BeforeAll
    void startTwo() throws Exception {
        LarderTestResource.insertOwner(database);
        a = server("frozen-a");
        b = server("frozen-b");
        TinyTemplate.declareOn(a.awaitReady(), INSTANCES);
        b.awaitReady();
        Eventually.see(this::stocked, is -> is == INSTANCES);
    }

    @AfterAll
    void close() {
        a.close();
        b.close();
        database.close();
    }

    @Test
    void whichever_stands_still_in_its_cycle_the_other_reconciles_soon_and_it_does_no_harm_later() {
        Map<String, Server> servers = Map.of("frozen-a", a, "frozen-b", b);
        int before = handedOut.size();

        String first = freezeInItsCycle(servers);
        // Each time it is the server that happens to hold the lock.
        String second = freezeInItsCycle(servers);

        assertThat(servers).containsKeys(first, second);
        assertThat(handedOut).hasSize(before + 2 * 4);
        assertThat(count("workspaces w WHERE NOT prebuild AND deleted_at IS NULL"))
                .isEqualTo(handedOut.size());
        assertThat(a.said() + b.said()).doesNotContain(" ERROR ");
    }

    @Test
    void whichever_stands_still_at_any_time_the_other_hands_out_and_reconciles() throws Exception {
        for (List<Server> turn : List.of(List.of(a, b), List.of(b, a))) {
            Server frozen = turn.getFirst();
            Signals.send("STOP", frozen.pid());
            try {
                servesAlone(turn.getLast());
                standsStillForAsLongAsIsAsked();
            } finally {
                Signals.send("CONT", frozen.pid());
            }
            harmless(frozen.awaitReady());
        }
    }

    private Server server(String name) throws IOException {
        PgConnectOptions options = database.connectOptions();
        Map<String, String> settings = TinyTemplate.settings(name);
        // The test tells the servers apart by the name of their connections.
        settings.put(
                "QUARKUS_DATASOURCE_REACTIVE_URL",
                "postgresql://" + options.getHost() + ":" + options.getPort() + "/" + options.getDatabase()
                        + "?application_name=" + name);
        if (FROZEN_SECONDS == 0) {
            settings.put("LARDER_RECONCILE_LOCK_SILENCE", "2s");
            settings.put("LARDER_RECONCILE_INTERVAL", "2s");
            settings.put("LARDER_WORKER_HEARTBEAT", "1s");
            settings.put("LARDER_JANITOR_INTERVAL", "1s");
            settings.put("LARDER_METRICS_JOBS_EVERY", "1s");
        }
        return Server.start(name, database, settings);
    }

    /** Stops the process that has the lock while its cycle waits for a row; answers its name. */
    private String freezeInItsCycle(Map<String, Server> servers) {
        SqlConnection holding = database.pool().getConnectionAndAwait();
        Transaction row = holding.begin().await().indefinitely();
        var locked = holding.query("SELECT id FROM templates FOR NO KEY UPDATE").executeAndAwait();
        // The pool has one too few after a claim: the cycle that creates it waits for the locked row.
        Server any = servers.values().iterator().next();
        claimFrom(any);
        String holder = Eventually.see(this::holder, name -> !name.isEmpty());
        Server frozen = Objects.requireNonNull(servers.get(holder));
        Server other = servers.values().stream()
                .filter(server -> server != frozen)
                .findFirst()
                .orElseThrow();

        Signals.send("STOP", frozen.pid());
        try {
            row.commit().await().indefinitely();
            holding.close().await().indefinitely();
            servesAlone(other);
            standsStillForAsLongAsIsAsked();
        } finally {
            Signals.send("CONT", frozen.pid());
        }
        harmless(frozen);
        return holder;
    }

    /** Whose cycle holds the lock and waits for a row. */
    private String holder() {
        var rows = database.pool().query("""
                        SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
                         WHERE l.locktype = 'advisory' AND l.objid = (7210517264002 & x'ffffffff'::bigint)::oid AND l.granted
                           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                           AND EXISTS (SELECT FROM pg_stat_activity w
                                        WHERE w.datname = current_database() AND w.wait_event_type = 'Lock'
                                          AND w.application_name = a.application_name)""").executeAndAwait();
        return rows.size() == 0 ? "" : rows.iterator().next().getString("application_name");
    }

    /** One hands out what there is, and what was taken is made anew; what it shows is of this moment. */
    private void servesAlone(Server alone) {
        Instant stood = Instant.now();
        claimFrom(alone);
        claimFrom(alone);

        Eventually.see(this::stocked, is -> is == INSTANCES);

        assertThat(Duration.between(stood, Instant.now()))
                .as("until it reconciled")
                .isLessThan(RECONCILED_WITHIN);
        Eventually.see(
                () -> calls.send(alone, "GET", "/api/v1/settings/reconciliation", "")
                        .body()
                        .path("lastFinishedAgeSeconds")
                        .asInt(-1),
                age -> age >= 0 && age < RECONCILED_WITHIN.toSeconds());
        assertThat(calls.metric(alone, "larder_preset_desired")).hasValue((double) INSTANCES);
        // Its first value may be from before any cycle: the age of the database's schema.
        Eventually.see(
                () -> calls.metric(alone, "larder_reconcile_last_finished_age_seconds")
                        .orElse(Double.MAX_VALUE),
                age -> age < 60 + RECONCILED_WITHIN.toSeconds());
    }

    private void standsStillForAsLongAsIsAsked() {
        for (int second = 0; second < FROZEN_SECONDS; second++) {
            assertThat(count("workspaces WHERE prebuild AND deleted_at IS NULL"))
                    .isLessThanOrEqualTo(INSTANCES);
            Signals.pause(Duration.ofSeconds(1));
        }
    }

    /** It takes part again, and nothing was made or handed out twice. */
    private void harmless(Server thawed) {
        claimFrom(thawed);
        Eventually.see(this::stocked, is -> is == INSTANCES);
        assertThat(count("workspaces WHERE prebuild AND deleted_at IS NULL")).isEqualTo(INSTANCES);
        assertThat(
                        count(
                                "claims c JOIN workspaces w ON w.id = c.workspace_id WHERE c.ended_at IS NULL AND w.deleted_at IS NOT NULL"))
                .isZero();
    }

    private void claimFrom(Server server) {
        OwnerCalls.Answer claim = Eventually.see(
                () -> calls.send(server, "POST", "/api/v1/claims", TinyTemplate.CLAIM),
                answer -> answer.status() == 201);
        assertThat(handedOut.add(claim.body().path("workspace").path("id").asText()))
                .as("handed out once")
                .isTrue();
    }

    private int stocked() {
        return count("workspaces WHERE prebuild AND deleted_at IS NULL AND ready_at IS NOT NULL");
    }

    private int count(String from) {
        return database.pool()
                .query("SELECT count(*)::integer AS n FROM " + from)
                .executeAndAwait()
                .iterator()
                .next()
                .getInteger("n");
    }
}
