package dev.larder.history;

import dev.larder.history.Facts.Known;
import java.util.UUID;
import java.util.function.Consumer;

/** Whether each call got an answer it may get, and nobody one that is another's. */
final class Answers {

    private Answers() {}

    static void judge(History history, Facts facts, Consumer<Violation> found) {
        for (Event event : history.events()) {
            boolean another = aboutAnothersClaim(event, facts);
            switch (event.answer()) {
                case Answer.Refused refused -> {
                    boolean asItShould = another ? refused.status() == 404 : mayRefuse(event.call(), refused.word());
                    if (!asItShould) {
                        found.accept(new Violation.Unexpected(event));
                    }
                }
                case Answer.Shown shown -> {
                    if (another) {
                        found.accept(new Violation.Leaked(event));
                    } else if (shown.claims().isEmpty() || event.call() instanceof Call.Release) {
                        found.accept(new Violation.Unexpected(event));
                    }
                }
                case Answer.Done done -> {
                    if (another) {
                        found.accept(new Violation.Leaked(event));
                    } else if (event.call() instanceof Call.Claim || event.call() instanceof Call.Look) {
                        found.accept(new Violation.Unexpected(event));
                    }
                }
                case Answer.Unknown unknown -> {}
            }
        }
    }

    private static boolean mayRefuse(Call call, String refusal) {
        return switch (call) {
            case Call.Claim claim ->
                refusal.equals("409 no_claimable_workspace") || refusal.equals("422 idempotency_key_reused");
            case Call.Look look -> false;
            case Call.Release release -> false;
            case Call.Invalidate invalidate -> false;
        };
    }

    private static boolean aboutAnothersClaim(Event event, Facts facts) {
        return switch (event.call()) {
            case Call.Look(var claim) -> isAnothers(claim, event.user(), facts);
            case Call.Release(var claim) -> isAnothers(claim, event.user(), facts);
            case Call.Claim claim -> false;
            case Call.Invalidate invalidate -> false;
        };
    }

    /** By whom the claim was made, as its maker was told; by the database only where no answer arrived. */
    private static boolean isAnothers(UUID claim, UUID user, Facts facts) {
        Known known = facts.known(claim);
        if (known != null && known.granted != null) {
            return !known.granted.user().equals(user);
        }
        Tables.Claim kept = facts.kept(claim);
        return kept != null && !kept.user().equals(user);
    }
}
