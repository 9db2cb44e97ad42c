package dev.larder.history;

import dev.larder.history.Answer.Seen;
import dev.larder.history.Facts.Known;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;

/** What was acknowledged is in the database as it was told, and nothing is there that nobody asked for. */
final class Records {

    /** Instants are told and kept with different numbers of digits. */
    private static final long ROUNDING = 1_000_000;

    private Records() {}

    static void judge(History history, Facts facts, Consumer<Violation> found) {
        Set<UUID> wrong = new HashSet<>();
        for (Event event : history.events()) {
            if (event.answer() instanceof Answer.Shown(var claims, var replayed)) {
                for (Seen seen : claims) {
                    if (!wrong.contains(seen.claim()) && !holds(event, seen, facts, found)) {
                        wrong.add(seen.claim());
                    }
                }
            }
        }
        judgeUnasked(history, facts, found);
    }

    private static boolean holds(Event event, Seen seen, Facts facts, Consumer<Violation> found) {
        UUID claim = seen.claim();
        Tables.Claim kept = facts.kept(claim);
        if (kept == null) {
            found.accept(new Violation.Lost(claim, event));
            return false;
        }
        if (seen.workspace() != null && !seen.workspace().equals(kept.workspace())) {
            found.accept(new Violation.ToldOtherwise(claim, "workspace", seen.workspace(), workspace(kept)));
            return false;
        }
        if (seen.opened() != null && !seen.opened().equals(kept.workspace())) {
            found.accept(new Violation.ToldOtherwise(claim, "outputs", seen.opened(), workspace(kept)));
            return false;
        }
        // Who waits for one may get a cold one in the end.
        if (seen.workspace() != null && !seen.path().equals(kept.path())) {
            found.accept(new Violation.ToldOtherwise(claim, "path", seen.path(), kept.path()));
            return false;
        }
        if (seen.generation() != null && seen.generation() != kept.generation()) {
            found.accept(new Violation.ToldOtherwise(claim, "generation", seen.generation(), kept.generation()));
            return false;
        }
        if (seen.active() && facts.renewals(claim).isEmpty() && differ(seen.expires(), kept.expires())) {
            found.accept(new Violation.ToldOtherwise(claim, "expires", seen.expires(), kept.expires()));
            return false;
        }
        return !(event.call() instanceof Call.Claim(var key, var request))
                || madeAsAsked(event.user(), request, kept, facts, found);
    }

    private static Object workspace(Tables.Claim kept) {
        return kept.workspace() == null ? "none" : kept.workspace();
    }

    private static boolean differ(long told, long kept) {
        return Math.abs(told - kept) > ROUNDING;
    }

    private static boolean madeAsAsked(
            UUID user, Call.Request request, Tables.Claim kept, Facts facts, Consumer<Violation> found) {
        if (!user.equals(kept.user())) {
            found.accept(new Violation.ToldOtherwise(kept.id(), "user", user, kept.user()));
            return false;
        }
        Tables.Preset preset = facts.preset(kept.preset());
        if (preset == null || !request.presets().contains(preset.name())) {
            String name = preset == null ? "none" : preset.name();
            found.accept(new Violation.ToldOtherwise(kept.id(), "preset", request.presets(), name));
            return false;
        }
        return true;
    }

    /** A claim without a key that no answer told of must be the work of a call that got no answer. */
    private static void judgeUnasked(History history, Facts facts, Consumer<Violation> found) {
        Map<UUID, Integer> unanswered = new HashMap<>();
        for (Event event : history.events()) {
            if (event.call() instanceof Call.Claim(var key, var request)
                    && key == null
                    && event.answer() instanceof Answer.Unknown) {
                unanswered.merge(event.user(), 1, Integer::sum);
            }
        }
        for (Tables.Claim claim : facts.kept()) {
            if (claim.key() != null) {
                if (facts.askedFor(claim) < 0) {
                    found.accept(new Violation.NobodyAsked(claim.id()));
                }
                continue;
            }
            Known told = facts.known(claim.id());
            if ((told == null || told.granted == null) && unanswered.merge(claim.user(), -1, Integer::sum) < 0) {
                found.accept(new Violation.NobodyAsked(claim.id()));
            }
        }
    }
}
