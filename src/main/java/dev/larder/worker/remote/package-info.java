/**
 * The job source of a worker outside any server, over HTTP: {@code worker.remote.HttpJobSource} speaks the
 * API of {@code /workers} and {@code /jobs} through {@code worker.remote.Api} (decision 0014).
 *
 * <p><b>Owns</b> no state but the number of its last request for jobs. <b>Authoritative</b>: the server's tables; any
 * server of the deployment can answer, so the address may be a load balancer's.
 *
 * <p><b>States</b>: registered under an id, or not.
 *
 * <p><b>Failures.</b> Only Larder's own problems count. 409 {@code lease_lost} is a value; a 404 or 409 of a
 * proxy, a 5xx and a lost connection are tried again. A lease whose answer was lost is released by the next
 * request or heartbeat.
 *
 * <p><b>Bounds.</b> One request for jobs at a time, held for 5 s at most. The worker's clock is not
 * used: the server says how much time a job has left.
 */
@NullMarked
package dev.larder.worker.remote;

import org.jspecify.annotations.NullMarked;
