package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import dev.larder.testing.Signals;
import dev.larder.testing.Wire;
import io.vertx.pgclient.PgConnectOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Three servers, the clocks of two of which are an hour wrong (decision 0023). The test's own clock is that of the
 * database: both are on this host. {@code -Dlarder.cluster.skew-seconds=600} makes the load last as long.
 */
class SkewIT {

    private static final Duration LOAD = Duration.ofSeconds(Integer.getInteger("larder.cluster.skew-seconds", 7));
    private static final Duration TTL = Duration.ofSeconds(3);
    private static final Duration CLOSE = Duration.ofSeconds(2);
    private static final int CLIENTS = 4;
    private static final Duration BETWEEN = Duration.ofMillis(300);

    /** Each build takes longer than a worker may be silent (three heartbeats of a second). */
    private static final String DECLARATION = """
            backend: exec
            files:
              start.sh: |
                #!/bin/sh
                sleep 4
                echo '{}' > "$LARDER_OUTPUTS"
            presets:
              - name: one
                prebuilds: {instances: 9}
            """;

    private static final String CLAIM =
            "{\"organization\":\"acme\",\"template\":\"slow\",\"preset\":\"one\",\"policy\":\"fail\",\"ttl\":\"PT%dS\"}"
                    .formatted(TTL.toSeconds());

    private static final String RENEWAL = "{\"ttl\":\"PT%dS\"}".formatted(TTL.toSeconds());

    private final Database database = Databases.fresh();
    private final OwnerCalls calls = new OwnerCalls();
    private final Queue<String> wrong = new ConcurrentLinkedQueue<>();
    private final AtomicInteger claimed = new AtomicInteger();

    @BeforeEach
    void letTheOwnerIn() {
        LarderTestResource.insertOwner(database);
    }

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void no_job_is_taken_back_and_no_lease_ends_early_or_late() throws Exception {
        try (Server right = server("right", "PT0S");
                Server ahead = server("ahead", "PT1H");
                Server behind = server("behind", "PT-1H")) {
            declareOn(right.awaitReady());
            ahead.awaitReady();
            behind.awaitReady();

            load(List.of(right, ahead, behind));

            assertThat(wrong).isEmpty();
            assertThat(claimed.get()).as("claims").isGreaterThan(CLIENTS);
            assertThat(count("jobs WHERE losses > 0 OR attempt > 1 OR error_code IS NOT NULL"))
                    .as("jobs taken back or failed")
                    .isZero();
            assertThat(count("(SELECT worker_id FROM jobs WHERE completed_at IS NOT NULL GROUP BY worker_id) all_work"))
                    .isEqualTo(3);
            assertSkew(right, 0);
            assertSkew(ahead, 3600);
            assertSkew(behind, -3600);
            assertThat(ahead.said() + behind.said()).doesNotContain(" ERROR ");
        }
    }

    private void assertSkew(Server server, double seconds) {
        assertThat(calls.metric(server, "larder_clock_skew_seconds"))
                .hasValueSatisfying(seen -> assertThat(seen).isBetween(seconds - 2, seconds + 2));
    }

    private Server server(String name, String offset) throws IOException {
        Path root = Files.createDirectories(
                Path.of("target", "cluster-exec-skew-" + name).toAbsolutePath());
        return Server.start(
                "skew-" + name,
                database,
                Map.of(
                        "LARDER_CLOCK_OFFSET", offset,
                        "LARDER_BACKEND_EXEC_ENABLED", "true",
                        "LARDER_BACKEND_EXEC_ROOT", root.toString(),
                        "LARDER_WORKER_SLOTS", "3",
                        "LARDER_WORKER_HEARTBEAT", "1s",
                        "LARDER_JANITOR_INTERVAL", "1s"));
    }

    private void declareOn(Server server) {
        var organization = calls.done(server, "POST", "/api/v1/organizations", "{\"name\":\"acme\"}");
        var template = calls.done(server, "PUT", "/api/v1/organizations/acme/templates/slow", DECLARATION);
    }

