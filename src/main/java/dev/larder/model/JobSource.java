package dev.larder.model;

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
     * @param more whether the worker should ask again at once. If not, no more jobs fit it, except those that its reserved
     *     slots exclude; {@link #onWork} tells when that changes. A job that another call had locked in that moment is found
     *     by the next poll
     */
    record Leased(List<Assignment> jobs, boolean more) {}

    /**
     * Leases up to {@code slots} jobs that fit the worker, the most urgent first. Where there is none, the call may wait for a
     * while. A worker makes one such call at a time.
     *
     * @param running the jobs that the worker runs; a call that may wait requeues those that the worker was leased and does not run
     */
    Uni<Leased> lease(UUID worker, int slots, Set<UUID> running);

    /** Keeps the worker and its leases alive. Empty where the worker is no longer registered. */
    Uni<Optional<HeartbeatAnswer>> heartbeat(UUID worker);

    /** Gives up leases that the worker holds and does not know of: each of these jobs has lost a worker. */
    Uni<Void> releaseLost(UUID worker, Set<UUID> jobs);

    /**
     * Appends to the job's log. Does nothing where the lease was lost.
     *
     * @param seq of the first line; lines of one lease are numbered from {@code attempt * 1,000,000}
     */
    Uni<Void> log(Lease lease, int seq, List<LogLine> lines);

    /**
     * Ends a job.
     *
     * @return the job's status; {@code PENDING} where it was requeued because its place is in trouble; empty where the lease was
     *     lost, and nothing was changed
     */
    Uni<Optional<JobStatus>> complete(Lease lease, JobOutcome outcome);

    /** Puts an unfinished job back into the queue. False where the lease was lost. */
    Uni<Boolean> requeue(Lease lease);

    /**
     * Reports a part of what exists where the worker builds. The verdict comes with the last part; before that it is empty.
     *
     * @param part at most {@link Inventory.Part#THINGS_MAX} resources
     */
    Uni<ReportOutcome> report(UUID worker, Inventory.Part part);

    /**
     * The worker leases no more jobs. A {@link #lease} that waits answers with none at once. Jobs leased in that moment are
     * released by the next heartbeat, or when the worker stops.
     */
    default void stopLeasing() {}

    /** The worker process ends in good order. Jobs that it still holds are requeued. */
    Uni<Void> stop(UUID worker);

    /** @param wakeUp called when there may be a job; must return at once */
    void onWork(Runnable wakeUp);

    /** @param wakeUp called when a running job may have been canceled; must return at once */
    void onCancel(Runnable wakeUp);
}
