package dev.larder.worker;

import dev.larder.model.Assignment;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobSource;
import dev.larder.model.JobStatus;
import dev.larder.wakeup.Loop;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.Cancellable;
import io.vertx.mutiny.core.Vertx;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** A job that this process runs, until its outcome is stored or its lease is lost. */
final class RunningJob {

    private static final Logger LOG = Logger.getLogger(RunningJob.class);
    private static final Duration LOG_FLUSH = Duration.ofMillis(250);
    private static final Duration LAST_FLUSH = Duration.ofSeconds(5);

    final Assignment assignment;
    final JobLog log;
    private final Vertx vertx;
    private @Nullable Cancellable work;
    private boolean ended;
    private volatile boolean handedBack;
    private long flushing;
    private @Nullable Loop flush;

    RunningJob(Assignment assignment, JobSource jobSource, Vertx vertx, InstantSource clock) {
        this.assignment = assignment;
        this.vertx = vertx;
        this.log = new JobLog(jobSource, assignment.lease(), clock);
    }

    synchronized void working(Cancellable cancellable) {
        work = cancellable;
        if (ended) {
            cancellable.cancel();
        }
    }

    /** True for the first caller, who may report the end of the job. */
    synchronized boolean end() {
        boolean first = !ended;
        ended = true;
        vertx.cancelTimer(flushing);
        return first;
    }

    /** Asks the backend to stop the job. */
    synchronized void stop() {
        if (work != null) {
            work.cancel();
        }
    }

    /** Once it has ended because it was asked to, another worker goes on with it. */
    void handBack() {
        handedBack = true;
    }

    boolean isHandedBack() {
        return handedBack;
    }

    synchronized void flushRegularly() {
        Loop loop = new Loop("job log", () -> log.flush().replaceWith(false));
        flush = loop;
        flushing = vertx.setPeriodic(LOG_FLUSH.toMillis(), tick -> loop.wake());
    }

    /** Writes the rest of the log after the running write: two writes at once would use the same line numbers. */
    Uni<Void> flushRest() {
        Loop regular = regularFlush();
        Uni<Void> last = regular == null ? Uni.createFrom().voidItem() : regular.stop(LAST_FLUSH);
        return last.onFailure().recoverWithNull().invoke(log::end).chain(log::flush);
    }

    private synchronized @Nullable Loop regularFlush() {
        return flush;
    }

    /** @param ended the answer of {@link JobSource#complete} */
    void logEnd(JobOutcome outcome, Optional<JobStatus> ended) {
        if (ended.isEmpty()) {
            LOG.warnf("lease lost, result dropped job=%s", assignment.jobId());
            return;
        }
        if (ended.get() == JobStatus.PENDING) {
            LOG.warnf(
                    "job requeued, its place is in trouble job=%s backend=%s outcome=%s",
                    assignment.jobId(), assignment.backend(), outcome);
            return;
        }
        LOG.infof(
                "job ended job=%s workspace=%s transition=%s status=%s code=%s",
                assignment.jobId(),
                assignment.workspaceId(),
                assignment.transition().word(),
                ended.get().word(),
                outcome instanceof JobOutcome.Failed failed ? failed.code() : "none");
    }
}
