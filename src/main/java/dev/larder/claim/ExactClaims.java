package dev.larder.claim;

import dev.larder.claim.ClaimQuotaStore.UnderQuota;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.claim.ExactClaimStore.Standing;
import dev.larder.model.Caller;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Claims of exactly one workspace, by its version (design, section 3.2): of any number that name the same
 * version at the same time, one gets it.
 */
@ApplicationScoped
class ExactClaims {

    /** A workspace that was only busy, for example being verified, is asked for again so often at most. */
    private static final int ATTEMPTS = 3;

    private final ExactClaimStore store;
    private final AvailabilityReads availability;
    private final EarlierClaims earlier;
    private final NewClaims newClaims;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    ExactClaims(
            ExactClaimStore store,
            AvailabilityReads availability,
            EarlierClaims earlier,
            NewClaims newClaims,
            WakeUps wakeUps,
            InstantSource clock) {
        this.store = store;
        this.availability = availability;
        this.earlier = earlier;
        this.newClaims = newClaims;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    /** What became of a claim that named a version. */
    sealed interface Result {

        /** It was decided as every claim is: given, replayed, refused by the quota, or by the key. */
        record Decided(Outcome outcome) implements Result {}

        /** @param current the version that the workspace has now */
        record OtherVersion(int current) implements Result {}

        /** The workspace has this version, and cannot be claimed. */
        record Blocked(Obstacle obstacle) implements Result {}

        /** The caller's organization has no such workspace. */
        record NoWorkspace() implements Result {}
    }

    /** The workspace for the caller, or else why not. */
    Uni<Result> claim(Caller caller, ClaimRequest request, Wanted.Exactly wanted, Optional<String> idempotencyKey) {
        return claim(new ClaimAttempt(request, newClaims.of(caller, request, idempotencyKey)), wanted, 1);
    }

    private Uni<Result> claim(ClaimAttempt attempt, Wanted.Exactly wanted, int number) {
        return take(attempt, wanted)
                .chain(outcome -> outcome instanceof Outcome.NotThisOne
                        ? refused(attempt, wanted, number)
                        : Uni.createFrom().item(new Result.Decided(outcome)));
    }

    private Uni<Result> refused(ClaimAttempt attempt, Wanted.Exactly wanted, int number) {
        return store.standing(wanted.workspace(), attempt.caller().organization(), clock.instant())
                .chain(found -> found.map(standing -> refused(attempt, wanted, standing, number))
                        .orElseGet(() -> Uni.createFrom().item(new Result.NoWorkspace())));
    }

    private Uni<Result> refused(ClaimAttempt attempt, Wanted.Exactly wanted, Standing now, int number) {
        if (now.version() != wanted.version()) {
            return Uni.createFrom().item(new Result.OtherVersion(now.version()));
        }
        return now.obstacle().isPresent()
                ? Uni.createFrom().item(new Result.Blocked(now.obstacle().get()))
                : withoutObstacle(attempt, wanted, now.preset(), number);
    }

    /** Either its server's connections were in the way, or the obstacle has gone since. */
    private Uni<Result> withoutObstacle(
            ClaimAttempt attempt, Wanted.Exactly wanted, Optional<UUID> preset, int number) {
        return preset.map(availability::connections)
                .orElseGet(() -> Uni.createFrom().item(Optional.empty()))
                .chain(found -> {
                    if (found.filter(AvailabilityReads.Connections::full).isPresent()) {
                        return Uni.createFrom().item(new Result.Decided(new Outcome.ConnectionsFull(found.get())));
                    }
                    return number < ATTEMPTS
                            ? claim(attempt, wanted, number + 1)
                            : Uni.createFrom().item(new Result.Blocked(Obstacle.WORKSPACE_BUSY));
                });
    }

    /** The workspace for the caller; {@link Outcome.NotThisOne} for any reason that is the workspace's. */
    Uni<Outcome> take(ClaimAttempt attempt, Wanted.Exactly wanted) {
        return store.takeExactly(wanted.workspace(), wanted.version(), attempt.claim(), clock.instant())
                .chain(result -> switch (result) {
                    case UnderQuota.Exceeded<Optional<Claim>>(var quota) ->
                        earlier.orElse(attempt, new Outcome.OverQuota(quota));
                    case UnderQuota.Within<Optional<Claim>>(var claim) ->
                        claim.isPresent() ? given(claim.get()) : earlier.orElse(attempt, new Outcome.NotThisOne());
                });
    }

    private Uni<Outcome> given(Claim claim) {
        wakeUps.changed(Change.STOCK_TAKEN);
        return Uni.createFrom().item(new Outcome.Given(List.of(claim), Optional.empty()));
    }
}
