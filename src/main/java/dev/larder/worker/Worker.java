package dev.larder.worker;

import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobSource;
import dev.larder.model.JobSource.Entered;
import dev.larder.model.JobSource.Given;
import dev.larder.model.JobStatus;
import dev.larder.model.Pulse;
import dev.larder.model.WorkerEntry;
import dev.larder.wakeup.Loop;
import io.quarkus.arc.All;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.smallrye.mutiny.subscription.Cancellable;
import io.vertx.mutiny.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Works on jobs, wherever its {@link JobSource} is. It takes as many as it has free slots, whenever it is rung and once in a while
 * anyway; it shows that it is alive by a heartbeat, from which it also learns what to stop. A job whose lease it lost it
 * stops and forgets: the token keeps its writes out.
 */
@ApplicationScoped
public class Worker {

    private static final Logger LOG = Logger.getLogger(Worker.class);
    private static final Duration LOG_FLUSH = Duration.ofMillis(250);
    private static final Duration LAST_FLUSH = Duration.ofSeconds(5);
    private static final Duration SHORTEST = Duration.ofMillis(1);

    private final JobSource desk;
    private final Vertx vertx;
    private final InstantSource clock;
    private final WorkerSettings settings;
    private final Map<String, Backend> backends;
    private final Map<UUID, Running> running = new ConcurrentHashMap<>();
    private final Loop fetching = new Loop("worker", this::fetch);
    private final Loop beating = new Loop("heartbeat", this::beat);
    private final InventoryReporter lister;
    private volatile @Nullable UUID id;
    private volatile Duration heartbeat = Duration.ZERO;
    private volatile boolean draining;
    private volatile boolean hurried;
    private volatile boolean gone;
    private volatile boolean asking;
    private volatile boolean sated;
    private volatile boolean reserves;

    public Worker(
            JobSource desk,
            Vertx vertx,
            InstantSource clock,
            WorkerSettings settings,
            ListingSettings inventory,
            @All List<Backend> backends) {
        this.desk = desk;
        this.vertx = vertx;
        this.clock = clock;
        this.settings = settings;
        this.backends = backends.stream()
                .filter(Backend::offered)
                .collect(Collectors.toConcurrentMap(Backend::kind, Function.identity()));
        this.lister = new InventoryReporter(desk::report, this.backends.values(), clock, inventory.every());
    }

    /** Registers this process as a worker and begins to take jobs. A backend that cannot be used here is not offered. */
    public Uni<Void> start() {
        if (!settings.enabled()) {
            return idle();
        }
        return Uni.createFrom()
                .voidItem()
                .emitOn(Infrastructure.getDefaultExecutor())
                .invoke(this::withdrawUnusable)
                .chain(() -> backends.isEmpty()
                        ? idle()
                        : desk.enter(entry()).invoke(this::began).replaceWithVoid());
    }

    private Uni<Void> idle() {
        LOG.infof("no jobs are worked on here enabled=%s backends=%s", settings.enabled(), backends.keySet());
        return Uni.createFrom().voidItem();
    }

    private void withdrawUnusable() {
        backends.values().removeIf(backend -> {
            Optional<String> why = backend.unusable();
            why.ifPresent(
                    sentence -> LOG.errorf("%s No such jobs are taken here. backend=%s", sentence, backend.kind()));
            return why.isPresent();
        });
    }

    private WorkerEntry entry() {
        return new WorkerEntry(
                settings.name().orElseGet(Worker::hostName),
                settings.tags(),
                List.copyOf(backends.keySet()),
                settings.slots(),
                settings.reserved());
    }

