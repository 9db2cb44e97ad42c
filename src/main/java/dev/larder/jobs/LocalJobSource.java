package dev.larder.jobs;

import dev.larder.jobs.JobStore.Batch;
import dev.larder.jobs.JobStore.Taken;
import dev.larder.lifecycle.Completed;
import dev.larder.model.Assignment;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobSource;
import dev.larder.model.JobStatus;
import dev.larder.model.Lease;
import dev.larder.model.Listings;
import dev.larder.model.LogLine;
import dev.larder.model.Pulse;
import dev.larder.model.Transition;
import dev.larder.model.Verdict;
import dev.larder.model.WorkerEntry;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
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

    private final JobStore jobs;
    private final WorkerStore workers;
    private final Listings listings;
    private final WakeUps bell;
    private final InstantSource clock;
    private final QueueSettings settings;
    private final JobObserver observer;

    public LocalJobSource(
            JobStore jobs,
            WorkerStore workers,
            Listings listings,
            WakeUps bell,
            InstantSource clock,
            QueueSettings settings,
            JobObserver observer) {
        this.jobs = jobs;
        this.workers = workers;
        this.listings = listings;
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

    @Override
    public Uni<Verdict> report(UUID worker, Inventory.Part part) {
        return listings.report(worker, part);
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
