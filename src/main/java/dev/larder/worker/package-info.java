/**
 * Runs jobs, wherever their source is. {@code worker.Worker} takes jobs from a {@code model.JobSource} into its
 * slots, a {@code model.Backend} performs them, {@code worker.JobLog} carries their log,
 * {@code worker.InventoryReporter} lists the items that exist where they build. {@code worker.process} holds the
 * processes of jobs for backends that run programs.
 *
 * <p><b>Owns</b> nothing that outlives the process: a worker that starts again is another worker, and its old leases
 * run out.
 *
 * <p><b>Authoritative</b>: the queue. Every heartbeat and every write checks that the worker still holds the lease.
 *
 * <p><b>States</b> of a job in the worker's hands: begun, asked to stop, ended, reported. The lease, the heartbeat
 * and the log stay until the backend has answered. States of a worker: registered, draining (takes nothing new,
 * finishes or requeues what it runs), gone.
 *
 * <p><b>Failures.</b> A backend's expected failure is a {@code model.JobOutcome}. An exception is
 * {@code backend_fault}. A result that cannot be reported is retried for three heartbeats, then dropped: the server
 * takes the job back. A worker that the server no longer knows drops its jobs and registers again.
 *
 * <p><b>Bounds.</b> As many jobs as slots (2). A jittered poll of 1 s covers a lost wake-up. A stop waits 10 s for
 * running jobs ({@code larder.worker.drain}), then requeues them.
 */
@NullMarked
package dev.larder.worker;

import org.jspecify.annotations.NullMarked;
