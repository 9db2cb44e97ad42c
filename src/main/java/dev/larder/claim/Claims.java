package dev.larder.claim;

import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.claim.GivenParameters.Chosen;
import dev.larder.claim.OutOfStock.Short;
import dev.larder.claim.PresetReads.Declared;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.model.Refusal;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;

/**
 * The way of a claim from a request to an outcome (design, section 3). It looks, in this order, at stock,
 * at what the idempotency key came to before, at the quota, and at the policy. Stock comes first because
 * nearly every claim is served by it; the statement that serves it refuses a used key itself.
 */
@ApplicationScoped
class Claims {

    /**
     * Prebuilds may be locked by a statement that does not take them in the end, so "none" is asked again
     * so often at most.
     */
    private static final int ROUNDS = 8;

    private static final Duration BETWEEN_ROUNDS = Duration.ofMillis(5);

    private final NewClaims newClaims;
    private final StockClaims stock;
    private final ExactClaims exact;
    private final PresetFinder presets;
    private final EarlierClaims earlier;
    private final OutOfStock outOfStock;
    private final InstantSource clock;
    private final ClaimSettings settings;

    Claims(
            NewClaims newClaims,
            StockClaims stock,
            ExactClaims exact,
            PresetFinder presets,
            EarlierClaims earlier,
            OutOfStock outOfStock,
            InstantSource clock,
            ClaimSettings settings) {
        this.newClaims = newClaims;
        this.stock = stock;
        this.exact = exact;
        this.presets = presets;
        this.earlier = earlier;
        this.outOfStock = outOfStock;
        this.clock = clock;
        this.settings = settings;
    }

    Uni<Outcome> claim(Caller caller, ClaimRequest request, Optional<String> idempotencyKey) {
        ClaimAttempt attempt = attempt(newClaims.of(caller, request, idempotencyKey), request);
        if (request.wanted() instanceof Wanted.Exactly exactly) {
            return exact.take(attempt, exactly);
        }
        return caller.organization().isEmpty() && request.wanted().needsOrganization()
                ? Uni.createFrom().item(new Outcome.OrganizationNeeded())
                : presets.find(caller, request.wanted())
                        .chain(found -> untilCurrent(attempt, found, this::claimFrom))
                        .map(Claims::outcome);
    }

    /**
     * Builds a new workspace of this id and name for the caller, in one statement with its claim. Fails as
     * {@link ColdClaimStore#takeCold} where either is taken.
     */
    Uni<Outcome> create(Caller caller, ClaimRequest request, Chosen chosen, Optional<String> idempotencyKey) {
        ClaimAttempt attempt = attempt(newClaims.of(caller, request, chosen, idempotencyKey), request);
        if (caller.organization().isEmpty() && request.wanted().needsOrganization()) {
            return Uni.createFrom().item(new Outcome.OrganizationNeeded());
        }
        return earlier.orElseGet(attempt, () -> create(attempt));
    }

    private Uni<Outcome> create(ClaimAttempt attempt) {
        return presets.lookUp(attempt.caller(), attempt.request().wanted())
                .chain(found -> untilCurrent(attempt, found, this::createFrom))
                .map(Claims::outcome)
                .onFailure(failure -> ColdClaimStore.isIdTaken(failure) || ColdClaimStore.isNameTaken(failure))
                // The same request may have committed first.
                .recoverWithUni(taken ->
                        earlier.orElseGet(attempt, () -> Uni.createFrom().failure(taken)));
    }

    private Uni<Step> createFrom(ClaimAttempt attempt, PresetFinder.Found found) {
        Uni<Outcome> outcome = found.lines().isEmpty()
                ? presets.unknown(attempt.caller(), attempt.request().wanted())
                        .map(what -> new Outcome.Unknown(what, OptionalInt.empty()))
                : buildCold(attempt, found, found.lines().getFirst());
        return outcome.map(Step.Ended::new);
    }

    private static ParameterMatch match(ClaimAttempt attempt, PresetFinder.Found found, Claimable preset) {
        List<Declared> declared = found.declared().getOrDefault(preset.id(), List.of());
        return attempt.request().wanted() instanceof Wanted.Parameterized wanted
                ? ParameterMatch.of(wanted.parameters(), wanted.structured(), declared)
                : ParameterMatch.of(Map.of(), Set.of(), declared);
    }

    /** Makes a claim from what a look-up found. */
    private interface Way {
        Uni<Step> go(ClaimAttempt attempt, PresetFinder.Found found);
    }

