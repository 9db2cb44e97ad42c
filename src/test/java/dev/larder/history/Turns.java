package dev.larder.history;

import static dev.larder.history.Tables.NEVER;

import dev.larder.history.Answer.Seen;
import dev.larder.history.Facts.Known;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * Nobody who arrives is served from stock while somebody waits for the same preset: not one who called after an answer had
 * said that the other waits and who was answered before the other was served or gave up. The order among those who wait is
 * not judged: two who began to wait at about the same time may have done so in either order.
 */
final class Turns {

    private record Waiting(UUID claim, long from, long until) {}

    private Turns() {}

    static void judge(History history, Facts facts, Consumer<Violation> found) {
        Map<UUID, List<Waiting>> lines = new HashMap<>();
        for (Known claim : facts.known()) {
            Tables.Claim kept = facts.kept(claim.claim);
            if (kept != null && claim.waitingBy != NEVER) {
                long over = Math.min(kept.waitsUntil(), Math.min(kept.granted(), kept.ended()));
                long until = over - history.toleranceNanos();
                if (claim.waitingBy < until) {
                    lines.computeIfAbsent(kept.preset(), unseen -> new ArrayList<>())
                            .add(new Waiting(claim.claim, claim.waitingBy, until));
                }
            }
        }
        for (List<Waiting> line : lines.values()) {
            line.sort(Comparator.comparingLong(Waiting::from));
            keepLongest(line);
        }
        for (Event event : history.events()) {
            if (event.call() instanceof Call.Claim
                    && event.answer() instanceof Answer.Shown(var claims, var replayed)) {
                if (!replayed) {
                    claims.forEach(seen -> judge(event, seen, lines, facts, found));
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
            Event event, Seen seen, Map<UUID, List<Waiting>> lines, Facts facts, Consumer<Violation> found) {
        Tables.Claim kept = facts.kept(seen.claim());
        if (kept == null || !seen.path().equals("warm")) {
            return;
        }
        List<Waiting> line = lines.getOrDefault(kept.preset(), List.of());
        int low = 0;
        int high = line.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (line.get(middle).from() < event.called()) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low > 0 && line.get(low - 1).until() > event.answered()) {
            found.accept(new Violation.PassedOver(line.get(low - 1).claim(), event));
        }
    }
}
