package dev.larder.claim;

import dev.larder.claim.AvailabilityReads.Availability;
import dev.larder.claim.AvailabilityReads.Connections;
import dev.larder.claim.ClaimQuotaStore.UnderQuota;
import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.WaitEstimates.WaitEstimate;
import dev.larder.database.Batcher;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * What a claim comes to when stock does not serve it: by its policy it fails, waits, or is built cold
 * (design, section 3.4).
 */
@ApplicationScoped
class OutOfStock {

    private static final int QUESTIONS_AT_ONCE = 1_000;
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);
    private static final String REPLACED = "its version was just replaced";

    private final ColdClaimStore cold;
    private final WaitingClaimStore waiting;
    private final AvailabilityReads reads;
    private final EarlierClaims earlier;
    private final WaitEstimates estimates;
    private final WakeUps wakeUps;
    private final InstantSource clock;
    private final ClaimSettings settings;
    private final Batcher<Question, Availability> availabilities =
            new Batcher<>(QUESTIONS_AT_ONCE, ANSWER_WITHIN, this::availabilities);

    OutOfStock(
            ColdClaimStore cold,
            WaitingClaimStore waiting,
            AvailabilityReads reads,
            EarlierClaims earlier,
            WaitEstimates estimates,
            WakeUps wakeUps,
            InstantSource clock,
            ClaimSettings settings) {
        this.cold = cold;
        this.waiting = waiting;
        this.reads = reads;
        this.earlier = earlier;
        this.estimates = estimates;
        this.wakeUps = wakeUps;
        this.clock = clock;
        this.settings = settings;
    }

    /** A line and why it gives nothing. */
    record Short(Line line, Availability now) {

        /** The one that is built for the claim, and where it waits. */
        Claimable preset() {
            return line.head();
        }

        /** Whether stock beyond that of the waiting claims is there: it was only locked. */
        boolean has(int wanted) {
            return now.active() && now.claimable() - now.waiting() >= wanted;
        }

        Outcome notActive() {
            return new Outcome.NotActive(now.deprecated().orElse("its version is not the template's active one"));
        }
    }

    private record Question(UUID preset, Optional<UUID> callersOrganization) {}

    /** Why the line gives nothing; empty where the caller knows no such preset. */
    Uni<Optional<Short>> why(ClaimAttempt attempt, Line line) {
        return availabilities
                .ask(new Question(line.head().id(), attempt.caller().organization()))
                .map(found -> found.map(now -> new Short(line, now)));
    }

    /** The claims of a burst that finds nothing all ask the same. */
    private Uni<Map<Question, Availability>> availabilities(Set<Question> questions) {
        return Multi.createFrom()
                .iterable(questions)
                .onItem()
                .transformToUni(this::answered)
                .merge(4)
                .collect()
                .in(
                        HashMap::new,
                        (answers, one) -> one.ifPresent(found -> answers.put(found.getKey(), found.getValue())));
    }

    private Uni<Optional<Map.Entry<Question, Availability>>> answered(Question question) {
        return reads.availability(question.preset(), question.callersOrganization(), clock.instant())
                .map(found -> found.map(now -> Map.entry(question, now)));
    }

    /** The outcome that the policy gives. */
    Uni<Outcome> byPolicy(ClaimAttempt attempt, Short home) {
        return switch (attempt.request().policy()) {
            case Policy.Fail() -> fail(attempt, home);
            case Policy.Cold() -> buildCold(attempt, home);
            case Policy.Wait wait -> await(attempt, home, wait);
        };
    }

    private Uni<Outcome> fail(ClaimAttempt attempt, Short home) {
        Uni<Outcome> none = estimate(home).map(estimate -> new Outcome.NoneInStock(home.now(), estimate));
        return home.has(attempt.request().atLeast())
                ? connectionsFull(home)
                        .chain(full -> full.isPresent() ? Uni.createFrom().item(full.get()) : none)
                : none;
    }

    /** Stock that is there is not given where its database server has no connections left for it. */
    Uni<Optional<Outcome>> connectionsFull(Short home) {
        return reads.connections(home.preset().id())
                .map(found -> found.filter(Connections::full).map(Outcome.ConnectionsFull::new));
    }

    /** Begins a build for the claim. */
    Uni<Outcome> buildCold(ClaimAttempt attempt, Short home) {
        UUID preset = home.preset().id();
        Instant now = clock.instant();
        Uni<UnderQuota<Optional<UUID>>> begun = home.now().limited()
                ? cold.takeColdWithinQuota(preset, attempt.claim(), now)
                : cold.takeCold(preset, attempt.claim(), now).map(UnderQuota.Within::new);
        return begun.chain(result -> begun(attempt, result, "cold", Change.JOB_QUEUED, notBuilt(home)));
    }

    private Uni<Outcome> notBuilt(Short home) {
        return connectionsFull(home).map(full -> full.orElse(new Outcome.NotActive(REPLACED)));
    }

    private Uni<Outcome> await(ClaimAttempt attempt, Short home, Policy.Wait wait) {
        UUID preset = home.preset().id();
        Instant now = clock.instant();
        WaitPolicy policy = settings.waitPolicy(wait, now);
        Uni<UnderQuota<Optional<UUID>>> begun = home.now().limited()
                ? waiting.waitWithinQuota(preset, attempt.claim(), policy, now)
                : waiting.waitFor(preset, attempt.claim(), policy, now).map(UnderQuota.Within::new);
        return begun.chain(
                result -> begun(attempt, result, "waited", Change.WAITING_CLAIM, notWaiting(attempt, home.line())));
    }

    private Uni<Outcome> notWaiting(ClaimAttempt attempt, Line line) {
        return why(attempt, line)
                .chain(found -> found.isPresent() && found.get().now().active()
                        ? tooManyWait(attempt, found.get())
                        : Uni.createFrom().item(new Outcome.NotActive(REPLACED)));
    }

    /** The share of which the least is left is the one that was full. */
    private Uni<Outcome> tooManyWait(ClaimAttempt attempt, Short home) {
        int most = settings.waitingMax();
        int mostOfUser = settings.waitingMaxOfUser();
        return waiting.waiting(home.preset().id(), attempt.caller().userId())
                .chain(now -> estimate(home)
                        .map(estimate -> mostOfUser - now.ofUser() <= most - now.inOrganization()
                                ? new Outcome.TooManyWait(true, now.ofUser(), mostOfUser, estimate.eta())
                                : new Outcome.TooManyWait(false, now.inOrganization(), most, estimate.eta())));
    }

    /** For a claim that came now. */
    private Uni<WaitEstimate> estimate(Short home) {
        return estimates.of(home.preset().id(), home.now().waiting() + 1, home.now());
    }

    private Uni<Outcome> begun(
            ClaimAttempt attempt,
            UnderQuota<Optional<UUID>> result,
            String path,
            Change change,
            Uni<Outcome> otherwise) {
        return switch (result) {
            case UnderQuota.Exceeded<Optional<UUID>>(var quota) ->
                earlier.orElse(attempt, new Outcome.OverQuota(quota));
            case UnderQuota.Within<Optional<UUID>>(var claim) ->
                claim.isPresent()
                        ? begun(claim.get(), path, change)
                        : otherwise.chain(outcome -> earlier.orElse(attempt, outcome));
        };
    }

    private Uni<Outcome> begun(UUID claim, String path, Change change) {
        wakeUps.changed(change);
        return Uni.createFrom().item(new Outcome.Begun(claim, path));
    }
}
