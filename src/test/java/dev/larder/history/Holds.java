package dev.larder.history;

import static dev.larder.history.Tables.NEVER;

import dev.larder.history.Facts.Known;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * No two claims have one workspace at the same time: not by what was told, where a hold begins at latest with the first
 * answer that shows it and ends earliest with the first call that may end it, and not by what the database has.
 */
final class Holds {

    private record Hold(UUID claim, long from, long until) {}

    private Holds() {}

    static void judge(History history, Facts facts, Consumer<Violation> found) {
        Map<UUID, List<Hold>> told = new HashMap<>();
        for (Known claim : facts.known()) {
            Tables.Claim kept = facts.kept(claim.claim);
            if (claim.workspace != null && kept != null) {
                long until = Math.min(claim.releaseCalled, Leases.heldUntil(kept, facts) - history.toleranceNanos());
                add(told, claim.workspace, new Hold(claim.claim, claim.activeBy, until));
            }
        }
        told.forEach((workspace, holds) -> judge(workspace, holds, found));

        Map<UUID, List<Hold>> kept = new HashMap<>();
        for (Tables.Claim claim : facts.kept()) {
            if (claim.workspace() != null) {
                // Both ends were taken before their statements ran, so what is as short as that proves nothing.
                long from = claim.granted() + history.toleranceNanos();
                long until = claim.lasts() ? NEVER : claim.ended() - history.toleranceNanos();
                add(kept, claim.workspace(), new Hold(claim.id(), from, until));
            }
        }
        kept.forEach((workspace, holds) -> judge(workspace, holds, found));
    }

    private static void add(Map<UUID, List<Hold>> holds, UUID workspace, Hold hold) {
        if (hold.from() < hold.until()) {
            holds.computeIfAbsent(workspace, unseen -> new ArrayList<>(1)).add(hold);
        }
    }

    private static void judge(UUID workspace, List<Hold> holds, Consumer<Violation> found) {
        holds.sort(Comparator.comparingLong(Hold::from));
        Hold longest = holds.getFirst();
        for (Hold hold : holds.subList(1, holds.size())) {
            if (hold.from() < longest.until()) {
                found.accept(new Violation.HeldTwice(workspace, longest.claim(), hold.claim()));
            }
            if (hold.until() > longest.until()) {
                longest = hold;
            }
        }
    }
}
