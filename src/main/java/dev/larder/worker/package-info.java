/**
 * Jobs, workers, backends. A worker leases a job, a backend performs it, and every later write of the job is guarded by
 * the lease's random token: a worker that lost its lease can change nothing (design, section 4.3).
 */
@NullMarked
package dev.larder.worker;

import org.jspecify.annotations.NullMarked;
