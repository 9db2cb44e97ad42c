package dev.larder.bench;

import static dev.larder.bench.Figures.say;

import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlConnection;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Claims while somebody else keeps a REPEATABLE READ snapshot open, as a long report or a backup does: what they leave
 * behind cannot be cleaned away meanwhile. Beside the same without a snapshot.
 */
final class ClaimSnapshot {

    private static final int CONNECTIONS = 8;
    private static final int EDGE_SECONDS = 5;
    private static final int STOCK_MIN = 30_000;

    /** How long the snapshot is held: {@code -Dbench.hold=}. */
    private static final int HOLD_SECONDS = Integer.getInteger("bench.hold", 60);

    private ClaimSnapshot() {}

    static void main() throws Exception {
        if (HOLD_SECONDS < 2 * EDGE_SECONDS) {
            throw new IllegalStateException("bench.hold must be at least " + 2 * EDGE_SECONDS);
        }
        try (Scene scene = Scene.set("claim-snapshot", Shelf.INSTANCES_MAX)) {
            scene.base.reconcileElsewhere();
            Map<Variant, LarderServer> servers = new LinkedHashMap<>();
            try {
                for (Variant variant : Variant.WATERMARK) {
                    servers.put(
                            variant,
                            LarderServer.start(
                                    scene.base, "claim-snapshot-" + servers.size(), variant.withoutWorker()));
                }
                measure(scene, servers);
            } finally {
                for (LarderServer server : servers.values()) {
                    server.close();
                }
            }
        }
    }

    private static void measure(Scene scene, Map<Variant, LarderServer> servers) throws IOException {
        Map<String, Edges> found = new LinkedHashMap<>();
        int stock = STOCK_MIN;
        for (LarderServer server : servers.values()) {
            scene.warmUp(server, CONNECTIONS);
            scene.shelf.refill(scene.preset, STOCK_MIN);
            try (HttpLoad load = scene.load(server, CONNECTIONS)) {
                double rate = load.run(Duration.ofSeconds(EDGE_SECONDS)).perSecond(201);
                stock = Math.max(stock, (int) (rate * 2 * HOLD_SECONDS));
            }
        }
        for (int round = 0; round < scene.rounds; round++) {
            for (Map.Entry<Variant, LarderServer> one : servers.entrySet()) {
                for (boolean held : new boolean[] {false, true}) {
                    scene.shelf.refill(scene.preset, stock);
                    String name = one.getKey().name() + (held ? ", beside a held snapshot" : ", without a snapshot");
                    found.computeIfAbsent(name, unseen -> new Edges(scene.rounds))
                            .add(round, held ? beside(scene, one.getValue()) : claims(scene, one.getValue()));
                }
            }
        }
        say(
                "%d interleaved rounds of %d s, %d connections, a stock of %,d in one preset; medians (least to greatest)",
                scene.rounds, HOLD_SECONDS, CONNECTIONS, stock);
        found.forEach((name, edges) -> {
            say("%s", name);
            say("  claims/s       %s over all", Figures.spread("%,.0f", edges.all));
            say(
                    "  first / last   %s, %s over %d s each",
                    Figures.spread("%,.0f", edges.first), Figures.spread("%,.0f", edges.last), EDGE_SECONDS);
            say("  last / first   %s, round by round", Figures.spread("%.2f", edges.ratio()));
        });
    }

    /** Rates of the rounds. */
    private static final class Edges {

        final double[] all;
        final double[] first;
        final double[] last;

        Edges(int rounds) {
            all = new double[rounds];
            first = new double[rounds];
            last = new double[rounds];
        }

        void add(int round, int[] perSecond) {
            all[round] = Arrays.stream(perSecond, 0, HOLD_SECONDS).average().orElseThrow();
            first[round] = Arrays.stream(perSecond, 0, EDGE_SECONDS).average().orElseThrow();
            last[round] = Arrays.stream(perSecond, HOLD_SECONDS - EDGE_SECONDS, HOLD_SECONDS)
                    .average()
                    .orElseThrow();
        }

        double[] ratio() {
            double[] ratio = new double[first.length];
            Arrays.setAll(ratio, round -> last[round] / first[round]);
            return ratio;
        }
    }

    private static int[] beside(Scene scene, LarderServer server) throws IOException {
        Pool foreign = scene.base.pool(1);
        try {
            SqlConnection reader = foreign.getConnectionAndAwait();
            var begun = reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .executeAndAwait();
            // The snapshot is taken by the first statement.
            var read = reader.query("SELECT count(*) FROM presets").executeAndAwait();
            int[] perSecond = claims(scene, server);
            var ended = reader.query("COMMIT").executeAndAwait();
            reader.closeAndAwait();
            return perSecond;
        } finally {
            foreign.closeAndAwait();
        }
    }

    private static int[] claims(Scene scene, LarderServer server) throws IOException {
        try (HttpLoad load = scene.load(server, CONNECTIONS)) {
            return load.run(Duration.ofSeconds(HOLD_SECONDS)).only(201).perSecond();
        }
    }
}
