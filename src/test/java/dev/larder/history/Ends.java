package dev.larder.history;

import static dev.larder.history.Tables.NEVER;

import dev.larder.history.Facts.Known;
import java.util.function.Consumer;

/**
 * A claim ends when its user says so, its time is over or its cold build failed, not before and not much later, and what
 * has ended stays ended.
 */
final class Ends {

    /** Whoever owns deadlines looks each second; some seconds more for a crash of the database and crowded processors. */
    private static final long OWNER_WITHIN = 30_000_000_000L;

    /** Of two instants of one statement Postgres rounds each to the microsecond. */
    private static final long ROUNDING = 1_000_000;

    private Ends() {}

    static void judge(History history, Facts facts, Consumer<Violation> found) {
        for (Known claim : facts.known()) {
            judgeOrder(claim, found);
            Tables.Claim kept = facts.kept(claim.claim);
            if (kept != null && kept.lasts() && claim.endedBy != NEVER) {
                found.accept(new Violation.EndForgotten(claim.claim));
            }
        }
        for (Tables.Claim claim : facts.kept()) {
            if (!claim.lasts() && !mayHaveEnded(claim, facts, history.toleranceNanos())) {
                found.accept(new Violation.EndedUnasked(claim.id(), claim.reason()));
            }
            if (claim.lasts() && deadline(claim) < history.servedUntil() - OWNER_WITHIN) {
                found.accept(new Violation.LeftBehind(claim.id(), claim.workspace() == null ? "waits" : "is leased"));
            }
        }
    }

    private static long deadline(Tables.Claim claim) {
        return claim.workspace() == null ? claim.waitsUntil() : claim.expires();
    }

    private static void judgeOrder(Known claim, Consumer<Violation> found) {
        if (claim.lastActive != null && claim.lastActive.called() > claim.endedBy) {
            found.accept(new Violation.CameBack(claim.claim, claim.endedBy, claim.lastActive));
        }
        long waitedBy = Math.min(claim.endedBy, claim.activeBy);
        if (claim.lastWaiting != null && claim.lastWaiting.called() > waitedBy) {
            found.accept(new Violation.CameBack(claim.claim, waitedBy, claim.lastWaiting));
        }
    }

    private static boolean mayHaveEnded(Tables.Claim claim, Facts facts, long tolerance) {
        boolean served = claim.workspace() != null;
        return switch (claim.reason()) {
            case "released" -> served && facts.releaseCalled(claim.id()) != NEVER;
            case "canceled" -> !served && facts.releaseCalled(claim.id()) != NEVER;
            case "timed_out" -> !served && claim.ended() + ROUNDING >= claim.waitsUntil();
            case "expired" ->
                served
                        && claim.ended() + ROUNDING >= claim.expires()
                        && claim.ended() + tolerance >= Leases.heldUntil(claim, facts);
            case "build_failed" -> served && claim.path().equals("cold");
            // Nobody deletes a workspace by hand here, and nobody replaces a version.
            default -> false;
        };
    }
}