    /**
     * A rollout may end between the look-up and a later statement of the claim. Then the version that was looked up
     * is no longer served, and another one is. The claim looks up again and goes on with that one. What was remembered
     * is looked up twice at most, what was looked up in this request once more.
     */
    private Uni<Step> untilCurrent(ClaimAttempt attempt, PresetFinder.Found found, Way way) {
        return way.go(attempt, found)
                .chain(step -> !found.isLast() && isOutdated(step)
                        ? presets.lookUpAfter(
                                        found,
                                        attempt.caller(),
                                        attempt.request().wanted())
                                .chain(now -> goAgain(attempt, found, now, way, step))
                        : step(step));
    }

    private static boolean isOutdated(Step step) {
        return step instanceof Step.LookUpAgain
                || (step instanceof Step.Ended(var outcome) && outcome instanceof Outcome.NotActive);
    }

    /** A line that has not changed gives the same outcome again. */
    private Uni<Step> goAgain(
            ClaimAttempt attempt, PresetFinder.Found before, PresetFinder.Found now, Way way, Step step) {
        return step instanceof Step.Ended && now.lines().equals(before.lines())
                ? step(step)
                : untilCurrent(attempt, now, way);
    }

    private static Outcome outcome(Step last) {
        if (last instanceof Step.Ended(var outcome)) {
            return outcome;
        }
        throw new IllegalStateException("a claim has no outcome: " + last);
    }

    private ClaimAttempt attempt(NewClaim claim, ClaimRequest request) {
        Instant now = clock.instant();
        return new ClaimAttempt(
                request,
                switch (request.policy()) {
                    case Policy.Fail() -> claim;
                    case Policy.Cold() ->
                        claim.waiting(settings.waitPolicy(0, now.plus(ClaimStore.VERIFY_BUDGET), true));
                    case Policy.Wait wait -> claim.waiting(settings.waitPolicy(wait, now));
                });
    }

    private Uni<Step> claimFrom(ClaimAttempt attempt, PresetFinder.Found found) {
        if (found.lines().isEmpty() || found.unknown().isPresent()) {
            return presets.unknown(attempt.caller(), attempt.request().wanted())
                    .chain(what -> earlier.orElse(attempt, new Outcome.Unknown(what, found.unknown())))
                    .map(Step.Ended::new);
        }
        if (attempt.request().count() > 1 && found.lines().stream().anyMatch(Line::isVerified)) {
            return Uni.createFrom()
                    .failure(Problem.unprocessable(
                            "count_not_for_verified", "count", "must be 1 where what is claimed is verified first."));
        }
        return attempt.request().wanted() instanceof Wanted.Parameterized
                ? withParameters(attempt, found)
                : rounds(attempt, found);
    }

    /** Each version of the line may take the values in its own way. */
    private Uni<Step> withParameters(ClaimAttempt attempt, PresetFinder.Found found) {
        Line line = found.lines().getFirst();
        Map<UUID, GivenParameters> given = new HashMap<>();
        for (Claimable preset : line.members()) {
            ParameterMatch match = match(attempt, found, preset);
            if (match.fitsStock()) {
                given.put(preset.id(), newClaims.given(preset.id(), match));
            }
        }
        ClaimAttempt fitting = attempt.with(given);
        PresetFinder.Found narrowed = found.only(given.keySet());
        if (given.containsKey(line.head().id())) {
            return rounds(fitting, narrowed);
        }
        // The version that is active now may take these values.
        return found.remembered()
                ? Uni.createFrom().item(new Step.LookUpAgain())
                : fromStock(fitting, narrowed)
                        .chain(taken -> taken.map(Claims::step)
                                .orElseGet(
                                        () -> notFromStock(attempt, found, line).map(Step.Ended::new)));
    }

    /**
     * No stock was built with these parameters: a cold build is begun where the policy builds, and refused
     * where not.
     */
    private Uni<Outcome> notFromStock(ClaimAttempt attempt, PresetFinder.Found found, Line line) {
        return earlier.orElseGet(attempt, () -> buildCold(attempt, found, line));
    }

    private Uni<Outcome> buildCold(ClaimAttempt attempt, PresetFinder.Found found, Line line) {
        ParameterMatch match = match(attempt, found, line.head());
        List<Refusal> refusals = match.refusals(attempt.request().policy());
        if (!refusals.isEmpty()) {
            return Uni.createFrom().failure(Problem.unprocessable(refusals));
        }
        ClaimAttempt matched = attempt.with(newClaims.given(line.head().id(), match));
        return outOfStock
                .why(attempt, line)
                .chain(now -> now.map(home -> buildCold(matched, home))
                        .orElseGet(() -> Uni.createFrom().item(Outcome.Unknown.preset())));
    }

