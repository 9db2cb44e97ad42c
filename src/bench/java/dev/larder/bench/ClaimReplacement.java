package dev.larder.bench;

import static dev.larder.bench.Figures.millis;
import static dev.larder.bench.Figures.say;

import dev.larder.testing.Signals;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;

/**
 * How long after a claim the job is queued that builds its replacement: seen from another connection for claims one by
 * one, and as the rows tell it for a stream of claims over many pools.
 */
final class ClaimReplacement {

    private static final int POOLS = 20;
    private static final Duration PACE = Duration.ofMillis(25);
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private ClaimReplacement() {}

    static void main() throws Exception {
        try (Scene scene = Scene.set("claim-replacement", 0);
                LarderServer server = LarderServer.start(
                        scene.base,
                        "claim-replacement",
                        Map.of(
                                "LARDER_WORKER_ENABLED", "false",
                                // Only cycles after wake-ups count. Pools that are being filled are not looked at.
                                "LARDER_RECONCILE_INTERVAL", "1h"))) {
            for (int instances : new int[] {20, 200, Shelf.INSTANCES_MAX}) {
                oneByOne(scene, server, instances, instances == 20);
            }
            stream(scene, server);
        }
    }

    /** Claims half of the pool, each a while after the replacement of the one before was seen. */
    private static void oneByOne(Scene scene, LarderServer server, int instances, boolean first) throws IOException {
        List<Long> fromSending = new ArrayList<>();
        List<Long> fromAnswer = new ArrayList<>();
        int pools = scene.rounds * Math.max(2, 200 / instances) + (first ? WARM_UP_POOLS : 0);
        Pool watch = scene.base.pool(1);
        for (int pool = 0; pool < pools; pool++) {
            UUID preset = scene.shelf.preset("one-" + instances + "-" + pool, instances);
            scene.shelf.add(preset, instances);
            try (HttpLoad load = scene.load(server, preset)) {
                for (int claim = 0; claim < Math.min(instances / 2, 40); claim++) {
                    int attempts = attempts(watch, preset);
                    long sent = System.nanoTime();
                    long took = load.run(Duration.ZERO).only(201).nanos()[0];
                    long seen = awaitAttempt(watch, preset, attempts + 1);
                    if (!first || pool >= WARM_UP_POOLS) {
                        fromSending.add(seen - sent);
                        fromAnswer.add(seen - sent - took);
                    }
                    Signals.pause(Duration.ofMillis(ThreadLocalRandom.current().nextInt(5, 30)));
                }
            }
        }
        watch.closeAndAwait();
        say("one by one, pools of %d, %d claims", instances, fromSending.size());
        say("  sent -> job visible       %s", quantiles(fromSending));
        say("  answered -> job visible   %s", quantiles(fromAnswer));
    }

    private static final int WARM_UP_POOLS = 20;

    private static int attempts(Pool watch, UUID preset) {
        return watch.preparedQuery("SELECT attempts FROM presets WHERE id = $1")
                .executeAndAwait(Tuple.of(preset))
                .iterator()
                .next()
                .getInteger(0);
    }

    /**
     * The count goes up in the transaction that queues the jobs. Asked without a pause: its end is what is
     * measured.
     */
    private static long awaitAttempt(Pool watch, UUID preset, int wanted) {
        long until = System.nanoTime() + PATIENCE.toNanos();
        while (attempts(watch, preset) < wanted) {
            if (System.nanoTime() > until) {
                throw new IllegalStateException("no replacement within " + PATIENCE);
            }
        }
        return System.nanoTime();
    }

    private static void stream(Scene scene, LarderServer server) throws IOException {
        int instances = 10 * scene.rounds;
        List<UUID> presets = new ArrayList<>();
        List<HttpLoad> loads = new ArrayList<>();
        for (int pool = 0; pool < POOLS; pool++) {
            UUID preset = scene.shelf.preset("stream-" + pool, instances);
            scene.shelf.add(preset, instances);
            presets.add(preset);
            loads.add(scene.load(server, preset));
        }
        scene.base.settle();
        long begun = System.nanoTime();
        for (int claim = 0; claim < instances * POOLS; claim++) {
            var claimed = loads.get(claim % POOLS).run(Duration.ZERO).only(201);
            long early = begun + PACE.multipliedBy(claim + 1L).toNanos() - System.nanoTime();
            if (early > 0) {
                Signals.pause(Duration.ofNanos(early));
            }
        }
        double perSecond = instances * POOLS / ((System.nanoTime() - begun) / 1e9);
        for (HttpLoad load : loads) {
            load.close();
        }
        presets.forEach(preset -> awaitReplacements(scene, preset, instances));
        List<Long> nanos = new ArrayList<>();
        scene.base
                .rows(REPLACED, (Object) presets.toArray(UUID[]::new))
                .forEach(row -> nanos.add(Math.round(row.getDouble("seconds") * 1e9)));
        say("%.0f claims/s over %d pools of %d, %d claims", perSecond, POOLS, instances, nanos.size());
        say("  claim's instant -> job's  %s (both are the server's, before their commits)", quantiles(nanos));
    }

    private static void awaitReplacements(Scene scene, UUID preset, int count) {
        long until = System.nanoTime() + PATIENCE.toNanos();
        while (scene.base.number("SELECT count(*) FROM builds WHERE preset_id = $1 AND attempt > 1", preset) < count) {
            if (System.nanoTime() > until) {
                throw new IllegalStateException("no replacements within " + PATIENCE);
            }
            Signals.pause(Duration.ofMillis(20));
        }
    }

    // The n-th claim on a pool makes its n-th replacement.
    private static final String REPLACED = """
            WITH claim AS (
                SELECT preset_id, created_at, row_number() OVER (PARTITION BY preset_id ORDER BY created_at, id) AS n
                  FROM claims WHERE preset_id = ANY ($1)),
            job AS (
                SELECT b.preset_id, j.created_at, row_number() OVER (PARTITION BY b.preset_id ORDER BY j.created_at, j.id) AS n
                  FROM jobs j JOIN builds b ON b.id = j.build_id WHERE b.preset_id = ANY ($1) AND b.attempt > 1)
            SELECT extract(epoch FROM job.created_at - claim.created_at)::float8 AS seconds
              FROM claim JOIN job USING (preset_id, n)""";

    private static String quantiles(List<Long> values) {
        long[] nanos = values.stream().mapToLong(Long::longValue).toArray();
        return "p50 %.1f ms, p99 %.1f ms, greatest %.1f ms"
                .formatted(millis(nanos, 0.5), millis(nanos, 0.99), millis(nanos, 1));
    }
}
