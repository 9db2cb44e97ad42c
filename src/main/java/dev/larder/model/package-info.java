/**
 * The nouns that all rooms share (design, section 1): values, states, and the pure rules that derive one from
 * another. Plain Java: no framework, no clock, no I/O. Time comes in as an {@code Instant}.
 *
 * <p><b>Owns</b> the language: what a job status, a transition, a role, a schedule, a lease is. It also holds the
 * ports through which two capability rooms meet without importing each other: {@code model.JobSource} (a worker and
 * its queue), {@code model.Backend} (a worker and how it builds), {@code model.CreationStatuses} (claims ask whether
 * creation goes on), {@code model.InventoryReports} (a worker and the inventory), {@code model.ReadinessPart} (a room
 * and the health check).
 *
 * <p><b>Authoritative</b>: nothing. Values are what was read at one instant.
 *
 * <p><b>States.</b> The stored ones are enums whose words the schema's CHECK constraints know:
 * {@code model.JobStatus}, {@code model.Transition}, {@code model.PresetStatus}, {@code model.Role}. Decisions and
 * outcomes are sealed types: {@code model.JobOutcome}, {@code model.WorkerSupply}.
 *
 * <p><b>Failures</b> are values. Only {@code model.MisconfiguredException} is thrown, and it ends a start.
 *
 * <p><b>Bounds.</b> A schedule is looked ahead a bounded time for its next edge; overlaps are found by enumeration.
 */
@NullMarked
package dev.larder.model;

import org.jspecify.annotations.NullMarked;
