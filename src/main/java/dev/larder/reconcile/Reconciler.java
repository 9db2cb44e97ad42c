package dev.larder.reconcile;

import dev.larder.database.ReconcilerLock;
import dev.larder.database.Worked;
import dev.larder.model.Forecast;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.Loop;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the pools as they should be (design, section 2.1). One process reconciles at a time: the lock is an
 * advisory one in a transaction of its own, on a connection of its own, held until the cycle's last write. A
 * process that does not get it leaves the work to the holder. Wake-ups that come while a cycle runs make one
 * more cycle.
 */
@ApplicationScoped
public class Reconciler {

    private static final Logger LOG = Logger.getLogger(Reconciler.class);
    private static final Duration RETRY = Duration.ofSeconds(1);
    private static final Duration SOON = Duration.ofMillis(200);

    private final ReconcilerLock lock;
    private final SnapshotStore snapshots;
    private final PoolStore pools;
    private final WakeUps wakeUps;
    private final Vertx vertx;
    private final InstantSource clock;
    private final ReconcileSettings settings;
    private final CycleObserver cycles;
    private final PoolObserver observer;
    private final ReconcilerLock.Bounds bounds;
    private final Cycle cycle;
    private final Loop loop = new Loop("reconcile", this::step);
    private final Loop showing = new Loop("pool gauges", this::show);
    private final List<Long> timers = new CopyOnWriteArrayList<>();
    private final AtomicBoolean everything = new AtomicBoolean();
    private final AtomicBoolean soon = new AtomicBoolean();
    private final AtomicBoolean started = new AtomicBoolean();
    private @Nullable Instant nextLook;
    private volatile boolean stopped;
    private volatile boolean cutShort;

    public Reconciler(
            ReconcilerLock lock,
            SnapshotStore snapshots,
            PoolStore pools,
            AlertStore alerts,
            RolloutSteps rollouts,
            WakeUps wakeUps,
            Vertx vertx,
            InstantSource clock,
            ReconcileSettings settings,
            CycleObserver cycles,
            PoolObserver observer) {
        this.lock = lock;
        this.snapshots = snapshots;
        this.pools = pools;
        this.wakeUps = wakeUps;
        this.vertx = vertx;
        this.clock = clock;
        this.settings = settings;
        this.cycles = cycles;
        this.observer = observer;
        this.bounds = new ReconcilerLock.Bounds(settings.lockSilence(), settings.cycleDeadline());
        this.cycle = new Cycle(snapshots, pools, alerts, rollouts, clock, settings.limits(), settings.concurrency());
    }

    /** The first cycle begins at once. Refused the second time. */
    public void start() {
        if (!started.compareAndSet(false, true)) {
            throw new IllegalStateException("the reconciler was started before");
        }
        wakeUps.onChange(Channel.RECONCILE, loop::wake);
        wakeUps.onChange(Channel.ENDED, this::lookSoon);
        timers.add(vertx.setPeriodic(settings.interval().toMillis(), elapsed -> tick()));
        timers.add(vertx.setPeriodic(settings.showEvery().toMillis(), elapsed -> showing.wake()));
        showing.wake();
        lookAtEverything();
    }

    /** The safety net: a full cycle, even if wake-ups were lost. */
    void tick() {
        if (!stopped) {
            lookAtEverything();
        }
    }

    /**
     * Jobs end by the hundred a second and seldom change what is to be done: those that end meanwhile share a look.
     */
    private void lookSoon() {
        if (soon.compareAndSet(false, true)) {
            vertx.setTimer(SOON.toMillis(), elapsed -> lookAtEnded());
        }
    }

    private void lookAtEnded() {
        soon.set(false);
        loop.wake();
    }

    private void lookAtEverything() {
        everything.set(true);
        loop.wake();
    }

    /**
     * No new cycle; completes when the running one has ended, or fails at the deadline, after which that one begins
     * nothing new. Idempotent.
     */
    public Uni<Void> stop() {
        stopped = true;
        timers.forEach(vertx::cancelTimer);
        return loop.stop(settings.stopDeadline()).onFailure().invoke(late -> cutShort = true);
    }

    private Uni<Boolean> step() {
        if (stopped) {
            return Uni.createFrom().item(false);
        }
        return everything.getAndSet(false) ? lookOnce(true) : lookOnce(false);
    }

    private Uni<Boolean> lookOnce(boolean full) {
        Instant begun = clock.instant();
        return run(full)
                .invoke(report -> observe(full, report, begun))
                .onFailure()
                .invoke(failed -> failedCycle(full, begun))
                .chain(report -> afterwards(full, report));
    }

    /** What a failed cycle was to look at is looked at shortly. */
    private void failedCycle(boolean full, Instant begun) {
        cycles.ended(CycleObserver.Outcome.FAILED, since(begun));
        wantAgain(full);
    }

    private void wantAgain(boolean full) {
        if (full) {
            everything.set(true);
        }
        long wait = RETRY.toMillis();
        vertx.setTimer(wait + ThreadLocalRandom.current().nextLong(wait), elapsed -> loop.wake());
    }

    private Duration since(Instant begun) {
        return Duration.between(begun, clock.instant());
    }

    private void observe(boolean full, Optional<Cycle.Report> report, Instant begun) {
        if (report.isEmpty()) {
            cycles.ended(CycleObserver.Outcome.ELSEWHERE, since(begun));
            return;
        }
        List<PoolObserver.Reading> readings =
                report.get().planned().stream().map(Planned::reading).toList();
        if (full) {
            observer.observedAll(readings);
        } else {
            observer.observedSome(readings);
        }
        cycles.ended(outcome(report.get()), since(begun));
        report.get().actions().forEach(cycles::acted);
    }

