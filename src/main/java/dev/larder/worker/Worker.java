package dev.larder.worker;

import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.HeartbeatAnswer;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobSource;
import dev.larder.model.JobSource.Leased;
import dev.larder.model.JobSource.Registered;
import dev.larder.model.ToolEnd;
import dev.larder.model.WorkerEntry;
import dev.larder.wakeup.Loop;
import io.quarkus.arc.All;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.mutiny.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
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
import java.util.stream.Stream;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Leases jobs from a {@link JobSource} and runs them: as many as it has free slots, after each wake-up and at every
 * poll. Answers to its heartbeats say which jobs to stop. A job whose lease is lost is stopped and forgotten.
 */
@ApplicationScoped
public class Worker {

    private static final Logger LOG = Logger.getLogger(Worker.class);
    private static final Duration LAST_FLUSH = Duration.ofSeconds(5);
    private static final Duration SHORTEST = Duration.ofMillis(1);

    private final JobSource jobSource;
    private final Vertx vertx;
    private final InstantSource clock;
    private final WorkerSettings settings;
    private final FileFetcher files;
    private final Map<String, Backend> backends;
    private final Map<UUID, RunningJob> running = new ConcurrentHashMap<>();
    private final Loop leasing = new Loop("worker", this::lease);
    private final Loop heartbeats = new Loop("heartbeat", this::sendHeartbeat);
    private final InventoryReporter inventory;
    private final Drain drain;
    private volatile @Nullable UUID id;
    private volatile Duration heartbeat = Duration.ZERO;
    private volatile boolean draining;
    private volatile boolean gone;
    private volatile boolean asking;
    private volatile boolean nothingMore;
    private volatile boolean reserves;

    public Worker(
            JobSource jobSource,
            Vertx vertx,
            InstantSource clock,
            WorkerSettings settings,
            ListingSettings listing,
            @All List<Backend> backends) {
        this.jobSource = jobSource;
        this.vertx = vertx;
        this.clock = clock;
        this.settings = settings;
        this.files = new FileFetcher(
                jobSource,
                new FileCache(settings.filesRoot(), settings.filesMaxSize().asLongValue(), clock));
        this.backends = backends.stream()
                .filter(Backend::offered)
                .collect(Collectors.toConcurrentMap(Backend::kind, Function.identity()));
        this.drain = new Drain(jobSource, running, this.backends, clock);
        this.inventory = new InventoryReporter(jobSource::report, this.backends.values(), clock, listing.every());
    }

