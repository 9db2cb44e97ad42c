package dev.larder.reconcile;

import dev.larder.database.Direct;
import dev.larder.database.ReconcilerLock;
import dev.larder.lifecycle.RolloutControl;
import dev.larder.lifecycle.RolloutStore;
import dev.larder.model.Ids;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.pgclient.PgConnectOptions;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A reconciler as the application wires it, on the pool that the loops of the queue use too. It runs at its own
 * pace (after each wake-up, and a full cycle every minute) or in full cycles without a pause. It must find nothing
 * to do.
 */
public final class BesideQueue implements AutoCloseable {

    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Vertx vertx;
    private final Direct direct;
    private final WakeUps wakeUps = new WakeUps();
    private final Heard heard = new Heard();
    private final Reconciler reconciler;
    private CompletableFuture<Void> running = CompletableFuture.completedFuture(null);
    private volatile boolean stopped;

    public BesideQueue(Vertx vertx, PgConnectOptions options, Pool pool) {
        this.vertx = vertx;
        InstantSource clock = InstantSource.system();
        direct = new Direct(vertx, options);
        reconciler = new Reconciler(
                new ReconcilerLock(direct, vertx),
                new SnapshotStore(pool),
                new PoolStore(pool, new Ids(clock)),
                new AlertStore(pool, new Ids(clock)),
                new RolloutSteps(new RolloutStore(pool, new Ids(clock)), new RolloutControl(pool, new Ids(clock))),
                wakeUps,
                vertx,
                clock,
                new Crank.Paces(MINUTE, PATIENCE, 4),
                heard,
                heard);
    }

    /** Begins as a server does; returns when the first look at everything, which comes with the start, has ended. */
    public void atItsOwnPace() throws InterruptedException {
        reconciler.start();
        if (!heard.first.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
            throw new IllegalStateException("the first cycle does not end");
        }
        heard.forget();
    }

    /** A look at everything, and when it has ended the next. */
    public void again() {
        running = Uni.createFrom()
                .deferred(this::timed)
                .repeat()
                .until(cycle -> stopped)
                .collect()
                .last()
                .replaceWithVoid()
                .onFailure()
                .invoke(failed -> heard.failed.incrementAndGet())
                .subscribeAsCompletionStage();
    }

    private Uni<Boolean> timed() {
        long begun = System.nanoTime();
        return reconciler.run(true).map(report -> {
            heard.ended(
                    report.isPresent() ? CycleObserver.Outcome.DONE : CycleObserver.Outcome.ELSEWHERE,
                    Duration.ofNanos(System.nanoTime() - begun));
            report.ifPresent(done -> done.actions().forEach(heard::acted));
            return true;
        });
    }

    /** A job has ended: what every worker of the server tells its reconciler. */
    public void ended() {
        wakeUps.wake(Channel.ENDED);
    }

    /** Of the cycles that have ended since the begin; fails where one of them did something, or failed. */
    public List<Duration> cycles() {
        if (heard.acted.get() + heard.failed.get() > 0) {
            throw new IllegalStateException(
                    "cycles that failed " + heard.failed + ", that had something to do " + heard.acted);
        }
        return heard.cycles();
    }

    @Override
    public void close() {
        stopped = true;
        reconciler.stop().await().indefinitely();
        running.join();
        direct.pool().closeAndAwait();
    }

    private static final class Heard implements CycleObserver, PoolObserver {

        private final CountDownLatch first = new CountDownLatch(1);
        private final AtomicInteger acted = new AtomicInteger();
        private final AtomicInteger failed = new AtomicInteger();
        private final List<Duration> cycles = new ArrayList<>();

        @Override
        public synchronized void ended(Outcome outcome, Duration took) {
            if (outcome == Outcome.DONE) {
                cycles.add(took);
            } else {
                failed.incrementAndGet();
            }
            first.countDown();
        }

        private synchronized void forget() {
            cycles.clear();
        }

        private synchronized List<Duration> cycles() {
            return List.copyOf(cycles);
        }

        @Override
        public void acted(String action, int count) {
            acted.addAndGet(count);
        }

        @Override
        public void observedAll(List<Reading> readings) {}

        @Override
        public void observedSome(List<Reading> readings) {}

        @Override
        public void observedNothing() {}
    }
}
