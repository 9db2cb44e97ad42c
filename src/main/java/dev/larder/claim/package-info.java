/**
 * Hands one ready workspace to one client (design, section 3). The database decides which: this room turns
 * a request into one statement, and its result into an answer.
 *
 * <p><b>Owns</b> claims over HTTP ({@code claim.ClaimResource}, {@code claim.ClaimRequest},
 * {@code claim.ClaimAnswers}, {@code claim.ClaimView}), the way from a request to an outcome
 * ({@code claim.Claims}, {@code claim.StockClaims}, {@code claim.Combiner}, {@code claim.OutOfStock},
 * {@code claim.Outcome}), the statements ({@code claim.ClaimStore}, {@code claim.ExactClaimStore},
 * {@code claim.ColdClaimStore}, {@code claim.WaitingClaimStore}, {@code claim.ClaimQuotaStore},
 * {@code claim.ClaimReads}, {@code claim.PresetReads}, {@code claim.AvailabilityReads}), waiting and leases
 * ({@code claim.WaitingClaims}, {@code claim.WaitTime}, {@code claim.WaitEstimates}), claims by version and new
 * workspaces ({@code claim.ExactClaims}, {@code claim.WorkspaceClaimResource}), claims of several presets
 * ({@code claim.ClaimSets}, {@code claim.ClaimSetStore}), trial claims of versions that are not served yet
 * ({@code claim.TrialClaims}, {@code claim.TrialClaimStore}), workspaces that stand on others
 * ({@code claim.ChildStore}), and workspaces as clients see them ({@code claim.WorkspaceResource},
 * {@code claim.WorkspaceStore}).
 *
 * <p><b>Authoritative</b>: {@code workspaces.owner_id} and {@code version}, and the table {@code claims}.
 * The waiting line is that table too; a process only remembers which clients hold a call for which claim.
 * The unique key of user and idempotency key makes a retry safe.
 *
 * <p><b>States</b> of a claim: waiting, active, and ended as released, expired, deleted, failed, canceled,
 * timed_out or preset_not_active. An ended claim never changes.
 *
 * <p><b>Failures.</b> Nothing in stock is an outcome, not a failure: the policy decides (fail, wait, cold,
 * wait_then_cold). A prebuild that is merely locked is tried again, at most 8 times, 5 ms apart and more. A claim
 * whose preset was replaced while it was under way looks its line up again, at most twice. A
 * verification that fails puts the claim back into the line. A client that vanishes keeps its place; every
 * process runs the line, so a lost process costs nothing but time.
 *
 * <p><b>Bounds.</b> 64 requests per statement, 2,000 gathered per preset, 1,000 waiting claims per
 * organization and a tenth of them per user, 100 leases ended per round, 16 members of a set, 8 workspaces that
 * stand on each other, 100 children of one. A deadline or lease that no client
 * looks at ends within 5 s.
 */
@NullMarked
package dev.larder.claim;

import org.jspecify.annotations.NullMarked;
