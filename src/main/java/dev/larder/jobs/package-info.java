/**
 * The queue (design, section 4): jobs, their leases, limits and logs, and the HTTP API that workers and people
 * use.
 *
 * <p><b>Owns</b> leasing ({@code jobs.JobStore}, {@code jobs.Leasing}, {@code jobs.Lines},
 * {@code jobs.AssignmentReads}), what is told about the queue ({@code jobs.JobReads}, {@code jobs.QueueReads}),
 * worker registrations ({@code jobs.WorkerStore}), limits ({@code jobs.JobLimitStore}), the queue as a worker sees
 * it ({@code jobs.LocalJobSource}, and for remote workers {@code jobs.WorkerResource}, {@code jobs.LongPoll},
 * {@code jobs.ReportResource}), logs ({@code jobs.LogResource}, {@code jobs.LogTail}), and {@code jobs.Janitor},
 * which takes care of jobs without a live worker and of workspaces to be reset or deleted.
 *
 * <p><b>Authoritative</b>: the table {@code jobs}. A lease is a random token with a deadline. Every later write
 * carries the token, so a worker that lost its lease changes nothing.
 *
 * <p><b>States</b> of a job: pending, running, canceling, and ended as succeeded, failed or canceled.
 * {@code jobs.status} is a generated column; no statement sets it.
 *
 * <p><b>Failures.</b> A worker that is silent for three heartbeats loses its jobs: they are requeued, and a job
 * fails with its third lost worker. A job that overran its deadline by 15 min fails ({@code timed_out}) and is not
 * requeued. A start that no worker has begun an hour after it was queued is withdrawn, not failed, unless a job
 * limit holds it back and a live worker could take it. A job whose place is in trouble goes back, and the place is
 * held (decision 0025).
 *
 * <p><b>Bounds.</b> The janitor runs every 5 s in every process, takes 100 rows per statement, and row locks keep
 * the processes apart. A lease reads at most 64 organizations per tag set. 2,000 remote workers wait at one
 * server.
 */
@NullMarked
package dev.larder.jobs;

import org.jspecify.annotations.NullMarked;
