package dev.larder.bench;

import static dev.larder.bench.Figures.say;

import dev.larder.database.Encryption;
import dev.larder.jobs.JobStatements;
import dev.larder.lifecycle.Untold;
import io.vertx.mutiny.sqlclient.Pool;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * Jobs per second that are leased and ended, a hundred at a time over 16 connections, beside the same statements run by
 * pgbench's 16 clients; and one at a time. The same statements without events show what the events cost.
 */
final class JobRate {

    private static final int CONNECTIONS = 16;
    private static final int[] BATCHES = {100, 1};
    private static final String UNTOLD = "pgbench without events in partitions";

    private final Scene scene;
    private final Encryption encryption = new Encryption(Shelf.ENCRYPTION_KEY);
    private final Map<String, List<Double>> rates = new LinkedHashMap<>();
    private final Map<String, List<Meter>> costs = new LinkedHashMap<>();
    private final Map<String, Long> jobs = new LinkedHashMap<>();

    private JobRate(Scene scene) {
        this.scene = scene;
    }

    static void main() throws IOException {
        try (Scene scene = Scene.set("job-rate", Shelf.INSTANCES_MAX)) {
            scene.base.reconcileElsewhere();
            new JobRate(scene).measure();
        }
    }

    private void measure() {
        Pool pool = scene.base.pool(CONNECTIONS);
        UUID worker = JobLoops.register(pool);
        JobLoops loops = new JobLoops(pool, worker, () -> {});
        for (int round = -1; round < scene.rounds; round++) {
            for (int batch : BATCHES) {
                // What one round can at most come to; the rest is left over and taken away.
                int stock = (int) scene.length.toSeconds() * (batch == 1 ? 12_000 : 30_000);
                scene.shelf.queue(scene.preset, stock);
                pgbench("pgbench", worker, batch, round);
                scene.shelf.queue(scene.preset, stock);
                pgbench(UNTOLD, worker, batch, round);
                scene.shelf.queue(scene.preset, stock);
                larder(loops, batch, round);
            }
        }
        pool.closeAndAwait();
        report();
    }

    private void pgbench(String name, UUID worker, int batch, int round) {
        String outputs = HexFormat.of().formatHex(encryption.encrypt(worker, "{\"url\":\"test://x\"}"));
        Meter before = Meter.read(scene.base, Optional.empty());
        long begun = System.nanoTime();
        long left = scene.shelf.waiting();
        String script = JobStatements.asPgbenchScript(worker, batch, outputs);
        var done =
                scene.pgbench.run(UNTOLD.equals(name) ? Untold.of(script) : script, CONNECTIONS, scene.length, false);
        add(name + ", batch " + batch, before, begun, left - scene.shelf.waiting(), round);
    }

    private void larder(JobLoops loops, int batch, int round) {
        Meter before = Meter.read(scene.base, Optional.empty());
        long left = scene.shelf.waiting();
        long begun = System.nanoTime();
        long until = begun + scene.length.toNanos();
        loops.run(CONNECTIONS, batch, ended -> System.nanoTime() >= until);
        add("Larder, batch " + batch, before, begun, left - scene.shelf.waiting(), round);
    }

    /** The first round, which warms up, is not counted. */
    private void add(String name, Meter before, long begun, long done, int round) {
        if (round < 0) {
            return;
        }
        double seconds = (System.nanoTime() - begun) / 1e9;
        rates.computeIfAbsent(name, unseen -> new ArrayList<>()).add(done / seconds);
        costs.computeIfAbsent(name, unseen -> new ArrayList<>())
                .add(Meter.read(scene.base, Optional.empty()).since(before));
        jobs.merge(name, done, Long::sum);
    }

    private void report() {
        say("%d interleaved rounds of %d s; medians (least to greatest)", scene.rounds, scene.length.toSeconds());
        rates.forEach((name, rate) -> {
            say("%s", name);
            say("  jobs/s     %s", Figures.spread("%,.0f", doubles(rate)));
            if (name.startsWith("Larder")) {
                say("  of pgbench %s, round by round", Figures.spread("%.2f", ratios(name, "Larder", "pgbench")));
            }
            if (name.startsWith("pgbench,")) {
                say(
                        "  of the same without events in partitions %s",
                        Figures.spread("%.2f", ratios(name, "pgbench", UNTOLD)));
            }
            double all = jobs.getOrDefault(name, 0L);
            say(
                    "  per job    %.3f statements, %.4f writing transactions, %,.0f bytes of WAL",
                    sum(name, Meter::statements) / all,
                    sum(name, Meter::writingTransactions) / all,
                    sum(name, Meter::walBytes) / all);
        });
    }

    private double[] ratios(String name, String of, String to) {
        double[] own = doubles(rates.getOrDefault(name, List.of()));
        double[] others = doubles(rates.getOrDefault(name.replace(of, to), List.of()));
        double[] ratios = new double[own.length];
        for (int round = 0; round < own.length; round++) {
            ratios[round] = own[round] / others[round];
        }
        return ratios;
    }

    private double sum(String name, java.util.function.ToDoubleFunction<Meter> of) {
        return costs.getOrDefault(name, List.of()).stream().mapToDouble(of).sum();
    }

    private static double[] doubles(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
