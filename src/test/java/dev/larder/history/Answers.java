package dev.larder.history;

import static dev.larder.history.Tables.NEVER;

import dev.larder.history.Facts.Known;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Whether each call got an answer it may get, and nobody one that is another's. */
final class Answers {

    private static final long SECOND = 1_000_000_000;

    private Answers() {}

    static void judge(History history, Facts facts, Consumer<Violation> found) {
        for (Event event : history.events()) {
            boolean another = aboutAnothersClaim(event, facts);
            boolean expected = switch (event.answer()) {
                case Answer.Refused refused ->
                    another ? refused.status() == 404 : mayRefuse(event, refused.word(), facts);
                case Answer.Shown shown -> another || mayShow(event.call(), shown);
                case Answer.Done done ->
                    event.call() instanceof Call.Release || event.call() instanceof Call.Invalidate;
                case Answer.Unknown unknown -> true;
            };
            if (!expected) {
                found.accept(new Violation.Unexpected(event));
            } else if (another && (event.answer() instanceof Answer.Shown || event.answer() instanceof Answer.Done)) {
                found.accept(new Violation.Leaked(event));
            }
        }
    }

    private static boolean mayShow(Call call, Answer.Shown shown) {
        int claims = shown.claims().size();
        return switch (call) {
            case Call.Claim(var key, var request) -> claims >= request.atLeast() && claims <= request.count();
            case Call.Look look -> claims == 1;
            case Call.Renew renew -> claims == 1;
            case Call.Release release -> false;
            case Call.Invalidate invalidate -> false;
        };
    }

    private static boolean mayRefuse(Event event, String refusal, Facts facts) {
        return switch (event.call()) {
            case Call.Claim(var key, var request) ->
                switch (refusal) {
                    case "422 idempotency_key_reused" -> key != null;
                    case "409 no_claimable_workspace", "409 creation_stopped" ->
                        !request.policy().endsWith("cold");
                    case "409 claim_ended", "429 too_many_waiting" -> request.waits();
                    default -> false;
                };
            case Call.Look look -> false;
            case Call.Renew(var claim, var ttl, var generation) ->
                refusal.equals("409 claim_ended")
                        || (refusal.equals("412 generation_mismatch") && isAnother(generation, claim, event, facts));
            case Call.Release(var claim, var generation) ->
                refusal.equals("412 generation_mismatch") && isAnother(generation, claim, event, facts);
            case Call.Invalidate invalidate -> false;
        };
    }

    /** As long as a claim waits, no generation fits; its instants are a server's, so near them all is possible. */
    private static boolean isAnother(@Nullable Integer generation, UUID claim, Event event, Facts facts) {
        Tables.Claim kept = facts.kept(claim);
        if (generation == null || kept == null) {
            return false;
        }
        boolean mayHaveWaited = kept.waitsUntil() != NEVER && event.called() < kept.granted() + SECOND;
        return mayHaveWaited || generation != kept.generation();
    }

    private static boolean aboutAnothersClaim(Event event, Facts facts) {
        return switch (event.call()) {
            case Call.Look(var claim) -> isAnothers(claim, event.user(), facts);
            case Call.Renew renew -> isAnothers(renew.claim(), event.user(), facts);
            case Call.Release release -> isAnothers(release.claim(), event.user(), facts);
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
