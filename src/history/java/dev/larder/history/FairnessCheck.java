package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;

import dev.larder.history.HistoryIndex.ObservedClaim;
import dev.larder.history.Response.Seen;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * A client that arrives is not served from stock while an earlier claim waits for a preset of the same line. A
 * violation needs a request that was sent after another client had been told that its claim waits, and that was
 * answered before that claim was served or ended. The order among waiting claims is not checked: two claims that began
 * to wait at about the same time may be in either order.
 */
final class FairnessCheck {

    private record Waiting(UUID claim, long from, long until) {}

    private FairnessCheck() {}

    static void judge(History history, HistoryIndex index, Consumer<Violation> found) {
        Map<String, List<Waiting>> lines = new HashMap<>();
        for (ObservedClaim claim : index.known()) {
            FinalState.Claim kept = index.kept(claim.claim);
            if (kept != null && claim.waitingBy != NEVER) {
                long over = Math.min(kept.waitsUntil(), Math.min(kept.granted(), kept.ended()));
                long until = over - history.toleranceNanos();
                if (claim.waitingBy < until) {
                    lines.computeIfAbsent(index.line(kept.preset()), unseen -> new ArrayList<>())
                            .add(new Waiting(claim.claim, claim.waitingBy, until));
                }
            }
        }
        for (List<Waiting> line : lines.values()) {
            line.sort(Comparator.comparingLong(Waiting::from));
            keepLongest(line);
        }
        for (Operation operation : history.operations()) {
            if (operation.request() instanceof Request.Claim
                    && operation.response() instanceof Response.Shown(var claims, var replayed)) {
                if (!replayed) {
                    claims.forEach(seen -> judge(operation, seen, lines, index, found));
                }
            }
        }
    }

    /** Each place of the line becomes the one who waits longest of those who came until then. */
    private static void keepLongest(List<Waiting> line) {
        Waiting longest = line.getFirst();
        for (int place = 1; place < line.size(); place++) {
            Waiting one = line.get(place);
            longest = one.until() > longest.until() ? one : longest;
            line.set(place, new Waiting(longest.claim(), one.from(), longest.until()));
        }
    }

    private static void judge(
            Operation operation,
            Seen seen,
            Map<String, List<Waiting>> lines,
            HistoryIndex index,
            Consumer<Violation> found) {
        FinalState.Claim kept = index.kept(seen.claim());
        if (kept == null || !seen.path().equals("warm")) {
            return;
        }
        List<Waiting> line = lines.getOrDefault(index.line(kept.preset()), List.of());
        int low = 0;
        int high = line.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (line.get(middle).from() < operation.sent()) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low > 0 && line.get(low - 1).until() > operation.received()) {
            found.accept(new Violation.WaiterOvertaken(line.get(low - 1).claim(), operation));
        }
    }
}
