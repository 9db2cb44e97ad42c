package dev.larder.bench;

import static dev.larder.bench.Figures.millis;
import static dev.larder.bench.Figures.say;

import java.io.IOException;
import java.util.List;

/** What one client waits for a claim, over what it would wait for the statement alone. */
final class ClaimLatency {

    private static final int STOCK = 15_000;

    private ClaimLatency() {}

    // Both servers are there from the beginning and take turns, now one first and now the other: what comes with being
    // measured first would otherwise be taken for what tells them apart.
    static void main() throws Exception {
        try (Scene scene = Scene.set("claim-latency", Shelf.INSTANCES_MAX)) {
            scene.base.reconcileElsewhere();
            Variant off = Variant.COMBINER.getFirst();
            Variant on = Variant.COMBINER.getLast();
            try (LarderServer without = LarderServer.start(scene.base, "claim-latency-off", off.withoutWorker());
                    LarderServer with = LarderServer.start(scene.base, "claim-latency-on", on.withoutWorker())) {
                List<Measured> all =
                        List.of(new Measured(off, without, scene.rounds), new Measured(on, with, scene.rounds));
                for (Measured one : all) {
                    scene.warmUp(one.server, 32);
                    scene.warmUp(one.server, 1);
                }
                measure(scene, all);
            }
        }
    }

    /** One server's figures: of each round the median and the 99th percentile, in milliseconds. */
    private record Measured(Variant variant, LarderServer server, double[] p50, double[] p99, double[] over) {

        Measured(Variant variant, LarderServer server, int rounds) {
            this(variant, server, new double[rounds], new double[rounds], new double[rounds]);
        }
    }

    private static void measure(Scene scene, List<Measured> all) throws IOException {
        double[][] sql = new double[2][scene.rounds];
        for (int round = 0; round < scene.rounds; round++) {
            scene.shelf.refill(scene.preset, STOCK);
            long[] alone = scene.floor(1).nanos();
            sql[0][round] = millis(alone, 0.5);
            sql[1][round] = millis(alone, 0.99);
            for (Measured one : round % 2 == 0 ? all : all.reversed()) {
                long[] whole = claims(scene, one.server);
                one.p50[round] = millis(whole, 0.5);
                one.p99[round] = millis(whole, 0.99);
                one.over[round] = one.p50[round] - sql[0][round];
            }
        }
        say(
                "%d interleaved rounds of %d s, one client; medians (least to greatest)",
                scene.rounds, scene.length.toSeconds());
        say("%s", scene.floorName(1));
        say("  p50 / p99      %s ms / %s ms", Figures.spread("%.2f", sql[0]), Figures.spread("%.2f", sql[1]));
        for (Measured one : all) {
            say("%s, 1 connection", one.variant.name());
            say("  p50 / p99      %s ms / %s ms", Figures.spread("%.2f", one.p50), Figures.spread("%.2f", one.p99));
            say("  p50 over SQL   %s ms, round by round", Figures.spread("%.2f", one.over));
        }
    }

    private static long[] claims(Scene scene, LarderServer server) throws IOException {
        scene.shelf.refill(scene.preset, STOCK);
        try (HttpLoad load = scene.load(server, 1)) {
            return load.run(scene.length).only(201).nanos();
        }
    }
}
