/**
 * The job source of a worker outside any server, over HTTP: {@code worker.remote.HttpJobSource} speaks the API of
 * {@code /workers} and {@code /jobs} through {@code worker.remote.Api} (decision 0014).
 *
 * <p><b>Owns</b> one number: that of its latest request for jobs. The server refuses an older request, which may
 * arrive late. <b>Authoritative</b>: the server's tables. Each call may go to another server of the deployment, so
 * the address may be a load balancer's.
 *
 * <p><b>States</b>: registered under an id, or not.
 *
 * <p><b>Failures.</b> Only Larder's own problems count. 409 {@code lease_lost} is a value; a 404 or 409 of a
 * proxy, a 5xx and a lost connection are tried again. If the answer to a request for jobs is lost, the next
 * request or heartbeat tells the server which jobs the worker has, and the server requeues the others.
 *
 * <p><b>Bounds.</b> One request for jobs at a time, held for 5 s at most. The worker's clock is compared with
 * nothing: the server tells how long is left of a job.
 */
@NullMarked
package dev.larder.worker.remote;

import org.jspecify.annotations.NullMarked;
