/**
 * Health and metrics of the process. Nothing here changes anything.
 *
 * <p><b>Owns</b> the health checks ({@code observe.Liveness}, {@code observe.Started},
 * {@code observe.DatabaseReadiness}, {@code observe.PartsReadiness}, which asks every
 * {@code model.ReadinessPart}), the token for metrics ({@code observe.MetricsGate}), the labels of HTTP
 * metrics ({@code observe.HttpMetrics}) and the histogram buckets that other rooms use
 * ({@code observe.Buckets}). The metrics of a room stand in that room, in {@code *Metrics}.
 *
 * <p><b>Authoritative</b>: nothing. Gauges of the deployment are read from the database by every process, so
 * that all show the same; counters and histograms are this process's own.
 *
 * <p><b>States.</b> Live: an event loop answers. Started: once, for good. Ready: every part is up and a
 * request would get a connection. A database that is away makes a process not ready; it does not restart it.
 *
 * <p><b>Failures.</b> While the database does not answer there are no gauges of the deployment, rather than
 * old ones.
 *
 * <p><b>Bounds.</b> Names of metrics are a golden file. Labels come from lists that Larder knows, never from
 * a client's text.
 */
@NullMarked
package dev.larder.observe;

import org.jspecify.annotations.NullMarked;
