package dev.larder.claim;

import dev.larder.claim.ClaimQuotaStore.UnderQuota;
import dev.larder.claim.Combiner.FromStock;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Serves a claim from the stock of the lines that its request means, and sees whether they have changed meanwhile. */
@ApplicationScoped
class StockClaims {

    private final NewClaims newClaims;
    private final LineStore store;
    private final PresetFinder presets;
    private final Combiner combiner;
    private final EarlierClaims earlier;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    StockClaims(
            NewClaims newClaims,
            LineStore store,
            PresetFinder presets,
            Combiner combiner,
            EarlierClaims earlier,
            WakeUps wakeUps,
            InstantSource clock) {
        this.newClaims = newClaims;
        this.store = store;
        this.presets = presets;
        this.combiner = combiner;
        this.earlier = earlier;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    /** What stock has for a claim. */
    sealed interface Result {

        /** It was given, or the quota refused it, or its key had an outcome before. */
        record Decided(Outcome outcome) implements Result {}

        /** None of the lines has what is wanted, or the key was used before. */
        record None() implements Result {}

        /** A line is not what it was when it was looked up. */
        record Outdated() implements Result {}
    }

    /** From the first of the lines that has what is wanted. */
    Uni<Result> take(ClaimAttempt attempt, PresetFinder.Found found) {
        Uni<FromStock> answer = Uni.createFrom().item(new FromStock.None(null));
        for (Line line : found.lines()) {
            answer = answer.chain(last -> last instanceof FromStock.None
                    ? take(attempt, line, found)
                    : Uni.createFrom().item(last));
        }
        return answer.chain(last -> switch (last) {
            case FromStock.Granted granted -> Uni.createFrom().item(new Result.Decided(granted.outcome()));
            case FromStock.None none -> Uni.createFrom().item(new Result.None());
            case FromStock.Limited() ->
                withinQuota(attempt, found.lines())
                        .map(given -> given.<Result>map(Result.Decided::new).orElseGet(Result.None::new));
            case FromStock.Outdated() -> Uni.createFrom().item(new Result.Outdated());
        });
    }

    private Uni<FromStock> take(ClaimAttempt attempt, Line line, PresetFinder.Found found) {
        if (attempt.request().count() > 1) {
            return takeSeveral(attempt, line).map(answer -> judged(attempt, line, found, answer));
        }
        Uni<FromStock> answer = Uni.createFrom().item(new FromStock.None(line.edition()));
        for (Claimable preset : line.members()) {
            answer = answer.chain(last -> last instanceof FromStock.None
                    ? combiner.take(preset, attempt.at(preset).claim()).map(next -> judged(attempt, line, found, next))
                    : Uni.createFrom().item(last));
        }
        return answer;
    }

    /**
     * A rollout has begun, ended or gone on since the line was looked up: a claim that got nothing looks it up again,
     * and after one that was served the next one does.
     */
    private FromStock judged(ClaimAttempt attempt, Line line, PresetFinder.Found found, FromStock answer) {
        return switch (answer) {
            case FromStock.Granted granted -> {
                if (found.remembered() && !granted.edition().equals(line.edition())) {
                    presets.forget(attempt.caller(), attempt.request().wanted());
                }
                yield answer;
            }
            case FromStock.None(var edition) -> isOutdated(line, found, edition) ? new FromStock.Outdated() : answer;
            case FromStock.Limited limited -> answer;
            case FromStock.Outdated outdated -> answer;
        };
    }

    /** Without an edition the preset is not served, or a batch found too few: whether it is served is asked then. */
    private static boolean isOutdated(Line line, PresetFinder.Found found, @Nullable String edition) {
        return edition == null
                ? found.remembered()
                : !found.isLast() && !line.edition().equals(edition);
    }

    private Uni<FromStock> takeSeveral(ClaimAttempt attempt, Line line) {
        Instant began = clock.instant();
        ClaimRequest request = attempt.request();
        List<NewClaim> claims = newClaims.several(attempt.claim(), request.count());
        return store.take(attempt.offers(line), claims, request.atLeast(), began)
                .map(taken -> several(claims, taken.claims(), began)
                        .<FromStock>map(given -> new FromStock.Granted(given, String.valueOf(taken.edition())))
                        .orElseGet(() -> FromStock.nothing(taken)));
    }

    /** Those of the claims that are this request's own; the statement served waiting claims as well. */
    private Optional<Outcome.Given> several(List<NewClaim> asked, List<Claim> given, Instant began) {
        List<UUID> ids = asked.stream().map(NewClaim::id).toList();
        List<Claim> own = given.stream()
                .filter(claim -> ids.contains(claim.id()))
                .sorted(Comparator.comparingInt(Claim::ordinal))
                .toList();
        if (own.size() < given.size()) {
            wakeUps.changed(Change.WAITING_CLAIM);
        }
        if (!given.isEmpty()) {
            wakeUps.changed(Change.STOCK_TAKEN);
        }
        Duration picked = Duration.between(began, clock.instant());
        return own.isEmpty()
                ? Optional.empty()
                : Optional.of(new Outcome.Given(own, Optional.of(new Outcome.Stages(Duration.ZERO, picked))));
    }

    /** A repeated request gets the earlier answer, even if the quota is full now. */
    private Uni<Optional<Outcome>> withinQuota(ClaimAttempt attempt, List<Line> from) {
        Uni<Optional<Outcome>> answer = earlier.of(attempt);
        for (Line line : from) {
            answer = answer.chain(last -> last.isPresent() ? Uni.createFrom().item(last) : withinQuota(attempt, line));
        }
        return answer;
    }

    private Uni<Optional<Outcome>> withinQuota(ClaimAttempt attempt, Line line) {
        Instant began = clock.instant();
        ClaimRequest request = attempt.request();
        List<NewClaim> claims = newClaims.several(attempt.claim(), request.count());
        return store.takeWithinQuota(attempt.offers(line), claims, request.atLeast(), began)
                .chain(result -> switch (result) {
                    case UnderQuota.Exceeded<List<Claim>>(var quota) ->
                        earlier.orElse(attempt, new Outcome.OverQuota(quota)).map(Optional::of);
                    case UnderQuota.Within<List<Claim>>(var given) ->
                        Uni.createFrom().item(several(claims, given, began).map(Outcome.class::cast));
                });
    }
}
