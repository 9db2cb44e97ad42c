/**
 * The edge that every resource shares. It owns no rule of the domain.
 *
 * <p><b>Owns</b> problems (RFC 9457: {@code http.Problem}, {@code http.ProblemMapper}), paging
 * ({@code http.PageRequest}, {@code http.Page}), preconditions ({@code http.ETags}), strict bodies
 * ({@code http.JsonBody}), the caller of a request ({@code http.CurrentCaller}), what an operation may be
 * sent ({@code http.Contract}, {@code http.NothingIgnored}), limits before any route ({@code http.Edge}),
 * calls that last ({@code http.Shares}, {@code http.PreferWait}, {@code http.StreamGuard}) and the requests
 * of this process from start to stop ({@code http.Traffic}).
 *
 * <p><b>Authoritative</b>: the OpenAPI document that the server serves. What it does not describe is refused by name
 * (decision 0028).
 *
 * <p><b>States</b> of the API: not open (503 {@code starting}), open, leaving (readiness is down, everything is still
 * served), ending (held calls are answered, streams end), closed.
 *
 * <p><b>Failures.</b> Every answer that is not a success is a problem with a stable {@code code}, and names the field
 * where the client's input is at fault. An unexpected failure is a 500 with an incident number; the log has the rest
 * under that number. No stack trace and no value of a body leaves the process.
 *
 * <p><b>Bounds.</b> Address 8 KB, headers 32 KB, body 2 MB and 30 s (a state: 128 MB and 5 min), a held call 60 s.
 * Followed logs and claims have a maximum per process, with a share per organization and per user (decision 0022).
 */
@NullMarked
package dev.larder.http;

import org.jspecify.annotations.NullMarked;
