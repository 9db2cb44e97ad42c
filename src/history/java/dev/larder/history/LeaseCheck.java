package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;

import dev.larder.history.HistoryIndex.ObservedClaim;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A leased claim lasts as long as was acknowledged and cannot be renewed after its end. An acknowledged renewal
 * sets the end from some instant between request and response; a renewal without a response may have done so or
 * not.
 */
final class LeaseCheck {

    private static final long SECOND = 1_000_000_000;

    private LeaseCheck() {}

    static void judge(History history, HistoryIndex index, Consumer<Violation> found) {
        for (Operation operation : history.operations()) {
            if (operation.request() instanceof Request.Renew renew) {
                FinalState.Claim kept = index.kept(renew.claim());
                ObservedClaim known = index.known(renew.claim());
                if (kept != null && known != null) {
                    judge(operation, renew, kept, known, index, history.toleranceNanos(), found);
                }
            }
        }
    }

    private static void judge(
            Operation operation,
            Request.Renew renew,
            FinalState.Claim kept,
            ObservedClaim known,
            HistoryIndex index,
            long tolerance,
            Consumer<Violation> found) {
        boolean renewed = operation.response() instanceof Response.Shown;
        if (renewed
                && (operation.sent() > known.endedBy
                        || operation.sent() > latestEnd(operation, kept, index, tolerance))) {
            found.accept(new Violation.RenewedAfterEnd(renew.claim(), operation));
        }
        if (renewed && renew.generation() != null && renew.generation() != kept.generation()) {
            found.accept(new Violation.RenewedOtherGeneration(renew.claim(), operation));
        }
        boolean held = known.activeBy < operation.sent()
                && known.releaseCalled > operation.received()
                && earliestEnd(kept, index) > operation.received() + tolerance
                && !(kept.reason().equals("build_failed") && kept.ended() <= operation.received() + tolerance);
        if (held
                && operation.response() instanceof Response.Refused refused
                && refused.code().equals("claim_ended")) {
            found.accept(new Violation.EndedWithoutCause(renew.claim(), "told at a renewal"));
        }
    }

    /** The latest instant at which it may have expired if it was not for this renewal and those called after it. */
    private static long latestEnd(Operation operation, FinalState.Claim kept, HistoryIndex index, long tolerance) {
        Request.@Nullable ClaimBody body = index.claimBody(kept);
        if (body == null || kept.granted() == NEVER) {
            return NEVER;
        }
        boolean leased = body.ttlSeconds() > 0;
        long end = leased ? kept.granted() + body.ttlSeconds() * SECOND : 0;
        for (Operation other : index.renewals(kept.id())) {
            if (!other.equals(operation) && other.sent() <= operation.received()) {
                if (other.response() instanceof Response.Unknown) {
                    return NEVER;
                }
                leased |= other.received() < operation.sent();
                end = Math.max(end, other.received() + ttl(other));
            }
        }
        return leased ? end + tolerance : NEVER;
    }

    /** The earliest instant at which it may have expired by any of what was set. */
    static long earliestEnd(FinalState.Claim kept, HistoryIndex index) {
        return earliest(kept, index.renewals(kept.id()), index);
    }

    /**
     * Until when, at least, it was held if it was not given back: what was set last counts, and it is not known of
     * those that overlap or were not answered which that is.
     */
    static long heldUntil(FinalState.Claim kept, HistoryIndex index) {
        List<Operation> renewals = index.renewals(kept.id());
        long lastCall = -1;
        for (Operation renewal : renewals) {
            if (renewal.response() instanceof Response.Shown) {
                lastCall = Math.max(lastCall, renewal.sent());
            }
        }
        if (lastCall < 0) {
            return earliest(kept, renewals, index);
        }
        long end = NEVER;
        for (Operation renewal : renewals) {
            boolean surelyBefore = renewal.response() instanceof Response.Shown && renewal.received() < lastCall;
            if (!surelyBefore) {
                end = Math.min(end, renewal.sent() + ttl(renewal));
            }
        }
        return end;
    }

    private static long earliest(FinalState.Claim kept, List<Operation> renewals, HistoryIndex index) {
        Request.@Nullable ClaimBody body = index.claimBody(kept);
        long granted = Math.max(index.askedFor(kept), 0);
        // Where nobody was told of it, nobody knows what it was made for.
        long end = body == null ? granted : body.ttlSeconds() == 0 ? NEVER : granted + body.ttlSeconds() * SECOND;
        for (Operation renewal : renewals) {
            end = Math.min(end, renewal.sent() + ttl(renewal));
        }
        return end;
    }

    private static long ttl(Operation renewal) {
        return renewal.request() instanceof Request.Renew renew ? renew.ttlSeconds() * SECOND : 0;
    }
}
