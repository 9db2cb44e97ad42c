package dev.larder.history;

import static dev.larder.history.Tables.NEVER;

import dev.larder.history.Facts.Known;
import java.util.function.Consumer;

/** A claim ends when its user says so and not before, and what has ended stays ended. */
final class Ends {

    private Ends() {}

    static void judge(History history, Facts facts, Consumer<Violation> found) {
        for (Known claim : facts.known()) {
            if (claim.lastActive != null && claim.lastActive.called() > claim.endedBy) {
                found.accept(new Violation.CameBack(claim.claim, claim.endedBy, claim.lastActive));
            }
            Tables.Claim kept = facts.kept(claim.claim);
            if (kept != null && kept.ended() == NEVER && claim.endedBy != NEVER) {
                found.accept(new Violation.EndForgotten(claim.claim));
            }
        }
        for (Tables.Claim claim : facts.kept()) {
            if (claim.ended() != NEVER && !mayHaveEnded(claim, facts)) {
                found.accept(new Violation.EndedUnasked(claim.id(), claim.reason()));
            }
        }
    }

    private static boolean mayHaveEnded(Tables.Claim claim, Facts facts) {
        return switch (claim.reason()) {
            case "released" -> facts.releaseCalled(claim.id()) != NEVER;
            // Nobody deletes a workspace by hand here.
            default -> false;
        };
    }
}
