package dev.larder.jobs;

import dev.larder.jobs.JobStore.Batch;
import dev.larder.jobs.JobStore.Taken;
import dev.larder.lifecycle.Completed;
import dev.larder.lifecycle.EndBuildStore;
import dev.larder.lifecycle.RequeueStore;
import dev.larder.model.Assignment;
import dev.larder.model.FileContents;
import dev.larder.model.HeartbeatAnswer;
import dev.larder.model.Inventory;
import dev.larder.model.InventoryReports;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobSource;
import dev.larder.model.JobStatus;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import dev.larder.model.ReportOutcome;
import dev.larder.model.Transition;
import dev.larder.model.WorkerEntry;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jboss.logging.Logger;

/** The job source inside a server. It counts what workers do, and wakes the loops that depend on it. */
@ApplicationScoped
public class LocalJobSource implements JobSource {

    private static final Logger LOG = Logger.getLogger(LocalJobSource.class);

    private final JobStore jobs;
    private final EndBuildStore ends;
    private final RequeueStore requeues;
    private final WorkerStore workers;
    private final InventoryReports listings;
    private final WakeUps wakeUps;
    private final InstantSource clock;
    private final QueueSettings settings;
    private final JobObserver observer;
    private final FileContents files;

    public LocalJobSource(
            JobStore jobs,
            EndBuildStore ends,
            RequeueStore requeues,
            WorkerStore workers,
            InventoryReports listings,
            WakeUps wakeUps,
            InstantSource clock,
            QueueSettings settings,
            JobObserver observer,
            FileContents files) {
        this.jobs = jobs;
        this.ends = ends;
        this.requeues = requeues;
        this.workers = workers;
        this.listings = listings;
        this.wakeUps = wakeUps;
        this.clock = clock;
        this.settings = settings;
        this.observer = observer;
        this.files = files;
    }

    @Override
    public Uni<Registered> register(WorkerEntry entry) {
        return workers.register(entry, clock.instant()).map(worker -> new Registered(worker, settings.heartbeat()));
    }

    @Override
    public Uni<Leased> lease(UUID worker, int slots, Set<UUID> running) {
        return jobs.take(worker, slots, clock.instant()).invoke(this::leased).map(LocalJobSource::given);
    }

    private static Leased given(Batch batch) {
        return new Leased(batch.jobs().stream().map(Taken::assignment).toList(), batch.more());
    }

    private void leased(Batch batch) {
        batch.jobs().forEach(this::leased);
        if (batch.heldUp() || batch.unreadable() > 0) {
            wakeUps.changed(Change.JOB_QUEUED);
        }
        if (batch.unreadable() > 0) {
            wakeUps.changed(Change.JOB_ENDED);
        }
    }

    private void leased(Taken taken) {
        observer.leased(taken.assignment().transition(), Duration.between(taken.queuedAt(), clock.instant()));
    }

    @Override
    public Uni<Optional<HeartbeatAnswer>> heartbeat(UUID worker) {
        return workers.heartbeat(worker, clock.instant());
    }

    @Override
    public Uni<Void> releaseLost(UUID worker, Set<UUID> forgotten) {
        return requeues.requeueForgotten(worker, forgotten, clock.instant(), settings.maxAttempts())
                .invoke(count -> givenUp(worker, count))
                .replaceWithVoid();
    }

    private void givenUp(UUID worker, int count) {
        if (count > 0) {
            LOG.warnf("leases that the worker did not know were released worker=%s count=%d", worker, count);
            wakeUps.changed(Change.LEASES_RELEASED);
        }
    }

    @Override
    public Uni<Void> log(Lease lease, int seq, List<LogLine> lines) {
        return jobs.append(lease, seq, lines).invoke(() -> wakeUps.logged(lease.jobId()));
    }

    @Override
    public Multi<byte[]> file(Lease lease, String digest) {
        return content(lease, digest)
                .onItem()
                .transformToMulti(found -> found.orElseThrow(
                                () -> new IllegalStateException("the job has no such file digest=" + digest))
                        .pieces());
    }

    /** Empty if the lease was lost, or the version of the job does not refer to the file. */
    Uni<Optional<FileContents.Content>> content(Lease lease, String digest) {
        return jobs.ownerOfFile(lease, digest)
                .chain(owner ->
                        owner.isEmpty() ? Uni.createFrom().item(Optional.empty()) : files.find(owner.get(), digest));
    }

    @Override
    public Uni<Optional<JobStatus>> complete(Lease lease, JobOutcome outcome) {
        return ends.complete(lease, outcome, clock.instant())
                .invoke(completed -> completed.ifPresent(ended -> finished(lease, outcome, ended)))
                .map(completed -> completed.map(Completed::status));
    }

    private void finished(Lease lease, JobOutcome outcome, Completed ended) {
        wakeUps.logged(lease.jobId());
        if (ended.status() == JobStatus.PENDING) {
            // Another worker may take the job at once, and the cycle that is woken here reports the held place.
            wakeUps.changed(Change.PLACE_HELD);
            return;
        }
        if (!Assignment.CHECKS.contains(lease.reason())) {
            observer.finished(ended.transition(), ended.status(), Duration.between(ended.startedAt(), clock.instant()));
        }
        if (outcome instanceof JobOutcome.Succeeded succeeded
                && !succeeded.replaced().isEmpty()) {
            observer.replaced();
        }
        wakeUps.changed(Change.JOB_ENDED);
        if (ended.limited()) {
            wakeUps.changed(Change.JOB_QUEUED);
        }
        String reason = lease.reason();
        boolean built = ended.transition() == Transition.START && !reason.equals(Assignment.CLAIM);
        if (built) {
            wakeUps.changed(Change.WORKSPACE_BUILT);
        }
        if (built && !ended.prebuild()) {
            wakeUps.changed(Change.STEP_WANTED);
        }
    }

    @Override
    public Uni<Boolean> requeue(Lease lease) {
        return requeues.requeue(lease, clock.instant()).invoke(this::tellBack);
    }

    private void tellBack(boolean back) {
        if (back) {
            wakeUps.changed(Change.JOB_QUEUED);
        }
    }

    @Override
    public Uni<ReportOutcome> report(UUID worker, Inventory.Part part) {
        return listings.report(worker, part);
    }

    @Override
    public Uni<Void> stop(UUID worker) {
        return workers.stop(worker, clock.instant());
    }

    @Override
    public void onWork(Runnable wakeUp) {
        wakeUps.onChange(Channel.JOBS, wakeUp);
    }

    @Override
    public void onCancel(Runnable wakeUp) {
        wakeUps.onChange(Channel.CANCELS, wakeUp);
    }
}
