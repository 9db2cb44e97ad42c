package dev.larder.bench;

import static dev.larder.bench.Figures.millis;
import static dev.larder.bench.Figures.say;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Claims per second over REST from 32 keep-alive connections, beside the same statement run by pgbench's 8 clients. */
final class ClaimRate {

    private static final int STOCK = 60_000;
    private static final int CONNECTIONS = 32;
    private static final int CLIENTS = 8;

    private final Scene scene;
    private final Map<String, Cell> cells = new LinkedHashMap<>();

    private ClaimRate(Scene scene) {
        this.scene = scene;
    }

    /** What the rounds of one contender came to. */
    private static final class Cell {

        final List<Double> rates = new ArrayList<>();
        final List<Double> halves = new ArrayList<>();
        final List<Double> tails = new ArrayList<>();
        final List<Meter> costs = new ArrayList<>();
        long claims;

        void add(double rate, long[] nanos, Meter cost, long claimed) {
            rates.add(rate);
            halves.add(millis(nanos, 0.5));
            tails.add(millis(nanos, 0.99));
            costs.add(cost);
            claims += claimed;
        }
    }

    static void main() throws Exception {
        try (Scene scene = Scene.set("claim-rate", Shelf.INSTANCES_MAX)) {
            scene.base.reconcileElsewhere();
            new ClaimRate(scene).measure();
        }
    }

    private void measure() throws Exception {
        String floor = scene.floorName(CLIENTS);
        Map<Variant, LarderServer> servers = new LinkedHashMap<>();
        try {
            for (Variant variant : Variant.COMBINER) {
                servers.put(
                        variant,
                        LarderServer.start(scene.base, "claim-rate-" + servers.size(), variant.withoutWorker()));
            }
            for (LarderServer server : servers.values()) {
                scene.warmUp(server, CONNECTIONS);
            }
            for (int round = 0; round < scene.rounds; round++) {
                scene.shelf.refill(scene.preset, STOCK);
                sql(cell(floor));
                for (Map.Entry<Variant, LarderServer> one : servers.entrySet()) {
                    scene.shelf.refill(scene.preset, STOCK);
                    rest(one.getValue(), cell(one.getKey().name()));
                }
            }
        } finally {
            for (LarderServer server : servers.values()) {
                server.close();
            }
        }
        report(floor);
    }

    private Cell cell(String name) {
        return cells.computeIfAbsent(name, unseen -> new Cell());
    }

    private void sql(Cell cell) {
        Meter before = Meter.read(scene.base, Optional.empty());
        Pgbench.Outcome outcome = scene.floor(CLIENTS);
        cell.add(
                outcome.perSecond(),
                outcome.nanos(),
                Meter.read(scene.base, Optional.empty()).since(before),
                outcome.transactions());
    }

    private void rest(LarderServer server, Cell cell) throws IOException {
        try (HttpLoad load = scene.load(server, CONNECTIONS)) {
            Meter before = Meter.read(scene.base, Optional.of(server));
            HttpLoad.Outcome outcome = load.run(scene.length).only(201);
            cell.add(
                    outcome.perSecond(201),
                    outcome.nanos(),
                    Meter.read(scene.base, Optional.of(server)).since(before),
                    outcome.nanos().length);
        }
    }

    private void report(String floor) {
        say(
                "%d interleaved rounds of %d s on a stock of %,d in one preset; medians (least to greatest)",
                scene.rounds, scene.length.toSeconds(), STOCK);
        double[] f = rates(floor);
        cells.forEach((name, cell) -> {
            say("%s", name);
            say("  claims/s       %s", Figures.spread("%,.0f", doubles(cell.rates)));
            if (!name.equals(floor)) {
                double[] own = doubles(cell.rates);
                double[] ratios = new double[own.length];
                for (int round = 0; round < own.length; round++) {
                    ratios[round] = own[round] / f[round];
                }
                say("  of F           %s, round by round", Figures.spread("%.2f", ratios));
                say("  REST, %d connections, keep-alive, each claim under an Idempotency-Key of its own", CONNECTIONS);
            }
            say(
                    "  p50 / p99      %s ms / %s ms",
                    Figures.spread("%.1f", doubles(cell.halves)), Figures.spread("%.1f", doubles(cell.tails)));
            say(
                    "  per claim      %.2f statements, %.2f writing transactions, %,.0f bytes of WAL; processor time: server %,.0f us, PostgreSQL"
                            + " %,.0f us, the load generator %,.0f us; other"
                            + " processes %.0f %% of the machine",
                    sum(cell, Meter::statements) / cell.claims,
                    sum(cell, Meter::writingTransactions) / cell.claims,
                    sum(cell, Meter::walBytes) / cell.claims,
                    sum(cell, Meter::serverSeconds) * 1e6 / cell.claims,
                    sum(cell, Meter::postgresSeconds) * 1e6 / cell.claims,
                    sum(cell, Meter::clientSeconds) * 1e6 / cell.claims,
                    100 * sum(cell, Meter::othersShare) / cell.costs.size());
        });
    }

    private static double sum(Cell cell, java.util.function.ToDoubleFunction<Meter> of) {
        return cell.costs.stream().mapToDouble(of).sum();
    }

    private double[] rates(String name) {
        return doubles(cell(name).rates);
    }

    private static double[] doubles(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