    private void began(Entered entered) {
        id = entered.worker();
        reserves = entry().reservedSlots() + entry().longReservedSlots() > 0;
        heartbeat = entered.heartbeat();
        LOG.infof("worker ready worker=%s slots=%d backends=%s", id, settings.slots(), backends.keySet());
        desk.onWork(fetching::ring);
        desk.onCancel(beating::ring);
        vertx.setTimer(nextPoll(), elapsed -> poll());
        vertx.setPeriodic(heartbeat.toMillis(), elapsed -> heartbeat());
        fetching.ring();
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException unnamed) {
            return "localhost";
        }
    }

    private void poll() {
        if (!draining) {
            fetching.ring();
            vertx.setTimer(nextPoll(), elapsed -> poll());
        }
    }

    /** Jittered, so that the processes do not ask in step. */
    private long nextPoll() {
        long millis = settings.poll().toMillis();
        return Math.max(1, millis * 3 / 4 + ThreadLocalRandom.current().nextLong(millis / 4 + 1));
    }

    void heartbeat() {
        // Also while it drains: whoever is silent loses the jobs it is still at.
        if (id != null && !gone) {
            beating.ring();
        }
    }

    private Uni<Boolean> fetch() {
        UUID worker = id;
        int free = settings.slots() - running.size();
        if (worker == null || draining || free <= 0) {
            return Uni.createFrom().item(false);
        }
        asking = true;
        sated = false;
        return desk.take(worker, free, Set.copyOf(running.keySet()))
                .chain(this::beginAll)
                .onTermination()
                .invoke(() -> asking = false);
    }

    /** Asks again where there may be more; what comes while the worker stops already goes back at once. */
    private Uni<Boolean> beginAll(Given given) {
        if (!draining) {
            given.jobs().forEach(this::begin);
            sated = !given.more();
            return Uni.createFrom().item(given.more());
        }
        return Multi.createFrom()
                .iterable(given.jobs())
                .onItem()
                .transformToUniAndConcatenate(one -> desk.handBack(one.lease()))
                .collect()
                .asList()
                .replaceWith(false);
    }

    /** A job in this process's hands, until its outcome is stored or its lease is lost. */
    private final class Running {

        final Assignment assignment;
        final JobLog log;
        private @Nullable Cancellable work;
        private boolean ended;
        private long flushing;
        private @Nullable Loop flush;

        Running(Assignment assignment) {
            this.assignment = assignment;
            this.log = new JobLog(desk, assignment.lease(), clock);
        }

        synchronized void working(Cancellable cancellable) {
            work = cancellable;
            if (ended) {
                cancellable.cancel();
            }
        }

        /** True for the one that may say how it ended. */
        synchronized boolean end() {
            boolean first = !ended;
            ended = true;
            vertx.cancelTimer(flushing);
            return first;
        }

        /** Asks the backend to stop. */
        synchronized void stop() {
            if (work != null) {
                work.cancel();
            }
        }

        synchronized void flushLater(Loop flushLoop) {
            flush = flushLoop;
            flushing = vertx.setPeriodic(LOG_FLUSH.toMillis(), tick -> flushLoop.ring());
        }

        /** Writes what is left of the log, after the write that is under way: two at once would take the same numbers. */
        Uni<Void> flushRest() {
            Loop regular = regularFlush();
            Uni<Void> last = regular == null ? Uni.createFrom().voidItem() : regular.stop(LAST_FLUSH);
            return last.onFailure().recoverWithNull().invoke(log::end).chain(log::flush);
        }

        private synchronized @Nullable Loop regularFlush() {
            return flush;
        }
    }

    private void begin(Assignment assignment) {
        Running job = new Running(assignment);
        Running before = running.put(assignment.jobId(), job);
        if (before != null) {
            // Its lease was lost, and the worker was leased the same job once more before it heard of that.
            drop(before);
        }
        LOG.infof(
                "job begun job=%s workspace=%s transition=%s attempt=%d",
                assignment.jobId(),
                assignment.workspaceId(),
                assignment.transition().word(),
                assignment.attempt());
        job.flushLater(new Loop("job log", () -> job.log.flush().replaceWith(false)));
        job.working(work(job).subscribe().with(outcome -> ended(job, outcome)));
    }

    private Uni<JobOutcome> work(Running job) {
        Backend backend = backends.get(job.assignment.backend());
        if (backend == null) {
            return Uni.createFrom().item(new JobOutcome.Failed("backend_missing", "This worker does not offer it."));
        }
        return Uni.createFrom()
                .voidItem()
                .emitOn(Infrastructure.getDefaultExecutor())
                .chain(() -> backend.perform(job.assignment, job.log::add))
                .ifNoItem()
                .after(timeLeft(job.assignment).plus(backend.endsWithin()))
                .recoverWithItem(new JobOutcome.Failed("timed_out", "The job was not done by its deadline."))
                .onFailure()
                .recoverWithItem(fault -> faulted(job, fault));
    }

    private Duration timeLeft(Assignment assignment) {
        Duration left = Duration.between(clock.instant(), assignment.deadlineAt());
        return left.compareTo(SHORTEST) < 0 ? SHORTEST : left;
    }

    private static JobOutcome faulted(Running job, Throwable fault) {
        LOG.errorf(fault, "backend fault job=%s", job.assignment.jobId());
        return new JobOutcome.Failed("backend_fault", "The backend failed unexpectedly; the server's log says more.");
    }

    private void ended(Running job, JobOutcome outcome) {
        if (job.end()) {
            store(job, outcome).subscribe().with(stored -> forget(job), failed -> abandon(job, failed));
        }
    }

    private Uni<Void> store(Running job, JobOutcome outcome) {
        if (outcome instanceof JobOutcome.Failed(var code, var detail)) {
            job.log.note(code + ": " + detail);
        }
        return job.flushRest()
                .onFailure()
                .recoverWithNull()
                .chain(() -> desk.finish(job.assignment.lease(), outcome))
                .onFailure()
                .retry()
                .withBackOff(Duration.ofMillis(100), Duration.ofSeconds(2))
                .expireIn(heartbeat.multipliedBy(3).toMillis())
                .invoke(ended -> say(job, outcome, ended))
                .replaceWithVoid();
    }

    private static void say(Running job, JobOutcome outcome, Optional<JobStatus> ended) {
        if (ended.isEmpty()) {
            LOG.warnf("lease lost, result dropped job=%s", job.assignment.jobId());
            return;
        }
        if (ended.get() == JobStatus.PENDING) {
            LOG.warnf(
                    "job put back, its place is in trouble job=%s backend=%s outcome=%s",
                    job.assignment.jobId(), job.assignment.backend(), outcome);
            return;
        }
        LOG.infof(
                "job ended job=%s workspace=%s transition=%s status=%s code=%s",
                job.assignment.jobId(),
                job.assignment.workspaceId(),
                job.assignment.transition().word(),
                ended.get().word(),
                outcome instanceof JobOutcome.Failed failed ? failed.code() : "none");
    }

    private void abandon(Running job, Throwable failed) {
        LOG.errorf("result not stored, the job will be taken back job=%s cause=%s", job.assignment.jobId(), failed);
        forget(job);
    }

    private void forget(Running job) {
        running.remove(job.assignment.jobId(), job);
        if (!sated || reserves) {
            fetching.ring();
        }
    }

    private Uni<Boolean> beat() {
        UUID worker = id;
        if (worker == null) {
            return Uni.createFrom().item(false);
        }
        // What is taken while the question is under way is not in its answer, and not lost either.
        List<Running> before = List.copyOf(running.values());
        boolean askedBefore = asking;
        return desk.beat(worker)
                .invoke(pulse -> pulse.ifPresent(told -> obey(told, before)))
                .invoke(pulse -> pulse.ifPresent(told -> lookAround(worker, told)))
                .call(pulse -> pulse.isEmpty() ? enterAgain() : Uni.createFrom().voidItem())
                .map(pulse -> askedBefore || asking ? Set.<UUID>of() : forgotten(pulse))
                .chain(forgotten -> forgotten.isEmpty() ? Uni.createFrom().voidItem() : desk.giveUp(worker, forgotten))
                .replaceWith(false);
    }

    private void lookAround(UUID worker, Pulse told) {
        if (!draining) {
            lister.heard(worker, told);
        }
    }

    /** Whoever is no longer known has lost all its leases. */
    private Uni<Void> enterAgain() {
        LOG.warnf("no longer known as a worker, entering again worker=%s", id);
        List.copyOf(running.values()).forEach(this::drop);
        return draining
                ? Uni.createFrom().voidItem()
                : desk.enter(entry()).invoke(this::entered).replaceWithVoid();
    }

    private void entered(Entered again) {
        id = again.worker();
        fetching.ring();
    }

    /** Leases of this worker that it does not know of; only to be trusted while no answer is on its way. */
    private Set<UUID> forgotten(Optional<Pulse> pulse) {
        return pulse.map(Pulse::held).orElse(Set.of()).stream()
                .filter(job -> !running.containsKey(job))
                .collect(Collectors.toUnmodifiableSet());
    }

    private void obey(Pulse pulse, List<Running> before) {
        for (Running job : before) {
            UUID jobId = job.assignment.jobId();
            if (!pulse.held().contains(jobId)) {
                drop(job);
            } else if (pulse.canceling().contains(jobId)) {
                cancel(job);
            }
        }
    }

    private void drop(Running job) {
        if (job.end()) {
            LOG.warnf("lease lost, stopping job=%s", job.assignment.jobId());
            job.stop();
            forget(job);
        }
    }

    /** Its lease stays until the backend has ended what it started. The server ends the job where that takes too long. */
    private void cancel(Running job) {
        Backend backend = backends.get(job.assignment.backend());
        if (backend == null || !backend.stop(job.assignment)) {
            job.stop();
            ended(job, new JobOutcome.Canceled());
        }
    }

    /** A stop no longer waits for running jobs: it hands them back. */
    public void hurry() {
        hurried = true;
    }

    /** Takes no more jobs, waits for the running ones, hands back what is left at the deadline. Idempotent. */
    public Uni<Void> stop() {
        draining = true;
        desk.quit();
        UUID worker = id;
        if (worker == null) {
            return Uni.createFrom().voidItem();
        }
        return fetching.stop(settings.drain())
                .onFailure()
                .recoverWithNull()
                .chain(() -> drained(clock.instant().plus(settings.drain())))
                .chain(this::handBackAll)
                .chain(() -> lister.stop(LAST_FLUSH))
                .invoke(() -> gone = true)
                .chain(() -> desk.leave(worker));
    }

    /** All are stopped before the first is told of: whoever is told may not answer. */
    private Uni<Void> handBackAll() {
        List<Uni<Boolean>> back = running.values().stream()
                .filter(Running::end)
                .map(this::handBack)
                .toList();
        return back.isEmpty()
                ? Uni.createFrom().voidItem()
                : Uni.join().all(back).andCollectFailures().replaceWithVoid();
    }

    private Uni<Void> drained(Instant until) {
        if (running.isEmpty() || hurried || !clock.instant().isBefore(until)) {
            return Uni.createFrom().voidItem();
        }
        return Uni.createFrom()
                .voidItem()
                .onItem()
                .delayIt()
                .by(Duration.ofMillis(50))
                .chain(() -> drained(until));
    }

    private Uni<Boolean> handBack(Running job) {
        LOG.infof("handing back job=%s", job.assignment.jobId());
        job.stop();
        return desk.handBack(job.assignment.lease())
                .onFailure()
                .invoke(cause ->
                        LOG.warnf("not handed back, will be taken back job=%s cause=%s", job.assignment.jobId(), cause))
                .onFailure()
                .recoverWithItem(false)
                .invoke(done -> running.remove(job.assignment.jobId(), job));
    }
}
