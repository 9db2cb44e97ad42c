/**
 * Compares the infrastructure of workspaces with what is known of it (decision 0038).
 *
 * <p><b>Owns</b> when checks begin by schedule ({@code drift.DriftLoop}), checks on request and what they have found
 * ({@code drift.WorkspaceDriftResource}, {@code drift.DriftReads}), and staged plans
 * ({@code drift.WorkspaceChangesetResource}, {@code drift.ChangesetStore}). {@code lifecycle.CheckStore} starts the
 * builds; {@code lifecycle.FindingsStore} keeps what they found, in the transaction that ends their job.
 *
 * <p><b>Authoritative</b>: the job, for how far a check or a changeset is; {@code reconciliation_results} with
 * {@code resource_drift}, for what was found. A result is never changed.
 *
 * <p><b>States</b> of a changeset: staging, then staged, drift_detected or failed. A check has its job's status.
 *
 * <p><b>Failures.</b> A check that fails leaves its workspace as it was; the schedule repeats it. A refresh that fails
 * is not repeated: the reconciler replaces the prebuild.
 *
 * <p><b>Bounds.</b> {@code larder.drift.at-once} prebuilds under a check by schedule (2), one of a preset at a time,
 * and none where fewer than two can be claimed. A round begins at most 20 refreshes. A result names
 * 1,000 resources with 50 attributes each.
 */
@NullMarked
package dev.larder.drift;

import org.jspecify.annotations.NullMarked;
