package dev.larder.bench;

import static dev.larder.bench.Figures.millis;
import static dev.larder.bench.Figures.say;

import dev.larder.claim.ClaimStatement;
import dev.larder.testing.CanIgnoreReturnValue;
import io.vertx.mutiny.sqlclient.Row;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Where the time of a claim goes: the statements it sends, whose processor it uses, and which methods are hot. */
final class ClaimProfile {

    private static final int STOCK = 60_000;

    private ClaimProfile() {}

    static void main() throws Exception {
        Path recording = Path.of("target", "bench", "claims.jfr").toAbsolutePath();
        try (Scene scene = Scene.set("claim-profile", Shelf.INSTANCES_MAX)) {
            scene.base.reconcileElsewhere();
            // Planning is seldom, and the references are checked by statements inside the claim's: both are to be seen.
            scene.base.run("ALTER SYSTEM SET pg_stat_statements.track_planning = on");
            scene.base.run("ALTER SYSTEM SET pg_stat_statements.track = 'all'");
            scene.base.run("SELECT pg_reload_conf()");
            try (LarderServer server = LarderServer.start(
                    scene.base,
                    "claim-profile",
                    Map.of("LARDER_WORKER_ENABLED", "false"),
                    "-XX:FlightRecorderOptions=stackdepth=256",
                    "-XX:+UnlockDiagnosticVMOptions",
                    "-XX:+DebugNonSafepoints",
                    "-Xlog:jfr*=off")) {
                warmUp(scene, server);
                for (int clients : new int[] {1, 8}) {
                    scene.shelf.refill(scene.preset, STOCK);
                    scene.base.run("SELECT pg_stat_statements_reset()");
                    Meter before = Meter.read(scene.base, Optional.empty());
                    Pgbench.Outcome sql =
                            scene.pgbench.run(ClaimStatement.asPgbenchScript(), clients, scene.length, true);
                    Meter cost = Meter.read(scene.base, Optional.empty()).since(before);
                    say(
                            "%nSQL by pgbench, %d clients: %,.0f claims/s, p50 %.2f ms, p99 %.2f ms; PostgreSQL's processor"
                                    + " time %.0f us a claim, WAL %,d bytes a claim",
                            clients,
                            sql.perSecond(),
                            millis(sql.nanos(), 0.5),
                            millis(sql.nanos(), 0.99),
                            cost.postgresSeconds() * 1e6 / sql.transactions(),
                            cost.walBytes() / sql.transactions());
                    statements(scene, sql.transactions());
                }
                explain(scene);
                for (int connections : new int[] {1, 8, 32}) {
                    profile(scene, server, connections);
                }
                record(scene, server, recording);
            }
        }
        Samples.print(recording);
        view("hot-methods", recording);
        view("gc", recording);
    }

    /** The plan as it ran, its triggers included, first on a fresh stock and then behind some thousand claims. */
    private static void explain(Scene scene) {
        scene.shelf.refill(scene.preset, STOCK);
        for (String when : new String[] {"on a fresh stock", "behind the claims of another round"}) {
            for (int run = 0; run < 5; run++) {
                var rows = scene.base.rows(ClaimStatement.explained(scene.pgbench.variables()));
                if (run == 4) {
                    say("%nThe claim %s:", when);
                    rows.forEach(row -> say("  %s", row.getString(0)));
                }
            }
            var done = scene.pgbench.run(ClaimStatement.asPgbenchScript(), 8, scene.length, false);
        }
    }

    private static void warmUp(Scene scene, LarderServer server) throws IOException {
        for (int connections : new int[] {32, 1, 32, 32}) {
            scene.shelf.refill(scene.preset, STOCK);
            try (HttpLoad load = scene.load(server, connections)) {
                var done = load.run(Duration.ofSeconds(10)).only(201);
            }
        }
    }

    /** Samples the server under 32 connections, once it is warm. */
    private static void record(Scene scene, LarderServer server, Path recording)
            throws IOException, InterruptedException {
        scene.shelf.refill(scene.preset, STOCK);
        try (HttpLoad load = scene.load(server, 32)) {
            run("jcmd", String.valueOf(server.pid()), "JFR.start", "name=claims", "settings=profile");
            var done = load.run(scene.length.multipliedBy(2)).only(201);
            run("jcmd", String.valueOf(server.pid()), "JFR.stop", "name=claims", "filename=" + recording);
        }
    }

    private static void profile(Scene scene, LarderServer server, int connections) throws IOException {
        scene.shelf.refill(scene.preset, STOCK);
        scene.base.run("SELECT pg_stat_statements_reset()");
        Meter before = Meter.read(scene.base, Optional.of(server));
        HttpLoad.Outcome outcome;
        try (HttpLoad load = scene.load(server, connections)) {
            outcome = load.run(scene.length).only(201);
        }
        Meter cost = Meter.read(scene.base, Optional.of(server)).since(before);
        int claims = outcome.nanos().length;
        say(
                "%nREST, %d connections: %,.0f claims/s, p50 %.2f ms, p99 %.2f ms",
                connections, outcome.perSecond(201), millis(outcome.nanos(), 0.5), millis(outcome.nanos(), 0.99));
        say(
                "  processor time a claim: server %.0f us, PostgreSQL %.0f us, load generator %.0f us; busy %.0f %% of %d cores",
                cost.serverSeconds() * 1e6 / claims,
                cost.postgresSeconds() * 1e6 / claims,
                cost.clientSeconds() * 1e6 / claims,
                100
                        * (cost.serverSeconds() + cost.postgresSeconds() + cost.clientSeconds())
                        / outcome.seconds()
                        / Runtime.getRuntime().availableProcessors(),
                Runtime.getRuntime().availableProcessors());
        say(
                "  writing transactions a claim %.3f, WAL bytes a claim %,d",
                cost.writingTransactions() / (double) claims, cost.walBytes() / claims);
        statements(scene, claims);
    }

    private static void statements(Scene scene, long claims) {
        say("  calls a claim / us each / plans a claim / us each / WAL bytes a claim / statement (> inside another)");
        for (Row row : scene.base.rows(STATEMENTS)) {
            say(
                    "  %6.2f %8.1f %6.2f %8.1f %6d  %s %s",
                    row.getLong("calls") / (double) claims,
                    row.getDouble("mean") * 1_000,
                    row.getLong("plans") / (double) claims,
                    row.getDouble("planning") * 1_000,
                    row.getLong("wal") / claims,
                    row.getBoolean("toplevel") ? " " : ">",
                    row.getString("text"));
        }
    }

    private static final String STATEMENTS = """
            SELECT calls, mean_exec_time AS mean, plans, mean_plan_time AS planning, wal_bytes::bigint AS wal, toplevel,
                   left(regexp_replace(query, '\\s+', ' ', 'g'), 90) AS text
              FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid
             WHERE d.datname = current_database() AND query NOT LIKE '%pg_stat%' AND query NOT LIKE '%pg_snapshot%'
             ORDER BY total_exec_time DESC LIMIT 16""";

    private static void view(String what, Path recording) throws IOException, InterruptedException {
        say("%s", run("jfr", "view", "--width", "140", what, recording.toString()));
    }

    /** One of the JDK's own tools. @return what it said */
    @CanIgnoreReturnValue
    private static String run(String tool, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", tool).toString());
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IllegalStateException(tool + " failed: " + said);
        }
        return said;
    }
}
