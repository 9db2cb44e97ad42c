package dev.larder.worker;

import dev.larder.model.Backend;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobSource;
import dev.larder.model.ToolEnd;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jboss.logging.Logger;

/**
 * How a worker that ends parts with its running jobs. Some are asked to stop at once and are handed back when they
 * have ended ({@link Backend#endsBeforeHandedBack}). The others may go on for a while, and are handed back while they
 * are ending.
 */
final class Drain {

    private static final Logger LOG = Logger.getLogger(Drain.class);
    private static final Duration LOOK = Duration.ofMillis(50);

    private final JobSource jobSource;
    private final Map<UUID, RunningJob> running;
    private final Map<String, Backend> backends;
    private final InstantSource clock;
    private volatile boolean hurried;

    Drain(JobSource jobSource, Map<UUID, RunningJob> running, Map<String, Backend> backends, InstantSource clock) {
        this.jobSource = jobSource;
        this.running = running;
        this.backends = backends;
        this.clock = clock;
    }

    /** Waits no longer. */
    void hurry() {
        hurried = true;
    }

    /** The longest that {@link #endTools} takes. */
    Duration toolsEndWithin() {
        return backends.values().stream()
                .filter(Backend::endsBeforeHandedBack)
                .map(Backend::endsWithin)
                .max(Duration::compareTo)
                .orElse(Duration.ZERO);
    }

    /** Ends the jobs whose tools must end by themselves. A tool that does not end in its time fails its job. */
    Uni<Void> endTools() {
        List<RunningJob> tools = running.values().stream()
                .filter(job ->
                        backend(job).filter(Backend::endsBeforeHandedBack).isPresent())
                .toList();
        tools.forEach(RunningJob::handBack);
        return waitFor(tools, clock.instant().plus(toolsEndWithin())).chain(() -> failAll(tools));
    }

    private Optional<Backend> backend(RunningJob job) {
        return Optional.ofNullable(backends.get(job.assignment.backend()));
    }

    /** Waits until these jobs have ended, and their ends are stored. */
    private Uni<Void> waitFor(Collection<RunningJob> jobs, Instant until) {
        return Multi.createBy()
                .repeating()
                .uni(() -> isWaitedFor(jobs, until)
                        ? Uni.createFrom().item(true).onItem().delayIt().by(LOOK)
                        : Uni.createFrom().item(false))
                .whilst(waiting -> waiting)
                .onItem()
                .ignoreAsUni();
    }

    private boolean isWaitedFor(Collection<RunningJob> jobs, Instant until) {
        List<RunningJob> left = jobs.stream().filter(this::isRunning).toList();
        // Asked again each time: a backend may not have begun with a job.
        left.stream()
                .filter(RunningJob::isHandedBack)
                .forEach(job -> backend(job)
                        .ifPresent(backend -> LOG.debugf("asked to stop=%s", backend.stop(job.assignment))));
        return !left.isEmpty() && !hurried && clock.instant().isBefore(until);
    }

    private boolean isRunning(RunningJob job) {
        return running.get(job.assignment.jobId()) == job;
    }

    private Uni<Void> failAll(List<RunningJob> tools) {
        return all(tools.stream()
                .filter(this::isRunning)
                .filter(RunningJob::end)
                .map(this::fail)
                .toList());
    }

    /** Where the tool is now is not known: it is killed with its worker. */
    private Uni<Boolean> fail(RunningJob job) {
        LOG.errorf("the worker ends before the tool job=%s", job.assignment.jobId());
        job.stop();
        return jobSource
                .complete(job.assignment.lease(), stopped())
                .replaceWith(true)
                .onFailure()
                .recoverWithItem(false)
                .invoke(done -> running.remove(job.assignment.jobId(), job));
    }

    static JobOutcome stopped() {
        return new JobOutcome.Failed(
                "worker_stopped", "The worker ended, and the tool had to be killed.", ToolEnd.UNKNOWN);
    }

    /** Waits for running jobs until then, and hands back the rest. */
    Uni<Void> handBackAll(Instant until) {
        return waitFor(running.values(), until).chain(this::requeueAll);
    }

    /** Stops all jobs before the first is requeued, because the job source may not answer. */
    private Uni<Void> requeueAll() {
        List<RunningJob> left =
                running.values().stream().filter(RunningJob::end).toList();
        left.forEach(RunningJob::stop);
        return all(left.stream().map(this::requeue).toList());
    }

    private static Uni<Void> all(List<Uni<Boolean>> ends) {
        return ends.isEmpty()
                ? Uni.createFrom().voidItem()
                : Uni.join().all(ends).andCollectFailures().replaceWithVoid();
    }

    /** Puts the job back into the queue. Answers false where it was canceled meanwhile, or its lease was lost. */
    Uni<Boolean> requeue(RunningJob job) {
        LOG.infof("requeueing job=%s", job.assignment.jobId());
        return jobSource
                .requeue(job.assignment.lease())
                .onFailure()
                .invoke(cause -> LOG.warnf(
                        "not requeued, the server will requeue it job=%s cause=%s", job.assignment.jobId(), cause))
                .onFailure()
                .recoverWithItem(false)
                .invoke(done -> running.remove(job.assignment.jobId(), job));
    }
}
