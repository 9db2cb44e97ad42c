package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;

import dev.larder.history.HistoryIndex.ObservedClaim;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * No two claims hold one workspace at the same time. Checked twice: by the responses, where a hold begins at the
 * latest with the first response that shows it and ends at the earliest with the first request that may end it; and
 * by the rows of the database.
 */
final class ExclusivityCheck {

    private record Hold(UUID claim, long from, long until) {}

    private ExclusivityCheck() {}

    static void judge(History history, HistoryIndex index, Consumer<Violation> found) {
        Map<UUID, List<Hold>> told = new HashMap<>();
        for (ObservedClaim claim : index.known()) {
            FinalState.Claim kept = index.kept(claim.claim);
            if (claim.workspace != null && kept != null) {
                long until =
                        Math.min(claim.releaseCalled, LeaseCheck.heldUntil(kept, index) - history.toleranceNanos());
                add(told, claim.workspace, new Hold(claim.claim, claim.activeBy, until));
            }
        }
        told.forEach((workspace, holds) -> judge(workspace, holds, found));

        Map<UUID, List<Hold>> kept = new HashMap<>();
        for (FinalState.Claim claim : index.kept()) {
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
