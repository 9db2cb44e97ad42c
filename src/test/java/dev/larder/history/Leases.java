package dev.larder.history;

import static dev.larder.history.Tables.NEVER;

import dev.larder.history.Facts.Known;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A leased claim lasts as long as was acknowledged and is not prolonged once that is over. An acknowledged renewal sets the
 * end to its time from some instant between call and answer; of an unanswered one nobody knows whether it did.
 */
final class Leases {

    private static final long SECOND = 1_000_000_000;

    private Leases() {}

    static void judge(History history, Facts facts, Consumer<Violation> found) {
        for (Event event : history.events()) {
            if (event.call() instanceof Call.Renew renew) {
                Tables.Claim kept = facts.kept(renew.claim());
                Known known = facts.known(renew.claim());
                if (kept != null && known != null) {
                    judge(event, renew, kept, known, facts, history.toleranceNanos(), found);
                }
            }
        }
    }

    private static void judge(
            Event event,
            Call.Renew renew,
            Tables.Claim kept,
            Known known,
            Facts facts,
            long tolerance,
            Consumer<Violation> found) {
        boolean renewed = event.answer() instanceof Answer.Shown;
        if (renewed && (event.called() > known.endedBy || event.called() > latestEnd(event, kept, facts, tolerance))) {
            found.accept(new Violation.RenewedAfterEnd(renew.claim(), event));
        }
        if (renewed && renew.generation() != null && renew.generation() != kept.generation()) {
            found.accept(new Violation.RenewedAnother(renew.claim(), event));
        }
        boolean held = known.activeBy < event.called()
                && known.releaseCalled > event.answered()
                && earliestEnd(kept, facts) > event.answered() + tolerance
                && !(kept.reason().equals("build_failed") && kept.ended() <= event.answered() + tolerance);
        if (held
                && event.answer() instanceof Answer.Refused refused
                && refused.code().equals("claim_ended")) {
            found.accept(new Violation.EndedUnasked(renew.claim(), "told at a renewal"));
        }
    }

    /** The latest instant at which it may have expired if it was not for this renewal and those called after it. */
    private static long latestEnd(Event event, Tables.Claim kept, Facts facts, long tolerance) {
        Call.@Nullable Request request = facts.request(kept);
        if (request == null || kept.granted() == NEVER) {
            return NEVER;
        }
        boolean leased = request.ttlSeconds() > 0;
        long end = leased ? kept.granted() + request.ttlSeconds() * SECOND : 0;
        for (Event other : facts.renewals(kept.id())) {
            if (!other.equals(event) && other.called() <= event.answered()) {
                if (other.answer() instanceof Answer.Unknown) {
                    return NEVER;
                }
                leased |= other.answered() < event.called();
                end = Math.max(end, other.answered() + ttl(other));
            }
        }
        return leased ? end + tolerance : NEVER;
    }

    /** The earliest instant at which it may have expired by any of what was set. */
    static long earliestEnd(Tables.Claim kept, Facts facts) {
        return earliest(kept, facts.renewals(kept.id()), facts);
    }

    /**
     * Until when, at least, it was held if it was not given back: what was set last counts, and it is not known of those
     * that overlap or were not answered which that is.
     */
    static long heldUntil(Tables.Claim kept, Facts facts) {
        List<Event> renewals = facts.renewals(kept.id());
        long lastCall = -1;
        for (Event renewal : renewals) {
            if (renewal.answer() instanceof Answer.Shown) {
                lastCall = Math.max(lastCall, renewal.called());
            }
        }
        if (lastCall < 0) {
            return earliest(kept, renewals, facts);
        }
        long end = NEVER;
        for (Event renewal : renewals) {
            boolean surelyBefore = renewal.answer() instanceof Answer.Shown && renewal.answered() < lastCall;
            if (!surelyBefore) {
                end = Math.min(end, renewal.called() + ttl(renewal));
            }
        }
        return end;
    }

    private static long earliest(Tables.Claim kept, List<Event> renewals, Facts facts) {
        Call.@Nullable Request request = facts.request(kept);
        long granted = Math.max(facts.askedFor(kept), 0);
        // Where nobody was told of it, nobody knows what it was made for.
        long end =
                request == null ? granted : request.ttlSeconds() == 0 ? NEVER : granted + request.ttlSeconds() * SECOND;
        for (Event renewal : renewals) {
            end = Math.min(end, renewal.called() + ttl(renewal));
        }
        return end;
    }

    private static long ttl(Event renewal) {
        return renewal.call() instanceof Call.Renew renew ? renew.ttlSeconds() * SECOND : 0;
    }
}
