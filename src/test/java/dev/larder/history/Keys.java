package dev.larder.history;

import static dev.larder.history.Tables.NEVER;

import dev.larder.history.Answer.Seen;
import dev.larder.history.Facts.Key;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One key stands for one request and gets the same claims for ever, whoever answers it and whatever was killed meanwhile;
 * another request under it is refused.
 */
final class Keys {

    private Keys() {}

    static void judge(History history, Facts facts, Consumer<Violation> found) {
        facts.keyed().forEach((key, calls) -> judge(key, calls, facts.kept(key), found));
    }

    private static void judge(Key key, List<Event> calls, List<Tables.Claim> kept, Consumer<Violation> found) {
        Event granted = null;
        long grantedBy = NEVER;
        boolean unanswered = false;
        for (Event call : calls) {
            if (call.answer() instanceof Answer.Shown) {
                granted = granted == null ? call : granted;
                grantedBy = Math.min(grantedBy, call.answered());
            }
            unanswered |= call.answer() instanceof Answer.Unknown;
        }
        Set<UUID> claims = kept.stream().map(Tables.Claim::id).collect(Collectors.toSet());
        // Who waited in vain is told so under the key, with the claim as the record of it.
        boolean gaveUp = kept.size() == 1
                && kept.getFirst().workspace() == null
                && !kept.getFirst().lasts();
        if (granted != null) {
            judgeGranted(key, calls, granted, claims, found);
        } else if (!kept.isEmpty() && !unanswered && !gaveUp) {
            found.accept(new Violation.TakenThoughRefused(key.user(), key.text(), claims));
        }
        if (!kept.isEmpty() && calls.stream().noneMatch(call -> mayHaveMade(call, kept.size()))) {
            found.accept(new Violation.BatchTorn(key.user(), key.text(), kept.size()));
        }
        for (Event call : calls) {
            judgeRefused(call, calls, granted, grantedBy, gaveUp, found);
        }
    }

    private static boolean mayHaveMade(Event call, int claims) {
        return claims >= request(call).atLeast() && claims <= request(call).count();
    }

    private static void judgeGranted(
            Key key, List<Event> calls, Event granted, Set<UUID> kept, Consumer<Violation> found) {
        Set<UUID> claims = claims(granted);
        for (Event call : calls) {
            if (call.answer() instanceof Answer.Shown) {
                if (!claims(call).equals(claims)) {
                    found.accept(new Violation.KeyAnsweredTwice(key.user(), key.text(), claims, claims(call)));
                }
                if (!request(call).equals(request(granted))) {
                    found.accept(new Violation.KeyServedAnother(key.user(), key.text(), call));
                }
            }
        }
        // One that is missing altogether is lost; one that is there has another key.
        if (!kept.equals(claims)) {
            found.accept(new Violation.KeyAnsweredTwice(key.user(), key.text(), claims, kept));
        }
    }

    private static void judgeRefused(
            Event call,
            List<Event> calls,
            @Nullable Event granted,
            long grantedBy,
            boolean gaveUp,
            Consumer<Violation> found) {
        if (!(call.answer() instanceof Answer.Refused refused)) {
            return;
        }
        boolean reused = refused.code().equals("idempotency_key_reused");
        boolean own = granted == null || request(call).equals(request(granted));
        boolean waitedInVain = own && request(call).waits() && !reused;
        if (waitedInVain) {
            if (!gaveUp && !refused.code().equals("too_many_waiting")) {
                found.accept(new Violation.KeyForgotten(call));
            }
        } else if (call.called() > grantedBy && (own || !reused)) {
            found.accept(new Violation.KeyForgotten(call));
        } else if (reused && calls.stream().noneMatch(other -> mayHaveTaken(other, call, gaveUp))) {
            found.accept(new Violation.KeyRefusedWrongly(call));
        }
    }

    /** Whether the other call may have put another request under the key before this one was answered. */
    private static boolean mayHaveTaken(Event other, Event refused, boolean gaveUp) {
        return !request(other).equals(request(refused))
                && other.called() < refused.answered()
                && (!(other.answer() instanceof Answer.Refused)
                        || (gaveUp && request(other).waits()));
    }

    private static Call.Request request(Event event) {
        if (event.call() instanceof Call.Claim(var key, var request)) {
            return request;
        }
        throw new IllegalArgumentException("no claim: " + event);
    }

    private static Set<UUID> claims(Event event) {
        return event.answer() instanceof Answer.Shown(var claims, var replayed)
                ? claims.stream().map(Seen::claim).collect(Collectors.toSet())
                : Set.of();
    }
}
