package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;

import dev.larder.history.HistoryIndex.ObservedClaim;
import java.util.function.Consumer;

/**
 * A claim ends only when its user releases it, its lease or wait runs out, or its cold build fails; it ends soon after
 * that, and an ended claim never becomes active again.
 */
final class ClaimEndCheck {

    /**
     * Whoever owns deadlines looks each second; some seconds more for a crash of the database and crowded
     * processors.
     */
    private static final long OWNER_WITHIN = 30_000_000_000L;

    /** Of two instants of one statement Postgres rounds each to the microsecond. */
    private static final long ROUNDING = 1_000_000;

    private ClaimEndCheck() {}

    static void judge(History history, HistoryIndex index, Consumer<Violation> found) {
        for (ObservedClaim claim : index.known()) {
            judgeOrder(claim, found);
            FinalState.Claim kept = index.kept(claim.claim);
            if (kept != null && kept.lasts() && claim.endedBy != NEVER) {
                found.accept(new Violation.EndNotPersisted(claim.claim));
            }
        }
        for (FinalState.Claim claim : index.kept()) {
            if (!claim.lasts() && !mayHaveEnded(claim, index, history.toleranceNanos())) {
                found.accept(new Violation.EndedWithoutCause(claim.id(), claim.reason()));
            }
            if (claim.lasts() && deadline(claim) < history.servedUntil() - OWNER_WITHIN) {
                found.accept(
                        new Violation.DeadlineMissed(claim.id(), claim.workspace() == null ? "waits" : "is leased"));
            }
        }
    }

    private static long deadline(FinalState.Claim claim) {
        return claim.workspace() == null ? claim.waitsUntil() : claim.expires();
    }

    private static void judgeOrder(ObservedClaim claim, Consumer<Violation> found) {
        if (claim.lastActive != null && claim.lastActive.sent() > claim.endedBy) {
            found.accept(new Violation.ActiveAfterEnd(claim.claim, claim.endedBy, claim.lastActive));
        }
        long waitedBy = Math.min(claim.endedBy, claim.activeBy);
        if (claim.lastWaiting != null && claim.lastWaiting.sent() > waitedBy) {
            found.accept(new Violation.ActiveAfterEnd(claim.claim, waitedBy, claim.lastWaiting));
        }
    }

    private static boolean mayHaveEnded(FinalState.Claim claim, HistoryIndex index, long tolerance) {
        boolean served = claim.workspace() != null;
        return switch (claim.reason()) {
            case "released" -> served && index.releaseCalled(claim.id()) != NEVER;
            case "canceled" -> !served && index.releaseCalled(claim.id()) != NEVER;
            case "timed_out" -> !served && claim.ended() + ROUNDING >= claim.waitsUntil();
            case "expired" ->
                served
                        && claim.ended() + ROUNDING >= claim.expires()
                        && claim.ended() + tolerance >= LeaseCheck.heldUntil(claim, index);
            case "build_failed" -> served && claim.path().equals("cold");
            // Nobody deletes a workspace by hand here, and nobody replaces a version.
            default -> false;
        };
    }
}