    private Uni<Outcome> buildCold(ClaimAttempt attempt, Short home) {
        return home.now().active()
                ? outOfStock.buildCold(attempt, home)
                : Uni.createFrom().item(home.notActive());
    }

    /** How far a round has come. */
    private sealed interface Step {

        record Ended(Outcome outcome) implements Step {}

        /** Stock is there, but other statements held its locks. */
        record AskAgain() implements Step {}

        /** The presets that were looked up are no longer served, or others of their lines are. */
        record LookUpAgain() implements Step {}
    }

    private static Uni<Step> ended(Outcome outcome) {
        return step(new Step.Ended(outcome));
    }

    private static Uni<Step> step(Step step) {
        return Uni.createFrom().item(step);
    }

    /** At most {@link #ROUNDS} rounds; the last one ends. */
    private Uni<Step> rounds(ClaimAttempt attempt, PresetFinder.Found found) {
        return fromStock(attempt, found)
                .chain(taken -> taken.map(Claims::step).orElseGet(() -> notInStock(attempt, found)))
                .chain(first -> first instanceof Step.AskAgain ? furtherRounds(attempt, found) : step(first));
    }

    private Uni<Step> notInStock(ClaimAttempt attempt, PresetFinder.Found found) {
        return earlier.of(attempt)
                .chain(before -> before.isPresent() ? ended(before.get()) : decide(attempt, found, 1));
    }

    private Uni<Step> furtherRounds(ClaimAttempt attempt, PresetFinder.Found found) {
        Uni<Step> step = Uni.createFrom().item(new Step.AskAgain());
        for (int next = 2; next <= ROUNDS; next++) {
            int number = next;
            step = step.chain(last -> last instanceof Step.AskAgain ? round(attempt, found, number) : step(last));
        }
        return step;
    }

    private Uni<Step> round(ClaimAttempt attempt, PresetFinder.Found found, int number) {
        return Uni.createFrom()
                .voidItem()
                .onItem()
                .delayIt()
                .by(BETWEEN_ROUNDS.multipliedBy(number - 1))
                .chain(() -> fromStock(attempt, found))
                .chain(taken -> taken.map(Claims::step).orElseGet(() -> decide(attempt, found, number)));
    }

    /** Why stock did not serve the claim, and what follows. */
    private Uni<Step> decide(ClaimAttempt attempt, PresetFinder.Found from, int round) {
        Uni<List<Short>> all = Uni.createFrom().item(new ArrayList<>());
        for (Line line : from.lines()) {
            all = all.call(found -> outOfStock.why(attempt, line).invoke(one -> one.ifPresent(found::add)));
        }
        return all.chain(found -> decide(attempt, from, found, round));
    }

    private Uni<Step> decide(ClaimAttempt attempt, PresetFinder.Found from, List<Short> found, int round) {
        List<Short> active = found.stream().filter(one -> one.now().active()).toList();
        // Of lines that were looked up in this request and of which none is active, the outcome says so.
        boolean mayHelp = from.remembered() || (!from.isLast() && !active.isEmpty());
        if (mayHelp && active.size() < from.lines().size()) {
            return Uni.createFrom().item(new Step.LookUpAgain());
        }
        if (found.isEmpty()) {
            return ended(Outcome.Unknown.preset());
        }
        if (active.isEmpty()) {
            return ended(found.getFirst().notActive());
        }
        Short home = active.getFirst();
        boolean locked =
                active.stream().anyMatch(one -> one.has(attempt.request().atLeast()));
        return locked && round < ROUNDS
                ? outOfStock
                        .connectionsFull(home)
                        .chain(full -> full.isPresent() ? byPolicy(attempt, home) : step(new Step.AskAgain()))
                : byPolicy(attempt, home);
    }

    private Uni<Step> byPolicy(ClaimAttempt attempt, Short home) {
        return outOfStock.byPolicy(attempt.at(home.preset()), home).map(Step.Ended::new);
    }

    /** Empty where stock did not serve the claim. */
    private Uni<Optional<Step>> fromStock(ClaimAttempt attempt, PresetFinder.Found found) {
        return stock.take(attempt, found).map(result -> switch (result) {
            case StockClaims.Result.Decided(var outcome) -> Optional.of(new Step.Ended(outcome));
            case StockClaims.Result.None() -> Optional.empty();
            case StockClaims.Result.Outdated() -> Optional.of(new Step.LookUpAgain());
        });
    }
}
