package dev.larder.claim;

import dev.larder.database.Encryption;
import dev.larder.http.PreferWait;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** A request for workspaces, from what it asks for to its answer, whichever address it was sent to. */
@ApplicationScoped
class ClaimCalls {

    private static final Logger LOG = Logger.getLogger(ClaimCalls.class);
    private static final int KEY_MAX = 255;

    private final Claims claims;
    private final ClaimAnswers answers;
    private final Releases releases;
    private final ClaimObserver observer;
    private final ClaimSettings settings;
    private final InstantSource clock;

    ClaimCalls(
            Claims claims,
            ClaimAnswers answers,
            Releases releases,
            ClaimObserver observer,
            ClaimSettings settings,
            InstantSource clock) {
        this.claims = claims;
        this.answers = answers;
        this.releases = releases;
        this.observer = observer;
        this.settings = settings;
        this.clock = clock;
    }

    /** @param prefer the header that says how long the call is held where the claim waits */
    Uni<RestResponse<Object>> create(
            Caller asking, ClaimRequest request, Optional<String> key, @Nullable String prefer) {
        Duration hold = PreferWait.of(prefer).orElse(settings.hold());
        request.refuseUnlessAllowed(asking);
        Instant asked = clock.instant();
        return claims.claim(asking, request, key)
                .invoke(outcome -> observe(outcome, asked))
                .chain(outcome -> answer(asking, request, outcome, hold));
    }

    private Uni<RestResponse<Object>> answer(Caller asking, ClaimRequest request, Outcome outcome, Duration hold) {
        return Uni.createFrom()
                .deferred(() -> answers.of(asking, request, outcome, hold))
                .onFailure(Encryption.UnreadableException.class)
                .recoverWithUni(unreadable -> takeBack(outcome, unreadable));
    }

    /**
     * A claim is granted where its answer can be given: with a damaged secret it is ended, and the
     * workspace goes.
     */
    private Uni<RestResponse<Object>> takeBack(Outcome outcome, Throwable unreadable) {
        LOG.errorf("a claim was taken back, its workspace cannot be opened cause=%s", unreadable.getMessage());
        List<UUID> claims = outcome instanceof Outcome.Given(var given, var unused)
                ? given.stream().map(Claim::id).toList()
                : List.of();
        return Multi.createFrom()
                .iterable(claims)
                .onItem()
                .transformToUniAndConcatenate(claim -> releases.giveBack(claim, OptionalInt.empty()))
                .collect()
                .asList()
                .chain(back -> Uni.createFrom().failure(unreadable()));
    }

    private static Problem unreadable() {
        return Problem.of(
                        503,
                        "workspace_unreadable",
                        "The outputs of the workspace cannot be opened, and it was taken back; ask for another one, under another key.")
                .withHeader("Retry-After", "1");
    }

    private void observe(Outcome outcome, Instant asked) {
        observer.answered(outcome.path(), outcome.word(), Duration.between(asked, clock.instant()));
        if (outcome instanceof Outcome.Given(var unused, var stages)) {
            stages.ifPresent(took -> observer.took(took.queued(), took.picked()));
        }
    }

    /** Reads the header {@code Idempotency-Key}. */
    static Optional<String> key(@Nullable String header) {
        if (header != null && (header.isBlank() || header.length() > KEY_MAX)) {
            throw Problem.badRequest(
                    "invalid_idempotency_key", "Idempotency-Key", "must have 1 to " + KEY_MAX + " characters.");
        }
        return Optional.ofNullable(header);
    }
}