    /** Clients claim, some renew, and leave the end of the lease to the servers; one looks whether it comes on time. */
    private void load(List<Server> servers) throws Exception {
        Instant until = Instant.now().plus(LOAD);
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> all = IntStream.range(0, CLIENTS)
                    .<Future<?>>mapToObj(number -> threads.submit(() -> claimUntil(until, servers, number)))
                    .toList();
            while (Instant.now().isBefore(until.plus(TTL).plus(CLOSE))) {
                lookAtLeases();
                Signals.pause(BETWEEN);
            }
            for (Future<?> one : all) {
                one.get(30, TimeUnit.SECONDS);
            }
        }
    }

    private void claimUntil(Instant until, List<Server> servers, int number) {
        for (int turn = number; Instant.now().isBefore(until); turn++) {
            Instant before = Instant.now();
            OwnerCalls.Answer claim = calls.send(servers.get(turn % servers.size()), "POST", "/api/v1/claims", CLAIM);
            if (claim.status() == 201) {
                claimed.incrementAndGet();
                judge("claim", claim, before);
                Instant again = Instant.now();
                // By another server.
                judge(
                        "renewal",
                        calls.done(
                                servers.get((turn + 1) % servers.size()),
                                "POST",
                                "/api/v1/claims/" + claim.text("id") + "/renew",
                                RENEWAL),
                        again);
            } else if (claim.status() != 409) {
                wrong.add(claim.status() + " " + claim.text());
            }
            Signals.pause(BETWEEN);
        }
    }

    private void judge(String what, OwnerCalls.Answer answer, Instant before) {
        Instant expires = Instant.parse(answer.text("expiresAt"));
        if (expires.isBefore(before.plus(TTL).minus(CLOSE))
                || expires.isAfter(Instant.now().plus(TTL).plus(CLOSE))) {
            wrong.add(what + " at " + before + " expires at " + expires);
        }
    }

    private static final String LATE_OR_EARLY = """
            SELECT id, expires_at, ended_at, clock_timestamp() AS now FROM claims
             WHERE (ended_at IS NULL AND expires_at < clock_timestamp() - interval '2 seconds')
                OR (ended_reason = 'expired' AND expires_at > clock_timestamp())
                OR (ended_reason = 'expired' AND ended_at NOT BETWEEN expires_at AND expires_at + interval '2 seconds')""";

    private void lookAtLeases() {
        database.pool()
                .query(LATE_OR_EARLY)
                .executeAndAwait()
                .forEach(row -> wrong.add("lease " + row.getUUID("id")
                        + " expires " + row.getValue("expires_at") + " ended " + row.getValue("ended_at") + " at "
                        + row.getValue("now")));
    }

    private int count(String from) {
        return database.pool()
                .query("SELECT count(*)::integer AS n FROM " + from)
                .executeAndAwait()
                .iterator()
                .next()
                .getInteger("n");
    }

    @Test
    void a_server_that_has_not_reached_its_database_answers_that_it_starts_and_serves_as_soon_as_it_has()
            throws Exception {
        PgConnectOptions options = database.connectOptions();
        try (Wire wire = new Wire(options.getHost(), options.getPort())) {
            wire.cut();
            try (Server server = Server.start(
                    "skew-starting", options.setPort(wire.port()), Map.of("LARDER_CLOCK_OFFSET", "PT1H"))) {
                OwnerCalls.Answer early = Eventually.see(() -> answer(server), answer -> answer.status() > 0);
                assertThat(early.status()).isEqualTo(503);
                assertThat(early.text("code")).isEqualTo("starting");

                wire.mend();
                server.awaitReady();

                assertThat(calls.send(server, "GET", "/api/v1/me", "").status()).isEqualTo(200);
            }
        }
    }

    /** Status 0 where nothing listens yet. */
    private OwnerCalls.Answer answer(Server server) {
        try {
            return calls.send(server, "GET", "/api/v1/me", "");
        } catch (java.io.UncheckedIOException notYet) {
            return new OwnerCalls.Answer(0, "", com.fasterxml.jackson.databind.node.MissingNode.getInstance());
        }
    }
}
