package dev.larder.history;

import dev.larder.history.HistoryIndex.ObservedClaim;
import dev.larder.history.Response.Seen;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;

/** Every acknowledged change is in the database as it was acknowledged, and every claim there was requested. */
final class DurabilityCheck {

    /** Instants are told and kept with different numbers of digits. */
    private static final long ROUNDING = 1_000_000;

    private DurabilityCheck() {}

    static void judge(History history, HistoryIndex index, Consumer<Violation> found) {
        Set<UUID> wrong = new HashSet<>();
        for (Operation operation : history.operations()) {
            if (operation.response() instanceof Response.Shown(var claims, var replayed)) {
                for (Seen seen : claims) {
                    if (!wrong.contains(seen.claim()) && !holds(operation, seen, index, found)) {
                        wrong.add(seen.claim());
                    }
                }
            }
        }
        judgeUnasked(history, index, found);
    }

    private static boolean holds(Operation operation, Seen seen, HistoryIndex index, Consumer<Violation> found) {
        UUID claim = seen.claim();
        FinalState.Claim kept = index.kept(claim);
        if (kept == null) {
            found.accept(new Violation.AcknowledgedClaimLost(claim, operation));
            return false;
        }
        if (seen.workspace() != null && !seen.workspace().equals(kept.workspace())) {
            found.accept(new Violation.StateMismatch(claim, "workspace", seen.workspace(), workspace(kept)));
            return false;
        }
        if (seen.opened() != null && !seen.opened().equals(kept.workspace())) {
            found.accept(new Violation.StateMismatch(claim, "outputs", seen.opened(), workspace(kept)));
            return false;
        }
        // Who waits for one may get a cold one in the end.
        if (seen.workspace() != null && !seen.path().equals(kept.path())) {
            found.accept(new Violation.StateMismatch(claim, "path", seen.path(), kept.path()));
            return false;
        }
        if (seen.generation() != null && seen.generation() != kept.generation()) {
            found.accept(new Violation.StateMismatch(claim, "generation", seen.generation(), kept.generation()));
            return false;
        }
        if (seen.active() && index.renewals(claim).isEmpty() && differ(seen.expires(), kept.expires())) {
            found.accept(new Violation.StateMismatch(claim, "expires", seen.expires(), kept.expires()));
            return false;
        }
        return !(operation.request() instanceof Request.Claim(var key, var body))
                || madeAsAsked(operation.user(), body, kept, index, found);
    }

    private static Object workspace(FinalState.Claim kept) {
        return kept.workspace() == null ? "none" : kept.workspace();
    }

    private static boolean differ(long told, long kept) {
        return Math.abs(told - kept) > ROUNDING;
    }

    private static boolean madeAsAsked(
            UUID user, Request.ClaimBody body, FinalState.Claim kept, HistoryIndex index, Consumer<Violation> found) {
        if (!user.equals(kept.user())) {
            found.accept(new Violation.StateMismatch(kept.id(), "user", user, kept.user()));
            return false;
        }
        FinalState.Preset preset = index.preset(kept.preset());
        if (preset == null
                || body.presets().stream()
                        .noneMatch(asked -> index.line(body, asked).equals(preset.name()))) {
            String name = preset == null ? "none" : preset.name();
            found.accept(new Violation.StateMismatch(kept.id(), "preset", body.presets(), name));
            return false;
        }
        return true;
    }

    /** A claim without a key that no answer told of must be the work of a call that got no answer. */
    private static void judgeUnasked(History history, HistoryIndex index, Consumer<Violation> found) {
        Map<UUID, Integer> unanswered = new HashMap<>();
        for (Operation operation : history.operations()) {
            if (operation.request() instanceof Request.Claim(var key, var body)
                    && key == null
                    && operation.response() instanceof Response.Unknown) {
                unanswered.merge(operation.user(), 1, Integer::sum);
            }
        }
        for (FinalState.Claim claim : index.kept()) {
            if (claim.key() != null) {
                if (index.askedFor(claim) < 0) {
                    found.accept(new Violation.UnrequestedClaim(claim.id()));
                }
                continue;
            }
            ObservedClaim told = index.known(claim.id());
            if ((told == null || told.granted == null) && unanswered.merge(claim.user(), -1, Integer::sum) < 0) {
                found.accept(new Violation.UnrequestedClaim(claim.id()));
            }
        }
    }
}