    /** Registers this process as a worker and begins to lease jobs. Offers only usable backends. */
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
                        : jobSource.register(entry()).invoke(this::registered).replaceWithVoid());
    }

    private Uni<Void> idle() {
        LOG.infof("worker disabled enabled=%s backends=%s", settings.enabled(), backends.keySet());
        return Uni.createFrom().voidItem();
    }

    private void withdrawUnusable() {
        backends.values().removeIf(backend -> {
            Optional<String> why = backend.unusable();
            why.ifPresent(sentence -> LOG.errorf("backend not offered: %s backend=%s", sentence, backend.kind()));
            return why.isPresent();
        });
    }

    private WorkerEntry entry() {
        return new WorkerEntry(
                settings.name().orElseGet(Worker::hostName),
                settings.tags(),
                Stream.concat(
                                backends.values().stream().flatMap(backend -> backend.jobKinds().stream()),
                                Stream.of(WorkerEntry.FETCHES_FILES))
                        .toList(),
                settings.slots(),
                settings.reserved());
    }

    private void registered(Registered entered) {
        id = entered.worker();
        reserves = entry().reservedSlots() + entry().longReservedSlots() > 0;
        heartbeat = entered.heartbeat();
        LOG.infof("worker ready worker=%s slots=%d backends=%s", id, settings.slots(), backends.keySet());
        jobSource.onWork(leasing::wake);
        jobSource.onCancel(heartbeats::wake);
        vertx.setTimer(nextPoll(), elapsed -> poll());
        vertx.setPeriodic(heartbeat.toMillis(), elapsed -> heartbeat());
        leasing.wake();
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
            leasing.wake();
            vertx.setTimer(nextPoll(), elapsed -> poll());
        }
    }

    /** With jitter, so that several workers do not poll at the same time. */
    private long nextPoll() {
        long millis = settings.poll().toMillis();
        return Math.max(1, millis * 3 / 4 + ThreadLocalRandom.current().nextLong(millis / 4 + 1));
    }

    void heartbeat() {
        // Also while it drains: without heartbeats the jobs that still run would be requeued.
        if (id != null && !gone) {
            heartbeats.wake();
        }
    }

    private Uni<Boolean> lease() {
        UUID worker = id;
        int free = settings.slots() - running.size();
        if (worker == null || draining || free <= 0) {
            return Uni.createFrom().item(false);
        }
        asking = true;
        nothingMore = false;
        return jobSource
                .lease(worker, free, Set.copyOf(running.keySet()))
                .chain(this::beginAll)
                .onTermination()
                .invoke(() -> asking = false);
    }

    /** Returns whether to lease again. Jobs that arrive while the worker stops are requeued at once. */
    private Uni<Boolean> beginAll(Leased given) {
        if (!draining) {
            given.jobs().forEach(this::begin);
            nothingMore = !given.more();
            return Uni.createFrom().item(given.more());
        }
        return Multi.createFrom()
                .iterable(given.jobs())
                .onItem()
                .transformToUniAndConcatenate(one -> jobSource.requeue(one.lease()))
                .collect()
                .asList()
                .replaceWith(false);
    }

    private void begin(Assignment assignment) {
        RunningJob job = new RunningJob(assignment, jobSource, vertx, clock);
        RunningJob before = running.put(assignment.jobId(), job);
        if (before != null) {
            // The lease was lost, and this worker leased the same job again before a heartbeat reported the loss.
            drop(before);
        }
        LOG.infof(
                "job started job=%s workspace=%s transition=%s attempt=%d",
                assignment.jobId(),
                assignment.workspaceId(),
                assignment.transition().word(),
                assignment.attempt());
        job.flushRegularly();
        job.working(work(job).subscribe().with(outcome -> ended(job, outcome)));
    }

    private Uni<JobOutcome> work(RunningJob job) {
        Backend backend = backends.get(job.assignment.backend());
        if (backend == null) {
            return Uni.createFrom().item(new JobOutcome.Failed("backend_missing", "This worker does not offer it."));
        }
        return Uni.createFrom()
                .voidItem()
                .emitOn(Infrastructure.getDefaultExecutor())
                .chain(() -> files.perform(backend, job.assignment, job.log::add))
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

    private static JobOutcome faulted(RunningJob job, Throwable fault) {
        LOG.errorf(fault, "backend fault job=%s", job.assignment.jobId());
        return new JobOutcome.Failed(
                "backend_fault", "The backend failed unexpectedly; the server's log says more.", ToolEnd.UNKNOWN);
    }

    private void ended(RunningJob job, JobOutcome outcome) {
        if (job.end()) {
            handBackOrStore(job, outcome).subscribe().with(stored -> forget(job), failed -> abandon(job, failed));
        }
    }

    /** A tool that ended because its worker does leaves a true record: another worker goes on from it. */
    private Uni<Void> handBackOrStore(RunningJob job, JobOutcome outcome) {
        if (!job.isHandedBack() || !(outcome instanceof JobOutcome.Canceled(var tool))) {
            return store(job, outcome);
        }
        if (tool == ToolEnd.UNKNOWN) {
            return store(job, Drain.stopped());
        }
        return job.flushRest()
                .onFailure()
                .recoverWithNull()
                .chain(() -> drain.requeue(job))
                .chain(back -> back ? Uni.createFrom().voidItem() : store(job, outcome));
    }

    private Uni<Void> store(RunningJob job, JobOutcome outcome) {
        if (outcome instanceof JobOutcome.Failed(var code, var detail, var unused)) {
            job.log.note(code + ": " + detail);
        }
        return job.flushRest()
                .onFailure()
                .recoverWithNull()
                .chain(() -> jobSource.complete(job.assignment.lease(), outcome))
                .onFailure()
                .retry()
                .withBackOff(Duration.ofMillis(100), Duration.ofSeconds(2))
                .expireIn(heartbeat.multipliedBy(3).toMillis())
                .invoke(ended -> job.logEnd(outcome, ended))
                .replaceWithVoid();
    }

    private void abandon(RunningJob job, Throwable failed) {
        LOG.errorf("result not stored, the job will be requeued job=%s cause=%s", job.assignment.jobId(), failed);
        forget(job);
    }

    private void forget(RunningJob job) {
        running.remove(job.assignment.jobId(), job);
        if (!nothingMore || reserves) {
            leasing.wake();
        }
    }

    private Uni<Boolean> sendHeartbeat() {
        UUID worker = id;
        if (worker == null) {
            return Uni.createFrom().item(false);
        }
        // Jobs leased during the heartbeat are not in its answer; they are not lost.
        List<RunningJob> before = List.copyOf(running.values());
        boolean askedBefore = asking;
        return jobSource
                .heartbeat(worker)
                .invoke(pulse -> pulse.ifPresent(told -> obey(told, before)))
                .invoke(pulse -> pulse.ifPresent(told -> lookAround(worker, told)))
                .call(pulse ->
                        pulse.isEmpty() ? registerAgain() : Uni.createFrom().voidItem())
                .map(pulse -> askedBefore || asking ? Set.<UUID>of() : forgotten(pulse))
                .chain(forgotten ->
                        forgotten.isEmpty() ? Uni.createFrom().voidItem() : jobSource.releaseLost(worker, forgotten))
                .replaceWith(false);
    }

    private void lookAround(UUID worker, HeartbeatAnswer told) {
        if (!draining) {
            inventory.heard(worker, told);
        }
    }

    /** A worker that is no longer registered has lost all its leases. */
    private Uni<Void> registerAgain() {
        LOG.warnf("worker no longer registered, registering again worker=%s", id);
        List.copyOf(running.values()).forEach(this::drop);
        return draining
                ? Uni.createFrom().voidItem()
                : jobSource.register(entry()).invoke(this::registeredAgain).replaceWithVoid();
    }

    private void registeredAgain(Registered again) {
        id = again.worker();
        leasing.wake();
    }

    /** Releases leases of this worker that it does not know. Only right while no lease call is running. */
    private Set<UUID> forgotten(Optional<HeartbeatAnswer> pulse) {
        return pulse.map(HeartbeatAnswer::held).orElse(Set.of()).stream()
                .filter(job -> !running.containsKey(job))
                .collect(Collectors.toUnmodifiableSet());
    }

    private void obey(HeartbeatAnswer pulse, List<RunningJob> before) {
        for (RunningJob job : before) {
            UUID jobId = job.assignment.jobId();
            if (!pulse.held().contains(jobId)) {
                drop(job);
            } else if (pulse.canceling().contains(jobId)) {
                cancel(job);
            }
        }
    }

    private void drop(RunningJob job) {
        if (job.end()) {
            LOG.warnf("lease lost, stopping job=%s", job.assignment.jobId());
            job.stop();
            forget(job);
        }
    }

    /** Keeps the lease until the backend has stopped. If that takes too long, the server ends the job. */
    private void cancel(RunningJob job) {
        Backend backend = backends.get(job.assignment.backend());
        if (backend == null || !backend.stop(job.assignment)) {
            job.stop();
            ended(job, new JobOutcome.Canceled());
        }
    }

    /** Ends the wait of a stop: running jobs are requeued now. */
    public void hurry() {
        drain.hurry();
    }

    /** The longest that {@link #endTools} takes. */
    public Duration toolsEndWithin() {
        return drain.toolsEndWithin();
    }

    /**
     * The first part of a stop, while the server that keeps the states still serves: leases no more jobs, and ends
     * those whose tools must not be cut ({@link Backend#endsBeforeHandedBack}). Idempotent.
     */
    public Uni<Void> endTools() {
        draining = true;
        jobSource.stopLeasing();
        return id == null
                ? Uni.createFrom().voidItem()
                : leasing.stop(settings.drain()).onFailure().recoverWithNull().chain(drain::endTools);
    }

    /** Leases no more jobs, waits for running ones, and requeues the rest at the deadline. Idempotent. */
    public Uni<Void> stop() {
        UUID worker = id;
        return worker == null
                ? endTools()
                : endTools()
                        .chain(() -> drain.handBackAll(clock.instant().plus(settings.drain())))
                        .chain(() -> inventory.stop(LAST_FLUSH))
                        .invoke(() -> gone = true)
                        .chain(() -> jobSource.stop(worker));
    }
}
