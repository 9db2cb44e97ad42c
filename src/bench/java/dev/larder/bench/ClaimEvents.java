package dev.larder.bench;

import static dev.larder.bench.Figures.say;

import dev.larder.claim.ClaimStatement;
import dev.larder.lifecycle.Untold;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What it costs that others learn of a claim: the event in its transaction (the row by which the reconciler knows),
 * as SQL, and the wake-ups after its commit, over REST. Beside what a notification inside the transaction would
 * cost.
 */
final class ClaimEvents {

    private static final int STOCK = 60_000;
    private static final int CONNECTIONS = 32;
    private static final int CLIENTS = 8;

    private static final String EVENTLESS = "SQL without the event";
    private static final String EVENTFUL = "SQL as Larder sends it, with the event";
    private static final String NOTIFYING = "SQL with the event and a NOTIFY in its transaction";
    private static final String UNTOLD = "SQL as Larder sends it, no event in a partition";
    private static final String SILENT = "REST without wake-ups";
    private static final String WAKING = "REST as it is, waking";

    private ClaimEvents() {}

    static void main() throws Exception {
        try (Scene scene = Scene.set("claim-events", Shelf.INSTANCES_MAX)) {
            scene.base.reconcileElsewhere();
            Variant silent = new Variant(SILENT, Map.of("LARDER_WAKE_ENABLED", "false"));
            Variant waking = new Variant(WAKING, Map.of());
            try (LarderServer listening =
                            LarderServer.start(scene.base, "claim-events-listening", waking.withoutWorker());
                    LarderServer quiet = LarderServer.start(scene.base, "claim-events-silent", silent.withoutWorker());
                    LarderServer loud = LarderServer.start(scene.base, "claim-events-waking", waking.withoutWorker())) {
                scene.warmUp(quiet, CONNECTIONS);
                scene.warmUp(loud, CONNECTIONS);
                say("One more server (process %d) listens all the time.", listening.pid());
                measure(scene, quiet, loud);
            }
        }
    }

    private static void measure(Scene scene, LarderServer quiet, LarderServer loud) throws IOException {
        Map<String, List<Double>> rates = new LinkedHashMap<>();
        for (int round = 0; round < scene.rounds; round++) {
            if (Pgbench.version().isEmpty()) {
                say("There is no pgbench on the path: without the comparison of statements.");
            } else {
                sql(scene, rates, EVENTLESS, ClaimStatement.asPgbenchScriptWithoutEvent());
                sql(scene, rates, EVENTFUL, ClaimStatement.asPgbenchScript());
                sql(scene, rates, NOTIFYING, ClaimStatement.asPgbenchScriptWithNotify());
                sql(scene, rates, UNTOLD, Untold.of(ClaimStatement.asPgbenchScript()));
            }
            rest(scene, rates, SILENT, quiet);
            rest(scene, rates, WAKING, loud);
        }
        say(
                "%d interleaved rounds of %d s, SQL by %d clients, REST by %d connections; medians (least to greatest)",
                scene.rounds, scene.length.toSeconds(), CLIENTS, CONNECTIONS);
        rates.forEach((name, found) -> say("  %-50s %s claims/s", name, Figures.spread("%,.0f", doubles(found))));
        compare(rates, EVENTFUL, EVENTLESS);
        compare(rates, NOTIFYING, EVENTLESS);
        compare(rates, EVENTFUL, UNTOLD);
        compare(rates, WAKING, SILENT);
    }

    private static void sql(Scene scene, Map<String, List<Double>> rates, String name, String script) {
        scene.shelf.refill(scene.preset, STOCK);
        long before = scene.shelf.claims();
        Pgbench.Outcome outcome = scene.pgbench.run(script, CLIENTS, scene.length, false);
        scene.claimedAll(outcome, before);
        add(rates, name, outcome.perSecond());
    }

    private static void rest(Scene scene, Map<String, List<Double>> rates, String name, LarderServer server)
            throws IOException {
        scene.shelf.refill(scene.preset, STOCK);
        try (HttpLoad load = scene.load(server, CONNECTIONS)) {
            add(rates, name, load.run(scene.length).only(201).perSecond(201));
        }
    }

    private static void add(Map<String, List<Double>> rates, String name, double rate) {
        List<Double> found = rates.computeIfAbsent(name, unseen -> new ArrayList<>());
        found.addLast(rate);
    }

    private static void compare(Map<String, List<Double>> rates, String on, String off) {
        double[] with = doubles(rates.getOrDefault(on, List.of()));
        double[] without = doubles(rates.getOrDefault(off, List.of()));
        if (with.length > 0) {
            double[] ratio = new double[with.length];
            java.util.Arrays.setAll(ratio, round -> with[round] / without[round]);
            say("  %s, %s / %s", Figures.spread("%.2f", ratio), on, off);
        }
    }

    private static double[] doubles(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
