package dev.larder.bench;

import static dev.larder.bench.Figures.say;

import dev.larder.reconcile.BesideQueue;
import io.vertx.mutiny.sqlclient.Pool;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;

/**
 * Jobs per second leased and ended while the same process reconciles a large stock, and without. The stock: 10,000
 * presets with two ready prebuilds each, and 100,000 workspaces that were claimed and deleted. The jobs are first
 * builds of other presets' prebuilds, so each job that ends marks its preset. No cycle finds anything to do: the
 * cost of looking is measured.
 *
 * <p>At its own pace the reconciler looks at marked presets after each wake-up, which under this load is always,
 * and at all presets once a minute. A cell is shorter than a minute and begins after the full cycle of the start,
 * so the full cycle of every minute adds at most its own length. Full cycles without a pause are no mode of the
 * product: they show the rate of the queue during a full cycle.
 */
final class QueueReconcile {

    private static final int CONNECTIONS = 16;
    private static final int BATCH = 100;
    private static final int PRESETS = 10_000;
    private static final int READY_EACH = 2;
    private static final int HISTORY = 100_000;
    private static final int DEFAULT_JOBS = 30_000;

    /** Jobs of one measurement, made up to whole thousands: {@code -Dbench.jobs=}. */
    private static final int JOBS = Math.max(Integer.getInteger("bench.jobs", 0), 0);

    private enum Beside {
        NOTHING("without reconciliation"),
        OWN_PACE("reconciler at its own pace"),
        AGAIN_AND_AGAIN("looks at everything again and again");

        private final String words;

        Beside(String words) {
            this.words = words;
        }
    }

    private record Cell(double rate, Meter spent, List<Duration> cycles) {}

    private final Scene scene;
    private final List<UUID> wave = new ArrayList<>();
    private final Map<Beside, List<Cell>> cells = new EnumMap<>(Beside.class);

    private QueueReconcile(Scene scene) {
        this.scene = scene;
    }

    static void main() throws Exception {
        // The scene's own presets declare nothing, or it would be found missing.
        try (Scene scene = Scene.set("queue-reconcile", 0)) {
            new QueueReconcile(scene).measure();
        }
    }

    private void measure() throws Exception {
        scene.shelf.stock(PRESETS, READY_EACH);
        scene.shelf.history(scene.preset, HISTORY);
        IntStream.range(0, Math.ceilDiv(JOBS == 0 ? DEFAULT_JOBS : JOBS, Shelf.INSTANCES_MAX))
                .forEach(preset -> wave.add(scene.shelf.preset("wave-" + preset, Shelf.INSTANCES_MAX)));
        Pool pool = scene.base.pool(CONNECTIONS);
        UUID worker = JobLoops.register(pool);
        for (int round = -1; round < scene.rounds; round++) {
            for (Beside beside : Beside.values()) {
                Cell cell = cell(beside, pool, worker);
                // The first round, which warms up, is not counted.
                if (round >= 0) {
                    cells.computeIfAbsent(beside, unseen -> new ArrayList<>()).add(cell);
                }
            }
        }
        pool.closeAndAwait();
        report();
    }

    private Cell cell(Beside beside, Pool pool, UUID worker) throws InterruptedException {
        scene.shelf.wave(wave);
        int jobs = wave.size() * Shelf.INSTANCES_MAX;
        try (BesideQueue reconciler = new BesideQueue(scene.base.vertx(), scene.base.options(), pool)) {
            switch (beside) {
                case NOTHING -> {}
                case OWN_PACE -> reconciler.atItsOwnPace();
                case AGAIN_AND_AGAIN -> reconciler.again();
            }
            Meter before = Meter.read(scene.base, Optional.empty());
            long begun = System.nanoTime();
            new JobLoops(pool, worker, beside == Beside.OWN_PACE ? reconciler::ended : () -> {})
                    .run(CONNECTIONS, BATCH, ended -> ended == 0);
            double seconds = (System.nanoTime() - begun) / 1e9;
            Meter spent = Meter.read(scene.base, Optional.empty()).since(before);
            List<Duration> cycles = reconciler.cycles();
            if (scene.shelf.waiting() > 0) {
                throw new IllegalStateException("jobs left over: " + scene.shelf.waiting());
            }
            return new Cell(jobs / seconds, spent, cycles);
        }
    }

    private void report() {
        say(
                "%d interleaved rounds of %,d jobs, batches of %d over %d connections; %,d presets with %,d ready prebuilds, %,d deleted"
                        + " workspaces; medians (least to greatest)",
                scene.rounds,
                wave.size() * Shelf.INSTANCES_MAX,
                BATCH,
                CONNECTIONS,
                PRESETS,
                PRESETS * READY_EACH,
                HISTORY);
        cells.forEach((beside, all) -> {
            say("%s", beside.words);
            say("  jobs/s      %s", Figures.spread("%,.0f", rates(beside)));
            double jobs = (double) wave.size() * Shelf.INSTANCES_MAX;
            say(
                    "  per job     %s ms of PostgreSQL's processor time, %s bytes of WAL",
                    Figures.spread(
                            "%.3f",
                            all.stream()
                                    .mapToDouble(cell -> 1_000 * cell.spent().postgresSeconds() / jobs)
                                    .toArray()),
                    Figures.spread(
                            "%,.0f",
                            all.stream()
                                    .mapToDouble(cell -> cell.spent().walBytes() / jobs)
                                    .toArray()));
            double[] cycles = all.stream()
                    .flatMap(cell -> cell.cycles().stream())
                    .mapToDouble(took -> took.toNanos() / 1e6)
                    .toArray();
            if (cycles.length > 0) {
                say("  cycles      %d, %s ms each", cycles.length, Figures.spread("%.1f", cycles));
            }
            if (beside != Beside.NOTHING) {
                say("  of without  %s, round by round; wanted: 0.95", Figures.spread("%.2f", ratios(beside)));
            }
        });
    }

    private double[] rates(Beside beside) {
        return cells.getOrDefault(beside, List.of()).stream()
                .mapToDouble(Cell::rate)
                .toArray();
    }

    private double[] ratios(Beside beside) {
        double[] own = rates(beside);
        double[] without = rates(Beside.NOTHING);
        return IntStream.range(0, own.length)
                .mapToDouble(round -> own[round] / without[round])
                .toArray();
    }
}
