package dev.larder.claim;

import dev.larder.claim.ClaimReads.Earlier;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;
import java.util.function.Supplier;

/** Finds the result of an earlier request under the same idempotency key. */
@ApplicationScoped
class EarlierClaims {

    private final ClaimReads reads;

    EarlierClaims(ClaimReads reads) {
        this.reads = reads;
    }

    /** The earlier request's outcome; empty where there was none, or this one has no key. */
    Uni<Optional<Outcome>> of(ClaimAttempt attempt) {
        return attempt.claim()
                .key()
                .map(key -> reads.findByKey(attempt.caller().userId(), key)
                        .map(earlier -> earlier.map(EarlierClaims::outcome)))
                .orElseGet(() -> Uni.createFrom().item(Optional.empty()));
    }

    /** The earlier request's outcome, or else this one. */
    Uni<Outcome> orElse(ClaimAttempt attempt, Outcome otherwise) {
        return of(attempt).map(earlier -> earlier.orElse(otherwise));
    }

    /** The earlier request's outcome, or else what this one comes to. */
    Uni<Outcome> orElseGet(ClaimAttempt attempt, Supplier<Uni<Outcome>> otherwise) {
        return of(attempt).chain(earlier -> earlier.map(Uni.createFrom()::item).orElseGet(otherwise));
    }

    private static Outcome outcome(Earlier earlier) {
        return earlier.sameRequest() ? new Outcome.Replayed(earlier.claims(), earlier.path()) : new Outcome.KeyReused();
    }
}
