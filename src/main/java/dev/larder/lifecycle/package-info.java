/**
 * The state machine of workspaces, builds and jobs (design, sections 1.1 to 1.4 and 6). A change of their state is a
 * statement of this room, or uses its fragments; the schema's constraints hold what the statements promise.
 *
 * <p><b>Owns</b> the rules that several statements share, as SQL that stands once ({@code lifecycle.Rules},
 * {@code lifecycle.TagMatch}, {@code lifecycle.BuildProgress}, {@code lifecycle.Handicap},
 * {@code lifecycle.LocationHolds}, {@code lifecycle.AvailableWorkers}, {@code lifecycle.DirtyPresets},
 * {@code lifecycle.AuditEntry}, {@code lifecycle.AdminNotification}); how builds start: {@code lifecycle.StartBuild}
 * has the parts, {@code lifecycle.StartBuildStore} and {@code reconcile.PoolStore} the statements; how a job and its
 * build end ({@code lifecycle.EndBuildStore}), are canceled ({@code lifecycle.EndBuild},
 * {@code lifecycle.CancelStore}) or requeued ({@code lifecycle.RequeueStore}); how a workspace changes its owner
 * ({@code lifecycle.Ownership}); how it goes missing ({@code lifecycle.MissingWorkspaces}) or is quarantined
 * ({@code lifecycle.QuarantineStore}); how a job's mutation of a state begins and ends ({@code lifecycle.Mutations}),
 * and how far a state can be trusted, in its workspace's row ({@code lifecycle.StateMirror}); how claims end
 * ({@code lifecycle.EndClaimStore}); and the labels of claims and states ({@code lifecycle.LabelStore}).
 *
 * <p><b>Authoritative</b>: the tables {@code workspaces}, {@code builds}, {@code jobs}, {@code claims},
 * {@code held_places}. {@code jobs.status} is a generated column. A workspace carries a copy of its latest build's
 * end, written by the statement that changes the build, so that claims and cycles read what is live and never the
 * history (decision 0019).
 *
 * <p><b>States</b> are drawn in {@code src/docs/design.md}. A change that matters to a pool also inserts a row into
 * {@code dirty_presets}: marks are appended, never updated, so claims of one preset do not wait for each other.
 *
 * <p><b>Failures.</b> Each statement checks the state that it changes. One that comes too late changes nothing and
 * says so by its row count: a lost lease, a workspace that was claimed first, a claim that has ended.
 *
 * <p><b>Bounds.</b> A statement of a loop changes at most 100 rows of one kind. Locks are taken in one order: jobs
 * before workspaces, workspaces before the claims that hold them, these before mutations, mutations before states.
 * Rows that another statement has locked are skipped where a later round will find them.
 */
@NullMarked
package dev.larder.lifecycle;

import org.jspecify.annotations.NullMarked;
