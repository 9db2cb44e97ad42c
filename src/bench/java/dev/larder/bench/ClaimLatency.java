package dev.larder.bench;

import static dev.larder.bench.Figures.millis;
import static dev.larder.bench.Figures.say;

import java.io.IOException;

/** What one client waits for a claim, over what it would wait for the statement alone. */
final class ClaimLatency {

    private static final int STOCK = 15_000;

    private ClaimLatency() {}

    static void main() throws Exception {
        try (Scene scene = Scene.set("claim-latency", Shelf.INSTANCES_MAX)) {
            scene.base.reconcileElsewhere();
            for (Variant variant : Variant.COMBINER) {
                try (LarderServer server =
                        LarderServer.start(scene.base, "claim-latency", variant.withoutWorker())) {
                    scene.warmUp(server, 32);
                    scene.warmUp(server, 1);
                    measure(scene, variant, server);
                }
            }
        }
    }

    private static void measure(Scene scene, Variant variant, LarderServer server) throws IOException {
        double[][] sql = new double[2][scene.rounds];
        double[][] rest = new double[2][scene.rounds];
        double[] over = new double[scene.rounds];
        for (int round = 0; round < scene.rounds; round++) {
            scene.shelf.refill(scene.preset, STOCK);
            long[] alone = scene.floor(1).nanos();
            scene.shelf.refill(scene.preset, STOCK);
            long[] whole;
            try (HttpLoad load = scene.load(server, 1)) {
                whole = load.run(scene.length).only(201).nanos();
            }
            sql[0][round] = millis(alone, 0.5);
            sql[1][round] = millis(alone, 0.99);
            rest[0][round] = millis(whole, 0.5);
            rest[1][round] = millis(whole, 0.99);
            over[round] = rest[0][round] - sql[0][round];
        }
        say("%d interleaved rounds of %d s, one client; medians (least to greatest)", scene.rounds, scene.length.toSeconds());
        say("%s", scene.floorName(1));
        say("  p50 / p99      %s ms / %s ms", Figures.spread("%.2f", sql[0]), Figures.spread("%.2f", sql[1]));
        say("%s, 1 connection", variant.name());
        say("  p50 / p99      %s ms / %s ms", Figures.spread("%.2f", rest[0]), Figures.spread("%.2f", rest[1]));
        say("  p50 over SQL   %s ms, round by round", Figures.spread("%.2f", over));
    }
}