    /**
     * Reads the state of every preset for metrics and the API. All processes show the same, whichever reconciles;
     * it is unknown only while the database does not answer.
     */
    Uni<Boolean> show() {
        if (stopped) {
            return Uni.createFrom().item(false);
        }
        return cycle.look()
                .invoke(planned -> observer.observedAll(
                        planned.stream().map(Planned::reading).toList()))
                .onFailure()
                .invoke(unread -> observer.observedNothing())
                .replaceWith(false)
                .onFailure()
                .recoverWithItem(false);
    }

    private static CycleObserver.Outcome outcome(Cycle.Report report) {
        boolean paused = report.planned().stream().anyMatch(one -> one.plan().pausedEverywhere());
        return paused ? CycleObserver.Outcome.PAUSED : CycleObserver.Outcome.DONE;
    }

    private Uni<Boolean> afterwards(boolean full, Optional<Cycle.Report> report) {
        if (report.isEmpty() && full) {
            // The holder may be looking at some presets only.
            wantAgain(true);
            return Uni.createFrom().item(false);
        }
        if (report.isEmpty()) {
            return pools.anyDirty().invoke(this::comeBack).replaceWith(false);
        }
        report.get().nextLook().ifPresent(this::lookAgainAt);
        return Uni.createFrom().item(report.get().more());
    }

    /** Another process holds the lock and may have read the marks before the newest was set: tries again shortly. */
    private void comeBack(boolean dirty) {
        if (dirty) {
            vertx.setTimer(20 + ThreadLocalRandom.current().nextInt(40), elapsed -> loop.wake());
        }
    }

    /**
     * The plan's own edges: a schedule, a ttl, the end of a backoff or a pause. The earliest counts, whichever
     * preset it is of: a cycle that looked at some presets knows nothing of the others' edges.
     */
    private synchronized void lookAgainAt(Instant at) {
        Duration wait = Duration.between(clock.instant(), at);
        if (wait.compareTo(settings.interval()) < 0 && (nextLook == null || at.isBefore(nextLook))) {
            nextLook = at;
            vertx.setTimer(Math.max(1, wait.toMillis() + 1), elapsed -> lookAgainUnlessReplaced(at));
        }
    }

    private void lookAgainUnlessReplaced(Instant at) {
        synchronized (this) {
            if (!at.equals(nextLook)) {
                return;
            }
            nextLook = null;
        }
        lookAtEverything();
    }

    /**
     * One cycle. Beyond its deadline it begins nothing new; the lock goes with the statement that is under
     * way, at the latest when the database has not heard of this process for
     * {@link ReconcileSettings#lockSilence}.
     *
     * @param full at every preset, or only at those that are marked
     * @return empty where another process holds the lock; fails at the deadline
     */
    Uni<Optional<Cycle.Report>> run(boolean full) {
        AtomicBoolean cut = new AtomicBoolean();
        return lock.hold(
                        bounds,
                        held -> cycle(full, () -> held.getAsBoolean() && !cut.get() && !cutShort),
                        report -> full)
                .ifNoItem()
                .after(settings.cycleDeadline())
                .fail()
                .onFailure()
                .invoke(failed -> cut.set(true))
                .invoke(report -> report.ifPresent(this::wakeWorkers));
    }

    private Uni<Cycle.Report> cycle(boolean full, BooleanSupplier held) {
        return full ? cycle.full(held) : cycle.dirty(held);
    }

    private void wakeWorkers(Cycle.Report report) {
        if (report.changedJobs()) {
            wakeSafely();
        }
        if (report.failed() > 0) {
            LOG.warnf("cycle ended with presets left over failed=%d", report.failed());
        }
    }

    /** Ignores a failure: the cycle is committed, and a lost wake-up costs at most the workers' poll interval. */
    private void wakeSafely() {
        try {
            wakeUps.changed(Change.JOB_QUEUED);
        } catch (RuntimeException notWoken) {
            LOG.warnf("workers not woken, their poll covers it cause=%s", notWoken);
        }
    }

    /**
     * What a cycle at that instant would decide for these presets, without doing it (design, section 2.5). One that is
     * unknown or has no prebuilds declared is left out.
     */
    Uni<List<Planned>> plans(Collection<UUID> presets, Instant at) {
        Set<UUID> named = Set.copyOf(presets);
        return lines(presets, at)
                .map(lines -> lines.stream()
                        .flatMap(line -> line.members().stream())
                        .filter(one -> named.contains(one.preset().id()))
                        .toList());
    }

    /** The plans of the lines that the presets are in; of a preset that is in no rollout it is a line of its own. */
    Uni<List<LinePlan>> lines(Collection<UUID> presets, Instant at) {
        Limits limits = settings.limits();
        return snapshots
                .of(presets, clock.instant(), limits.lookback(), Math.max(limits.hardLimit(), 1))
                .map(read -> Line.of(read).stream()
                        .map(line -> LinePlan.of(line, at, limits))
                        .toList());
    }

    /** What the cycles from an instant on do to a line as it is planned for that instant. Takes its time elsewhere. */
    Uni<Forecast> forecast(LinePlan plan, Instant at) {
        return Worked.off(() -> Forecasting.of(plan.line(), at, settings.limits()));
    }
}
