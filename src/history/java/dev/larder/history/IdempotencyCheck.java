package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;

import dev.larder.history.HistoryIndex.Key;
import dev.larder.history.Response.Seen;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One idempotency key stands for one request and always gives the same claims, on every server and after every kill. A
 * different request with the same key is refused.
 */
final class IdempotencyCheck {

    private IdempotencyCheck() {}

    static void judge(History history, HistoryIndex index, Consumer<Violation> found) {
        index.keyed().forEach((key, calls) -> judge(key, calls, index.kept(key), found));
    }

    private static void judge(Key key, List<Operation> calls, List<FinalState.Claim> kept, Consumer<Violation> found) {
        Operation granted = null;
        long grantedBy = NEVER;
        boolean unanswered = false;
        for (Operation call : calls) {
            if (call.response() instanceof Response.Shown) {
                granted = granted == null ? call : granted;
                grantedBy = Math.min(grantedBy, call.received());
            }
            unanswered |= call.response() instanceof Response.Unknown;
        }
        Set<UUID> claims = kept.stream().map(FinalState.Claim::id).collect(Collectors.toSet());
        // Who waited in vain is told so under the key, with the claim as the record of it.
        boolean gaveUp = kept.size() == 1
                && kept.getFirst().workspace() == null
                && !kept.getFirst().lasts();
        if (granted != null) {
            judgeGranted(key, calls, granted, claims, found);
        } else if (!kept.isEmpty() && !unanswered && !gaveUp) {
            found.accept(new Violation.ClaimedThoughRefused(key.user(), key.text(), claims));
        }
        if (!kept.isEmpty() && calls.stream().noneMatch(call -> mayHaveMade(call, kept.size()))) {
            found.accept(new Violation.WrongBatchSize(key.user(), key.text(), kept.size()));
        }
        for (Operation call : calls) {
            judgeRefused(call, calls, granted, grantedBy, gaveUp, found);
        }
    }

    private static boolean mayHaveMade(Operation call, int claims) {
        return claims >= claimBody(call).atLeast() && claims <= claimBody(call).count();
    }

    private static void judgeGranted(
            Key key, List<Operation> calls, Operation granted, Set<UUID> kept, Consumer<Violation> found) {
        Set<UUID> claims = claims(granted);
        for (Operation call : calls) {
            if (call.response() instanceof Response.Shown) {
                if (!claims(call).equals(claims)) {
                    found.accept(new Violation.KeyWithTwoResults(key.user(), key.text(), claims, claims(call)));
                }
                if (!claimBody(call).equals(claimBody(granted))) {
                    found.accept(new Violation.KeyReusedForOtherRequest(key.user(), key.text(), call));
                }
            }
        }
        // One that is missing altogether is lost; one that is there has another key.
        if (!kept.equals(claims)) {
            found.accept(new Violation.KeyWithTwoResults(key.user(), key.text(), claims, kept));
        }
    }

    private static void judgeRefused(
            Operation call,
            List<Operation> calls,
            @Nullable Operation granted,
            long grantedBy,
            boolean gaveUp,
            Consumer<Violation> found) {
        if (!(call.response() instanceof Response.Refused refused)) {
            return;
        }
        boolean reused = refused.code().equals("idempotency_key_reused");
        boolean own = granted == null || claimBody(call).equals(claimBody(granted));
        boolean waitedInVain = own && claimBody(call).waits() && !reused;
        if (waitedInVain) {
            boolean inactive = refused.code().equals("preset_not_active") && call.sent() <= grantedBy;
            if (!gaveUp && !inactive && !refused.code().equals("too_many_waiting")) {
                found.accept(new Violation.KeyForgotten(call));
            }
        } else if (call.sent() > grantedBy && (own || !reused)) {
            found.accept(new Violation.KeyForgotten(call));
        } else if (reused && calls.stream().noneMatch(other -> mayHaveTaken(other, call, gaveUp))) {
            found.accept(new Violation.KeyRefusedWrongly(call));
        }
    }

    /** Whether the other call may have put another body under the key before this one was answered. */
    private static boolean mayHaveTaken(Operation other, Operation refused, boolean gaveUp) {
        return !claimBody(other).equals(claimBody(refused))
                && other.sent() < refused.received()
                && (!(other.response() instanceof Response.Refused)
                        || (gaveUp && claimBody(other).waits()));
    }

    private static Request.ClaimBody claimBody(Operation operation) {
        if (operation.request() instanceof Request.Claim(var key, var body)) {
            return body;
        }
        throw new IllegalArgumentException("no claim: " + operation);
    }

    private static Set<UUID> claims(Operation operation) {
        return operation.response() instanceof Response.Shown(var claims, var replayed)
                ? claims.stream().map(Seen::claim).collect(Collectors.toSet())
                : Set.of();
    }
}
