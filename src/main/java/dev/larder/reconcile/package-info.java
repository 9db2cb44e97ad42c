/**
 * From what a pool is to what it should be (design, section 2). Pure decisions and the effects around them
 * ({@code reconcile.Reconciler}, {@code reconcile.Cycle}, {@code reconcile.PoolStore}, {@code reconcile.AlertStore},
 * {@code reconcile.RolloutSteps}).
 *
 * <p>A {@code reconcile.LinePlan} is decided for a {@code reconcile.Line}, the presets of one name in a template. It
 * has one {@code reconcile.Plan} for each preset and at most one {@code reconcile.RolloutStep} ({@code
 * reconcile.Progress}, {@code reconcile.Verdict}). A plan is made of the preset's {@code reconcile.Quota}.
 * The quota comes from its own numbers, or from {@code reconcile.RollingPlan} where old stock is replaced;
 * {@code reconcile.Staleness} says what is old within one version.
 *
 * <p><b>Owns</b> cycles, plans, and what is shown of a pool ({@code reconcile.PoolResource},
 * {@code reconcile.PoolView}) and of a rollout ({@code reconcile.RolloutResource}, {@code reconcile.RolloutReads}),
 * which {@code reconcile.RolloutControlResource} steers.
 *
 * <p><b>Authoritative</b>: the tables. A plan is decided on a snapshot that may be out of date when its effects
 * are performed; each effect checks again what it was decided on. {@code presets.attempts} is the number that a
 * creation is conditional on (decision 0007), so a cycle that lost its lock cannot create more than is wanted.
 *
 * <p><b>States</b> of a cycle: elsewhere (another process holds the lock), running, done, failed, cut at its
 * deadline. Two cycles never run at once in a deployment. What a plan cannot do is a {@code reconcile.Blocker}:
 * backoff, hard limit, failed validation, pause, held place, no worker. Nothing is written for a blocker.
 *
 * <p><b>Failures.</b> A preset that fails is logged and looked at by the next cycle; it stops no other preset. A
 * lost lock stops new work. A failed cycle is run again after one to two seconds. If a wake-up of the reconciler
 * is lost, its timer starts the next cycle within a minute; if a wake-up of the workers is lost, they find the
 * created jobs with their poll of 1 s.
 *
 * <p><b>Bounds.</b> 4 presets at a time, 1,000 dirty marks and one minute per cycle. The snapshot's cost follows
 * live prebuilds and declared presets, never history. A creation is clamped to what is desired.
 */
@NullMarked
package dev.larder.reconcile;

import org.jspecify.annotations.NullMarked;
