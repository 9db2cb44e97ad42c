package dev.larder.bench;

import static dev.larder.bench.Figures.millis;
import static dev.larder.bench.Figures.say;

import dev.larder.database.Direct;
import dev.larder.database.Encryption;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.NotifySender;
import dev.larder.wakeup.WakeUps;
import dev.larder.worker.PickupWorker;
import io.vertx.mutiny.sqlclient.Pool;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * From a job's commit in one process to its worker having it in another, with notifications through PostgreSQL and
 * with all of them dropped; thousands of jobs were done before. Both ends are in this program; what is between them
 * is not.
 */
final class JobPickup {

    private static final int JOBS = 2_000;
    private static final int DROPPED = 60;
    private static final int DONE_BEFORE = 5_000;
    private static final int WARM_UP = 500;
    private static final Duration POLL = Duration.ofSeconds(1);

    private final Scene scene;
    private final WakeUps wakeUps = new WakeUps();

    private JobPickup(Scene scene) {
        this.scene = scene;
    }

    static void main() throws Exception {
        try (Scene scene = Scene.set("job-pickup", Shelf.INSTANCES_MAX)) {
            new JobPickup(scene).measure();
        }
    }

    private void measure() throws Exception {
        Direct direct = new Direct(scene.base.vertx(), scene.base.options());
        new NotifySender(direct, scene.base.vertx()).start(wakeUps);
        Pool pool = scene.base.pool(8);
        scene.shelf.queue(scene.preset, 0);
        past();
        try (PickupWorker worker = new PickupWorker(
                scene.base.vertx(), scene.base.options(), pool, new Encryption(Shelf.ENCRYPTION_KEY), POLL)) {
            long[] warmUp = picked(worker, WARM_UP, true);
            say("told by NOTIFY, %,d jobs one by one", JOBS);
            report(picked(worker, JOBS, true));
            say(
                    "every NOTIFY dropped, poll %d ms, %d jobs one by one (of %d to warm up nothing is said)",
                    POLL.toMillis(), DROPPED, warmUp.length);
            report(picked(worker, DROPPED, false));
        }
        pool.closeAndAwait();
        direct.pool().closeAndAwait();
    }

    /**
     * Plans that were made for empty tables read them from end to end, which a server in use would do for its first
     * minute.
     */
    private void past() {
        scene.shelf.add(scene.preset, DONE_BEFORE);
        scene.base.settle();
    }

    private long[] picked(PickupWorker worker, int jobs, boolean told) throws InterruptedException {
        long[] nanos = new long[jobs];
        for (int i = 0; i < jobs; i++) {
            // Not in step with the poll, nor with the pump's window.
            TimeUnit.MICROSECONDS.sleep(ThreadLocalRandom.current().nextLong(1_000, told ? 15_000 : 900_000));
            UUID job = scene.shelf.waitingOne(scene.preset);
            long committed = System.nanoTime();
            if (told) {
                wakeUps.wake(Channel.JOBS);
            }
            PickupWorker.Given given = worker.next();
            if (!given.job().equals(job)) {
                throw new IllegalStateException("another job was picked up: " + given);
            }
            nanos[i] = Math.max(0, given.nanos() - committed);
        }
        return nanos;
    }

    private static void report(long[] nanos) {
        say(
                "  p50 %.1f ms, p90 %.1f ms, p99 %.1f ms, greatest %.1f ms",
                millis(nanos, 0.5), millis(nanos, 0.9), millis(nanos, 0.99), millis(nanos, 1));
    }
}
