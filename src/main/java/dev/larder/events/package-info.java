/**
 * What happened, in order: partitions of events, the feed that reads them once for all followers of this
 * process, and their HTTP API (design, section 8; decision 0035).
 *
 * <p><b>Owns</b> the table {@code events}, its reads ({@code events.EventReads}), its retention
 * ({@code events.EventCleanupStore}), the feed ({@code events.Feed}), followers ({@code events.Follower}) and the calls
 * below {@code /api/v1/events}.
 *
 * <p><b>Authoritative</b>: the table. Triggers append to it in the statement that changes a row, so that no change is
 * without its event. The feed is only how followers learn of it early.
 *
 * <p><b>States</b> of the feed: idle without followers; looking from the snapshot of its last look. After a gap of the
 * listener it begins with a new snapshot and has every follower read its partition.
 *
 * <p><b>Failures.</b> A look that fails is repeated from the same snapshot. A follower that is too slow loses its
 * buffer, not its events: it reads them from the table. An event that retention has removed is told as a reset.
 *
 * <p><b>Bounds.</b> One statement per look, at most one look in 10 ms, 1,000 events per look;
 * 256 events in the buffer of a follower; 10,000 events and 7 days per partition.
 */
@NullMarked
package dev.larder.events;

import org.jspecify.annotations.NullMarked;
