package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;

import dev.larder.history.HistoryIndex.ObservedClaim;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Each request gets a response that the API allows, and no client gets at a claim of another user. */
final class ResponseCheck {

    private static final long SECOND = 1_000_000_000;

    private ResponseCheck() {}

    static void judge(History history, HistoryIndex index, Consumer<Violation> found) {
        for (Operation operation : history.operations()) {
            boolean another = aboutAnothersClaim(operation, index);
            boolean expected = switch (operation.response()) {
                case Response.Refused refused ->
                    another ? refused.status() == 404 : mayRefuse(operation, refused.word(), index);
                case Response.Shown shown -> another || mayShow(operation.request(), shown);
                case Response.Done done ->
                    operation.request() instanceof Request.Release
                            || operation.request().administers();
                case Response.Unknown unknown -> true;
            };
            if (!expected) {
                found.accept(new Violation.Unexpected(operation));
            } else if (another
                    && (operation.response() instanceof Response.Shown
                            || operation.response() instanceof Response.Done)) {
                found.accept(new Violation.ForeignAccess(operation));
            }
        }
    }

    private static boolean mayShow(Request call, Response.Shown shown) {
        int claims = shown.claims().size();
        return switch (call) {
            case Request.Claim(var key, var body) -> claims >= body.atLeast() && claims <= body.count();
            case Request.Read look -> claims == 1;
            case Request.Renew renew -> claims == 1;
            case Request.Release release -> false;
            case Request.Invalidate invalidate -> false;
            case Request.Declare declare -> false;
            case Request.RollBack rollBack -> false;
        };
    }

    private static boolean mayRefuse(Operation operation, String refusal, HistoryIndex index) {
        return switch (operation.request()) {
            case Request.Claim(var key, var body) ->
                switch (refusal) {
                    case "422 idempotency_key_reused" -> key != null;
                    case "409 no_claimable_workspace", "409 creation_stopped" ->
                        !body.policy().endsWith("cold");
                    case "409 claim_ended", "429 too_many_waiting" -> body.waits();
                    case "409 preset_not_active" -> mayBeInactive(operation, body, index);
                    default -> false;
                };
            case Request.Read look -> false;
            case Request.Renew(var claim, var ttl, var generation) ->
                refusal.equals("409 claim_ended")
                        || (refusal.equals("412 generation_mismatch")
                                && isAnother(generation, claim, operation, index));
            case Request.Release(var claim, var generation) ->
                refusal.equals("412 generation_mismatch") && isAnother(generation, claim, operation, index);
            case Request.Invalidate invalidate -> false;
            case Request.Declare declare -> false;
            case Request.RollBack(var rollout) ->
                refusal.equals("409 rollout_ended") && index.mayHaveEnded(rollout, operation.received());
        };
    }

    /**
     * The version whose id was asked for was not handed out all the time. A name is looked up again where its version
     * is not handed out any more, so that two of its versions must have ended meanwhile.
     */
    private static boolean mayBeInactive(Operation operation, Request.ClaimBody body, HistoryIndex index) {
        return body.presets().stream()
                .anyMatch(preset -> body.byId()
                        ? !index.serving().surelyServed(UUID.fromString(preset), operation.sent(), operation.received())
                        : index.serving().mayHaveEndedTwice(preset, operation.sent(), operation.received()));
    }

    /** As long as a claim waits, no generation fits; its instants are a server's, so near them all is possible. */
    private static boolean isAnother(
            @Nullable Integer generation, UUID claim, Operation operation, HistoryIndex index) {
        FinalState.Claim kept = index.kept(claim);
        if (generation == null || kept == null) {
            return false;
        }
        boolean mayHaveWaited = kept.waitsUntil() != NEVER && operation.sent() < kept.granted() + SECOND;
        return mayHaveWaited || generation != kept.generation();
    }

    private static boolean aboutAnothersClaim(Operation operation, HistoryIndex index) {
        return switch (operation.request()) {
            case Request.Read(var claim) -> isAnothers(claim, operation.user(), index);
            case Request.Renew renew -> isAnothers(renew.claim(), operation.user(), index);
            case Request.Release release -> isAnothers(release.claim(), operation.user(), index);
            case Request.Claim claim -> false;
            case Request.Invalidate invalidate -> false;
            case Request.Declare declare -> false;
            case Request.RollBack rollBack -> false;
        };
    }

    /** By whom the claim was made, as its maker was told; by the database only where no answer arrived. */
    private static boolean isAnothers(UUID claim, UUID user, HistoryIndex index) {
        ObservedClaim known = index.known(claim);
        if (known != null && known.granted != null) {
            return !known.granted.user().equals(user);
        }
        FinalState.Claim kept = index.kept(claim);
        return kept != null && !kept.user().equals(user);
    }
}
