package dev.larder.model;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * Where a worker gets its jobs and reports their outcomes: the queue itself in a server's process, a server's API for a
 * remote worker. A call that fails may be retried. A lost lease is a value, not a failure.
 */
public interface JobSource {

    /**
     * The answer to a registration.
     *
     * @param heartbeat how often the worker sends a heartbeat; after three missed ones its jobs are requeued
     */
    record Registered(UUID worker, Duration heartbeat) {}

    /** Registers a worker process, under a new id each time. */
    Uni<Registered> register(WorkerEntry entry);

    /**
     * Leased jobs.
     *
     * @param more whether the worker should ask again at once. If not, no more jobs fit it, except those that its
     *     reserved slots exclude; {@link #onWork} reports when that changes. The next poll finds a job that another
     *     call had locked
     */
    record Leased(List<Assignment> jobs, boolean more) {}

    /**
     * Leases up to {@code slots} jobs that fit the worker, the most urgent first. If there is none, the call may
     * wait for a while. A worker makes one such call at a time.
     *
     * @param running the jobs that the worker runs; a call that may wait requeues jobs that were leased to the
     *     worker and that it does not run
     */
    Uni<Leased> lease(UUID worker, int slots, Set<UUID> running);

    /** Keeps the worker and its leases alive. Empty if the worker is no longer registered. */
    Uni<Optional<HeartbeatAnswer>> heartbeat(UUID worker);

    /** Releases leases that the worker holds without knowing the job: each of these jobs has lost a worker. */
    Uni<Void> releaseLost(UUID worker, Set<UUID> jobs);

    /**
     * Appends to the job's log. Does nothing if the lease was lost.
     *
     * @param seq the number of the first line; lines of one lease are numbered from {@code attempt * 1,000,000}
     */
    Uni<Void> log(Lease lease, int seq, List<LogLine> lines);

    /**
     * Reads an uploaded file to which the job's version refers, piece by piece. Fails where it cannot be read, the
     * lease was lost, or the version does not refer to it. The bytes are not verified.
     */
    default Multi<byte[]> file(Lease lease, String digest) {
        return Multi.createFrom().failure(new UnsupportedOperationException("file"));
    }

    /**
     * Ends a job.
     *
     * @return the job's status; {@code PENDING} if it was requeued because its place is held; empty, without a
     *     change, if the lease was lost
     */
    Uni<Optional<JobStatus>> complete(Lease lease, JobOutcome outcome);

    /** Requeues an unfinished job. False if the lease was lost. */
    Uni<Boolean> requeue(Lease lease);

    /**
     * Reports a part of the items that exist where the worker builds. Empty until the last part, whose answer is
     * the result.
     *
     * @param part at most {@link Inventory.Part#THINGS_MAX} items
     */
    Uni<ReportOutcome> report(UUID worker, Inventory.Part part);

    /**
     * The worker leases no more jobs. A waiting {@link #lease} returns none at once. Jobs that it was about to
     * lease are released by the next heartbeat, or when the worker stops.
     */
    default void stopLeasing() {}

    /** The worker process ends. Jobs that it still holds are requeued. */
    Uni<Void> stop(UUID worker);

    /** @param wakeUp called when there may be a job; must return at once */
    void onWork(Runnable wakeUp);

    /** @param wakeUp called when a running job may have been canceled; must return at once */
    void onCancel(Runnable wakeUp);
}
