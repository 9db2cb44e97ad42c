package dev.larder.provision;

import dev.larder.http.Problem;
import dev.larder.pool.Assignment;
import dev.larder.pool.Inventory;
import dev.larder.pool.JobObserver;
import dev.larder.pool.JobOutcome;
import dev.larder.pool.JobStatus;
import dev.larder.pool.Lease;
import dev.larder.pool.LogLine;
import dev.larder.pool.Transition;
import dev.larder.pool.WorkerEntry;
import dev.larder.store.InventoryStore;
import dev.larder.store.InventoryStore.Heard;
import dev.larder.store.InventoryStore.Verdict;
import dev.larder.store.JobStore;
import dev.larder.store.JobStore.Batch;
import dev.larder.store.JobStore.Completed;
import dev.larder.store.JobStore.Taken;
import dev.larder.store.WorkerStore;
import dev.larder.store.WorkerStore.Pulse;
import dev.larder.wake.Bell;
import dev.larder.wake.Topic;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jboss.logging.Logger;

/** The queue's own desk: what a worker does here is counted, and rung for. */
@ApplicationScoped
class QueueDesk implements Desk {

    private static final Logger LOG = Logger.getLogger(QueueDesk.class);
    private static final Duration UNHEARD_MAX = Duration.ofDays(30);
    private static final Duration EMPTY_MAX = Duration.ofDays(1);

    private final JobStore jobs;
    private final WorkerStore workers;
    private final InventoryStore inventory;
    private final Bell bell;
    private final InstantSource clock;
    private final Settings settings;
    private final JobObserver observer;

    QueueDesk(
            JobStore jobs,
            WorkerStore workers,
            InventoryStore inventory,
            Bell bell,
            InstantSource clock,
            Settings settings,
            JobObserver observer) {
        this.jobs = jobs;
        this.workers = workers;
        this.inventory = inventory;
        this.bell = bell;
        this.clock = clock;
        this.settings = settings;
        this.observer = observer;
    }

    @Override
    public Uni<Entered> enter(WorkerEntry entry) {
        return workers.register(entry, clock.instant()).map(worker -> new Entered(worker, settings.heartbeat()));
    }

    @Override
    public Uni<Given> take(UUID worker, int slots, Set<UUID> running) {
        return jobs.take(worker, slots, clock.instant()).invoke(this::leased).map(QueueDesk::given);
    }

    private static Given given(Batch batch) {
        return new Given(batch.jobs().stream().map(Taken::assignment).toList(), batch.more());
    }

    private void leased(Batch batch) {
        batch.jobs().forEach(this::leased);
        if (batch.heldUp() || batch.unreadable() > 0) {
            bell.ring(Topic.JOBS);
        }
        if (batch.unreadable() > 0) {
            bell.ring(Topic.ENDED);
        }
    }

    private void leased(Taken taken) {
        observer.leased(taken.assignment().transition(), Duration.between(taken.queuedAt(), clock.instant()));
    }

    @Override
    public Uni<Optional<Pulse>> beat(UUID worker) {
        return workers.heartbeat(worker, clock.instant());
    }

    @Override
    public Uni<Void> giveUp(UUID worker, Set<UUID> forgotten) {
        return jobs.takeBackForgotten(worker, forgotten, clock.instant(), settings.maxAttempts())
                .invoke(count -> givenUp(worker, count))
                .replaceWithVoid();
    }

    private void givenUp(UUID worker, int count) {
        if (count > 0) {
            LOG.warnf("leases nobody works on were given up worker=%s count=%d", worker, count);
            bell.ring(Topic.JOBS);
            bell.ring(Topic.RECONCILE);
        }
    }

    @Override
    public Uni<Void> log(Lease lease, int seq, List<LogLine> lines) {
        return jobs.append(lease, seq, lines);
    }

    @Override
    public Uni<Optional<JobStatus>> finish(Lease lease, JobOutcome outcome) {
        return jobs.complete(lease, outcome, clock.instant())
                .invoke(completed -> completed.ifPresent(ended -> finished(lease, outcome, ended)))
                .map(completed -> completed.map(Completed::status));
    }

    private void finished(Lease lease, JobOutcome outcome, Completed ended) {
        if (ended.status() == JobStatus.PENDING) {
            // Another worker may take it at once, and the cycle that is rung here tells of the place.
            bell.ring(Topic.JOBS);
            bell.ring(Topic.ENDED);
            return;
        }
        observer.finished(ended.transition(), ended.status(), Duration.between(ended.startedAt(), clock.instant()));
        if (outcome instanceof JobOutcome.Succeeded succeeded
                && !succeeded.replaced().isEmpty()) {
            observer.replaced();
        }
        bell.ring(Topic.ENDED);
        if (ended.limited()) {
            bell.ring(Topic.JOBS);
        }
        String reason = lease.reason();
        boolean built = ended.transition() == Transition.START && !reason.equals(Assignment.CLAIM);
        if (built) {
            bell.ring(Topic.WAITING);
        }
        if (built && !ended.prebuild()) {
            bell.ring(Topic.STEPS);
        }
    }

    @Override
    public Uni<Boolean> handBack(Lease lease) {
        return jobs.handBack(lease, clock.instant()).invoke(this::tellBack);
    }

    private void tellBack(boolean back) {
        if (back) {
            bell.ring(Topic.JOBS);
        }
    }

    /** Codes: 404 {@code worker_not_found}, 422 {@code too_many_things}. */
    @Override
    public Uni<Verdict> report(UUID worker, Inventory.Part part) {
        Instant now = clock.instant();
        return inventory
                .see(worker, part, now)
                .invoke(QueueDesk::refuseUnlessHeard)
                .chain(() -> part.last()
                        ? conclude(worker, part, now)
                        : Uni.createFrom().item(Verdict.NONE));
    }

    private static void refuseUnlessHeard(Heard heard) {
        switch (heard) {
            case YES -> {}
            case STRANGER -> throw Problem.notFound("worker");
            case TOO_MANY ->
                throw Problem.unprocessable(
                        "too_many_things", "things", "are more than " + InventoryStore.THINGS_MAX + " in one place.");
        }
    }

    private Uni<Verdict> conclude(UUID worker, Inventory.Part part, Instant now) {
        return inventory
                .conclude(worker, part, now)
                .invoke(verdict -> tell(part, verdict))
                .call(() -> inventory.forget(now.minus(UNHEARD_MAX), now.minus(EMPTY_MAX)));
    }

    private void tell(Inventory.Part part, Verdict verdict) {
        if (verdict.suspicious()) {
            LOG.errorf(
                    "suspicious listing, nothing is marked until it is accepted backend=%s location=%s lost=%d",
                    part.backend(), part.location(), verdict.lost());
        } else if (verdict.marked() > 0) {
            LOG.warnf(
                    "workspaces are missing backend=%s location=%s count=%d",
                    part.backend(), part.location(), verdict.marked());
            bell.ring(Topic.RECONCILE);
        }
    }

    @Override
    public Uni<Void> leave(UUID worker) {
        return workers.leave(worker, clock.instant());
    }

    @Override
    public void onWork(Runnable ring) {
        bell.onRing(Topic.JOBS, ring);
    }

    @Override
    public void onCancel(Runnable ring) {
        bell.onRing(Topic.CANCELS, ring);
    }
}
