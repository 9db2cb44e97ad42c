package dev.larder.model;

import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * Where a worker gets its jobs and says what became of them: the queue itself in the server's process, a server's API
 * elsewhere. Whatever it fails with may be tried again; a lease that was lost is a value.
 */
public interface JobSource {

    /**
     * What a worker is told when it enters.
     *
     * @param heartbeat how often it is to show that it is alive; three missed, and its jobs are taken back
     */
    record Entered(UUID worker, Duration heartbeat) {}

    /** A worker process enters; it is new each time it starts. */
    Uni<Entered> enter(WorkerEntry entry);

    /**
     * What a worker is given to do.
     *
     * @param more whether to ask again at once: there may be more, or asking is what waits for it. If not, this worker could
     *     see nothing else but what its reserve keeps from it, and {@link #onWork} tells when that changes; what somebody
     *     had locked in that moment and left, the poll finds
     */
    record Given(List<Assignment> jobs, boolean more) {}

    /**
     * Leases up to {@code slots} jobs that fit, the most urgent first; may hold for a while where there is none. A worker asks
     * once at a time.
     *
     * @param running what it works on: where asking holds, what it was leased and does not know of is given up
     */
    Uni<Given> take(UUID worker, int slots, Set<UUID> running);

    /** Shows that the worker is alive. Empty where it is no longer known. */
    Uni<Optional<Pulse>> beat(UUID worker);

    /** Gives up leases that the worker holds and does not know of. */
    Uni<Void> giveUp(UUID worker, Set<UUID> jobs);

    /**
     * Appends to the job's log; nothing where the lease was lost.
     *
     * @param seq of the first line; lines of one lease are numbered from {@code attempt * 1,000,000}
     */
    Uni<Void> log(Lease lease, int seq, List<LogLine> lines);

    /**
     * @return how the job ended, {@code PENDING} where it was put back because of its place; empty where the lease was lost, and
     *     nothing was changed
     */
    Uni<Optional<JobStatus>> finish(Lease lease, JobOutcome outcome);

    /** Puts a job back into the queue, unfinished. False where the lease was lost. */
    Uni<Boolean> handBack(Lease lease);

    /**
     * Tells a part of what exists where the worker builds. What follows from it comes with the last part; nothing before.
     *
     * @param part at most {@link Inventory.Part#THINGS_MAX} things
     */
    Uni<Verdict> report(UUID worker, Inventory.Part part);

    /**
     * The worker asks for no more jobs. Where {@link #take} holds, it answers with none at once; what it was leased in that
     * moment is given up by the next heartbeat, or when the worker leaves.
     */
    default void quit() {}

    /** The worker process ends in good order. What it still holds is taken back from it. */
    Uni<Void> leave(UUID worker);

    /** @param ring called when there may be a job; must return at once */
    void onWork(Runnable ring);

    /** @param ring called when a running job may have been asked to stop; must return at once */
    void onCancel(Runnable ring);
}
