/**
 * How a loop learns that there may be work (design, section 4.2). Nothing here is authoritative: a lost
 * wake-up costs at most the time until the backstop of the loop that should have heard it.
 *
 * <p><b>Owns</b> the channels ({@code wakeup.Channel}), the wake-ups inside the process
 * ({@code wakeup.WakeUps}), those between processes ({@code wakeup.NotifySender}, {@code wakeup.NotifyStore},
 * {@code wakeup.Listener}), loops that never run twice at once and never miss a wake-up
 * ({@code wakeup.Loop}), and pace by a monotonic counter ({@code wakeup.Ticker}).
 *
 * <p><b>Authoritative</b>: the tables. A loop that wakes reads them; a notification carries no data but its
 * sender's id, and for logs the ids of their jobs.
 *
 * <pre>
 *   channel    a caller wakes it when                        loop that runs                   poll
 *   RECONCILE  a preset was marked dirty                     reconcile.Reconciler             1 min
 *   ENDED      a job has ended                               reconcile.Reconciler, 200 ms on  1 min
 *   JOBS       a job waits, or a limit has room again        worker.Worker, jobs.LongPoll     1 s
 *   CANCELS    a running job is to be canceled               worker.Worker (heartbeat)        5 s
 *   STEPS      a claimed workspace is to be prepared         jobs.Janitor                     5 s
 *   WAITING    a waiting claim may be served, or has ended   claim.WaitingClaims              5 s, or 1 s
 *   EVENTS     another change has appended an event          events.Feed and webhooks.FanOut, 1 s
 *                                                            of every channel
 *   logs       lines of a job's log were written             jobs.LogNews                     15 s
 * </pre>
 *
 * <p>The backstop of WAITING is 1 s while a client's call is held for a claim in this process, else 5 s.
 *
 * <p><b>States</b> of a loop: idle, running, running with another run wanted, stopped. The listener is
 * connected or reconnects; on every connect it wakes every channel, because notifications in between are lost.
 *
 * <p><b>Failures.</b> A failed step is logged once and tried again with the next wake-up or poll. A
 * failed NOTIFY is dropped. A silent listener connection is found by a query every 5 s and replaced.
 *
 * <p><b>Bounds.</b> One {@code pg_notify} per channel and 10 ms, with a leading and a trailing edge. Wake up
 * after the commit, never inside a transaction: a NOTIFY in a hot transaction costs most of its throughput.
 */
@NullMarked
package dev.larder.wakeup;

import org.jspecify.annotations.NullMarked;
