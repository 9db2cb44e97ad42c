package dev.larder.jobs;

import dev.larder.http.Problem;
import dev.larder.inventory.InventoryStore;
import dev.larder.inventory.InventoryStore.Heard;
import dev.larder.inventory.InventoryStore.Verdict;
import dev.larder.jobs.JobStore.Batch;
import dev.larder.jobs.JobStore.Completed;
import dev.larder.jobs.JobStore.Taken;
import dev.larder.jobs.WorkerStore.Pulse;
import dev.larder.model.Assignment;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobSource;
import dev.larder.model.JobStatus;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import dev.larder.model.Transition;
import dev.larder.model.WorkerEntry;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.WakeUps;
import dev.larder.worker.WorkerSettings;
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
public class LocalJobSource implements JobSource {

    private static final Logger LOG = Logger.getLogger(LocalJobSource.class);
    private static final Duration UNHEARD_MAX = Duration.ofDays(30);
    private static final Duration EMPTY_MAX = Duration.ofDays(1);

    private final JobStore jobs;
    private final WorkerStore workers;
    private final InventoryStore inventory;
    private final WakeUps bell;
    private final InstantSource clock;
    private final WorkerSettings settings;
    private final JobObserver observer;

    public LocalJobSource(
            JobStore jobs,
            WorkerStore workers,
            InventoryStore inventory,
            WakeUps bell,
            InstantSource clock,
            WorkerSettings settings,
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
        return jobs.take(worker, slots, clock.instant()).invoke(this::leased).map(LocalJobSource::given);
    }

    private static Given given(Batch batch) {
        return new Given(batch.jobs().stream().map(Taken::assignment).toList(), batch.more());
    }

    private void leased(Batch batch) {
        batch.jobs().forEach(this::leased);
        if (batch.heldUp() || batch.unreadable() > 0) {
            bell.ring(Channel.JOBS);
        }
        if (batch.unreadable() > 0) {
            bell.ring(Channel.ENDED);
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
            bell.ring(Channel.JOBS);
            bell.ring(Channel.RECONCILE);
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
            bell.ring(Channel.JOBS);
            bell.ring(Channel.ENDED);
            return;
        }
        observer.finished(ended.transition(), ended.status(), Duration.between(ended.startedAt(), clock.instant()));
        if (outcome instanceof JobOutcome.Succeeded succeeded
                && !succeeded.replaced().isEmpty()) {
            observer.replaced();
        }
        bell.ring(Channel.ENDED);
        if (ended.limited()) {
            bell.ring(Channel.JOBS);
        }
        String reason = lease.reason();
        boolean built = ended.transition() == Transition.START && !reason.equals(Assignment.CLAIM);
        if (built) {
            bell.ring(Channel.WAITING);
        }
        if (built && !ended.prebuild()) {
            bell.ring(Channel.STEPS);
        }
    }

    @Override
    public Uni<Boolean> handBack(Lease lease) {
        return jobs.handBack(lease, clock.instant()).invoke(this::tellBack);
    }

    private void tellBack(boolean back) {
        if (back) {
            bell.ring(Channel.JOBS);
        }
    }

    /** Codes: 404 {@code worker_not_found}, 422 {@code too_many_things}. */
    @Override
    public Uni<Verdict> report(UUID worker, Inventory.Part part) {
        Instant now = clock.instant();
        return inventory
                .see(worker, part, now)
                .invoke(LocalJobSource::refuseUnlessHeard)
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
            bell.ring(Channel.RECONCILE);
        }
    }

    @Override
    public Uni<Void> leave(UUID worker) {
        return workers.leave(worker, clock.instant());
    }

    @Override
    public void onWork(Runnable ring) {
        bell.onRing(Channel.JOBS, ring);
    }

    @Override
    public void onCancel(Runnable ring) {
        bell.onRing(Channel.CANCELS, ring);
    }
}
