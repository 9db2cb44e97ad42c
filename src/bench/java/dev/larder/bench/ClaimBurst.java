package dev.larder.bench;

import static dev.larder.bench.Figures.millis;
import static dev.larder.bench.Figures.say;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A hundred claims at the same moment on sixty ready prebuilds, with the history of a busy preset behind them. */
final class ClaimBurst {

    private static final int CLAIMS = 100;
    private static final int READY = 60;
    private static final int HISTORY = 30_000;
    private static final int BURSTS_PER_ROUND = 6;
    private static final int UNMEASURED = 10;
    private static final String ID = "\"workspace\":{\"id\":\"";

    private ClaimBurst() {}

    static void main() throws Exception {
        try (Scene scene = Scene.set("claim-burst", READY)) {
            scene.base.reconcileElsewhere();
            scene.shelf.history(scene.preset, HISTORY);
            for (Variant variant : Variant.COMBINER) {
                try (LarderServer server = LarderServer.start(scene.base, "claim-burst", variant.withoutWorker())) {
                    scene.warmUp(server, 32);
                    say("%s: %s", variant.name(), measure(scene, server));
                }
            }
        }
    }

    /** What the answers said. */
    private static final class Tally implements HttpLoad.Listener {

        final Set<String> workspaces = new HashSet<>();
        int claimed;
        int clean;
        int other;

        @Override
        public void answered(int status, byte[] bytes, int body, int end) {
            String text = new String(bytes, body, end - body, StandardCharsets.UTF_8);
            if (status == 201) {
                int at = text.indexOf(ID) + ID.length();
                claimed += workspaces.add(text.substring(at, at + 36)) ? 1 : 0;
                other += at < ID.length() ? 1 : 0;
            } else if (status == 409 && text.contains("\"no_claimable_workspace\"")) {
                clean++;
            } else {
                other++;
            }
        }
    }

    private static String measure(Scene scene, LarderServer server) throws IOException {
        int bursts = scene.rounds * BURSTS_PER_ROUND;
        Tally tally = new Tally();
        List<Long> nanos = new ArrayList<>();
        double[] slowest = new double[bursts];
        int handedOut = 0;
        scene.shelf.refill(scene.preset, READY);
        try (HttpLoad load = new HttpLoad(server, scene.shelf.token(), scene.body(), CLAIMS, tally)) {
            for (int burst = -UNMEASURED; burst < bursts; burst++) {
                scene.shelf.add(scene.preset, READY - scene.shelf.ready(scene.preset));
                int before = tally.claimed;
                HttpLoad.Outcome outcome = load.run(Duration.ZERO);
                handedOut += outcome.statuses().getOrDefault(201, 0);
                if (burst >= 0) {
                    for (long one : outcome.nanos()) {
                        nanos.add(one);
                    }
                    slowest[burst] = millis(outcome.nanos(), 1);
                }
                if (tally.claimed - before != READY) {
                    say(
                            "  burst %d: %d distinct of %d ready, %s",
                            burst, tally.claimed - before, READY, outcome.statuses());
                }
            }
        }
        long[] all = nanos.stream().mapToLong(Long::longValue).toArray();
        int repeated = bursts + UNMEASURED;
        return "%d bursts (%d of them to warm up), %,d workspaces of history%n".formatted(repeated, UNMEASURED, HISTORY)
                + "  a burst        %.1f distinct of %d, %.1f clean misses of %d%n"
                        .formatted(
                                (double) tally.claimed / repeated,
                                READY,
                                (double) tally.clean / repeated,
                                CLAIMS - READY)
                + "  in all         %d false misses, %d handed out twice, %d other answers%n"
                        .formatted(READY * repeated - tally.claimed, handedOut - tally.claimed, tally.other)
                + "  latency        p50 %.1f ms, p99 %.1f ms, greatest %.1f ms over %,d claims%n"
                        .formatted(millis(all, 0.5), millis(all, 0.99), millis(all, 1), all.length)
                + "  slowest of one %s ms".formatted(Figures.spread("%.1f", slowest));
    }
}
