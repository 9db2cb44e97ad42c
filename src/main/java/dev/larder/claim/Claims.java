package dev.larder.claim;

import dev.larder.claim.ClaimReads.Claim;
import dev.larder.claim.ClaimReads.Claimable;
import dev.larder.claim.ClaimReads.Connections;
import dev.larder.claim.ClaimReads.Earlier;
import dev.larder.claim.ClaimReads.Shortage;
import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.claim.ClaimStore.Ask;
import dev.larder.claim.ClaimStore.IdempotencyKey;
import dev.larder.claim.ClaimStore.Mark;
import dev.larder.claim.ClaimStore.Own;
import dev.larder.claim.ClaimStore.Patience;
import dev.larder.claim.ClaimStore.UnderQuota;
import dev.larder.claim.Combiner.Granted;
import dev.larder.claim.Prospects.Prospect;
import dev.larder.database.Batcher;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.model.Refusal;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;

/**
 * From a request to an outcome (design, section 3). The order is: what is in stock, what the idempotency key already came
 * to, what the quota leaves, what the policy says. Looking at the key comes second in time, because the claim itself
 * refuses a used one.
 */
@ApplicationScoped
class Claims {

    /** A claimable prebuild may be locked by somebody who does not take it in the end; that is not "none". */
    private static final int TRIES = 8;

    private static final Duration BETWEEN_TRIES = Duration.ofMillis(5);
    private static final int QUESTIONS_AT_ONCE = 1_000;
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);
    private static final String REPLACED = "its version was just replaced";

    private final ClaimStore store;
    private final ClaimReads reads;
    private final Presets presets;
    private final Combiner combiner;
    private final Prospects prospects;
    private final WakeUps bell;
    private final InstantSource clock;
    private final ClaimSettings settings;
    private final Batcher<Question, Shortage> shortages =
            new Batcher<>(QUESTIONS_AT_ONCE, ANSWER_WITHIN, this::shortages);

    Claims(
            ClaimStore store,
            ClaimReads reads,
            Presets presets,
            Combiner combiner,
            Prospects prospects,
            WakeUps bell,
            InstantSource clock,
            ClaimSettings settings) {
        this.store = store;
        this.reads = reads;
        this.presets = presets;
        this.combiner = combiner;
        this.prospects = prospects;
        this.bell = bell;
        this.clock = clock;
        this.settings = settings;
    }

    /** One request on its way. */
    private record Errand(Caller caller, ClaimRequest request, Ask ask) {

        Optional<IdempotencyKey> key() {
            return ask.key();
        }

        Errand with(Own own) {
            return new Errand(caller, request, ask.with(own));
        }
    }

    Uni<Outcome> claim(Caller caller, ClaimRequest request, Optional<String> idempotencyKey) {
        Optional<IdempotencyKey> key = idempotencyKey.map(text -> key(text, request));
        Errand errand = new Errand(caller, request, ask(caller, request, key));
        if (request.wanted() instanceof Wanted.Exactly exactly) {
            return claimExactly(errand, exactly);
        }
        return needsOrganization(caller, request.wanted())
                ? Uni.createFrom().item(new Outcome.OrganizationNeeded())
                : presets.find(caller, request.wanted()).chain(found -> fromStock(errand, found));
    }

    private IdempotencyKey key(String text, ClaimRequest request) {
        return request.wanted() instanceof Wanted.ByParameters
                ? store.secretKey(text, request.hash())
                : new IdempotencyKey(text, request.hash());
    }

    private Ask ask(Caller caller, ClaimRequest request, Optional<IdempotencyKey> key) {
        Ask ask = store.ask(caller.userId(), caller.organization(), key, request.ttl());
        Instant now = clock.instant();
        return switch (request.policy()) {
            case Policy.Fail() -> ask;
            case Policy.Cold() -> ask.waiting(patience(0, now.plus(ClaimStore.VERIFY_BUDGET), true));
            case Policy.Wait wait -> ask.waiting(patience(wait, now));
        };
    }

    private Patience patience(Policy.Wait wait, Instant now) {
        return patience(wait.priority(), now.plus(wait.timeout()), wait.thenCold());
    }

    private Patience patience(int priority, Instant until, boolean thenCold) {
        return new Patience(priority, until, thenCold, settings.waitingMax(), settings.waitingMaxOfUser());
    }

    private static boolean needsOrganization(Caller caller, Wanted wanted) {
        Optional<String> named = switch (wanted) {
            case Wanted.PresetsByName byName -> byName.organization();
            case Wanted.ByParameters byParameters -> byParameters.organization();
            case Wanted.PresetById byId -> Optional.of("its own");
            case Wanted.Exactly exactly -> Optional.of("its own");
        };
        return named.isEmpty() && caller.organization().isEmpty();
    }

    private Uni<Outcome> fromStock(Errand errand, Presets.Found found) {
        if (found.presets().isEmpty() || found.unknown().isPresent()) {
            return elseByKey(errand, new Outcome.UnknownPreset(found.unknown()));
        }
        if (errand.request().count() > 1 && found.presets().stream().anyMatch(Claimable::verified)) {
            return Uni.createFrom()
                    .failure(Problem.unprocessable(
                            "count_not_for_verified", "count", "must be 1 where what is claimed is verified first."));
        }
        if (errand.request().wanted() instanceof Wanted.ByParameters wanted) {
            Asked asked = Asked.of(wanted.parameters(), found.declared());
            if (!asked.refusals().isEmpty() || !asked.isStock()) {
                return notFromStock(errand, found.presets().getFirst(), asked);
            }
        }
        return takeFirst(errand, found.presets(), 0)
                .chain(taken -> taken.isPresent() ? Uni.createFrom().item(taken.get()) : notTaken(errand, found));
    }

    /** No stock was built with what is asked for: it is built at once where the policy builds, and refused where not. */
    private Uni<Outcome> notFromStock(Errand errand, Claimable preset, Asked asked) {
        return byKey(errand)
                .chain(earlier ->
                        earlier.isPresent() ? Uni.createFrom().item(earlier.get()) : asBuilt(errand, preset, asked));
    }

    private Uni<Outcome> asBuilt(Errand errand, Claimable preset, Asked asked) {
        List<Refusal> refusals =
                asked.refusals().isEmpty() && !errand.request().policy().builds()
                        ? asked.withoutEffect()
                        : asked.refusals();
        if (!refusals.isEmpty()) {
            return Uni.createFrom().failure(Problem.unprocessable(refusals));
        }
        return why(errand, preset)
                .chain(found -> found.map(home -> coldIfActive(errand.with(asked.own()), home))
                        .orElseGet(() -> Uni.createFrom().item(new Outcome.UnknownPreset(OptionalInt.empty()))));
    }

    private Uni<Outcome> coldIfActive(Errand errand, Short home) {
        return home.why().active()
                ? cold(errand, home, home.why().limited())
                : Uni.createFrom().item(notActive(home));
    }

    /** From the first of the presets that has what is wanted. */
    private Uni<Optional<Outcome>> takeFirst(Errand errand, List<Claimable> from, int index) {
        return take(errand, from.get(index))
                .chain(taken -> taken.isPresent() || index + 1 == from.size()
                        ? Uni.createFrom().item(taken)
                        : takeFirst(errand, from, index + 1));
    }

    private Uni<Optional<Outcome>> take(Errand errand, Claimable preset) {
        return errand.request().count() == 1
                ? combiner.take(preset, errand.ask()).map(granted -> granted.map(Claims::given))
                : takeSeveral(errand, preset);
    }

    private static Outcome given(Granted granted) {
        return new Outcome.Given(
                List.of(granted.claim()), Optional.of(new Outcome.Stages(granted.queued(), granted.picked())));
    }

    private Uni<Optional<Outcome>> takeSeveral(Errand errand, Claimable preset) {
        Instant began = clock.instant();
        List<Ask> asks = store.asks(errand.ask(), errand.request().count());
        return store.take(preset.id(), preset.order(), asks, errand.request().atLeast(), Mark.START, began)
                .map(claims -> several(asks, claims, began));
    }

    private Optional<Outcome> several(List<Ask> asks, List<Claim> claims, Instant began) {
        List<UUID> asked = asks.stream().map(Ask::claim).toList();
        List<Claim> mine = claims.stream()
                .filter(claim -> asked.contains(claim.id()))
                .sorted(Comparator.comparingInt(Claim::ordinal))
                .toList();
        if (mine.size() < claims.size()) {
            bell.ring(Channel.WAITING);
        }
        if (!claims.isEmpty()) {
            bell.ring(Channel.RECONCILE);
        }
        Duration picked = Duration.between(began, clock.instant());
        return mine.isEmpty()
                ? Optional.empty()
                : Optional.of(new Outcome.Given(mine, Optional.of(new Outcome.Stages(Duration.ZERO, picked))));
    }

    private Uni<Outcome> claimExactly(Errand errand, Wanted.Exactly wanted) {
        Instant now = clock.instant();
        return store.takeExactly(wanted.workspace(), wanted.version(), errand.ask(), now)
                .chain(claim -> claim.isPresent()
                        ? taken(claim.get())
                        : byKey(errand)
                                .chain(earlier -> earlier.isPresent()
                                        ? Uni.createFrom().item(earlier.get())
                                        : claimExactlyWithinQuota(errand, wanted)));
    }

    /** The first attempt gives nothing where the organization has a quota, without saying so. */
    private Uni<Outcome> claimExactlyWithinQuota(Errand errand, Wanted.Exactly wanted) {
        return store.takeExactlyWithinQuota(wanted.workspace(), wanted.version(), errand.ask(), clock.instant())
                .chain(result -> switch (result) {
                    case UnderQuota.Exceeded<Optional<Claim>>(var quota) ->
                        elseByKey(errand, new Outcome.OverQuota(quota));
                    case UnderQuota.Within<Optional<Claim>>(var claim) ->
                        claim.isPresent() ? taken(claim.get()) : elseByKey(errand, new Outcome.NotThisOne());
                });
    }

    private Uni<Outcome> taken(Claim claim) {
        bell.ring(Channel.RECONCILE);
        return Uni.createFrom().item(new Outcome.Given(List.of(claim), Optional.empty()));
    }

    private Uni<Outcome> notTaken(Errand errand, Presets.Found found) {
        return byKey(errand)
                .chain(earlier ->
                        earlier.isPresent() ? Uni.createFrom().item(earlier.get()) : explain(errand, found, 1));
    }

    /** A preset and why it gives nothing. */
    private record Short(Claimable preset, Shortage why) {

        /** What nobody waits for is there, only locked a moment ago. */
        boolean has(int wanted) {
            return why.active() && why.claimable() - why.waiting() >= wanted;
        }
    }

    private Uni<Outcome> explain(Errand errand, Presets.Found from, int attempt) {
        return Multi.createFrom()
                .iterable(from.presets())
                .onItem()
                .transformToUniAndConcatenate(preset -> why(errand, preset))
                .collect()
                .asList()
                .map(found -> found.stream().flatMap(Optional::stream).toList())
                .chain(shorts -> judge(errand, from, shorts, attempt));
    }

    private record Question(UUID preset, Optional<UUID> callersOrganization) {}

    /** Of a burst that found nothing all ask the same. */
    private Uni<Map<Question, Shortage>> shortages(Set<Question> questions) {
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

    private Uni<Optional<Map.Entry<Question, Shortage>>> answered(Question question) {
        return reads.shortage(question.preset(), question.callersOrganization(), clock.instant())
                .map(found -> found.map(why -> Map.entry(question, why)));
    }

    private Uni<Optional<Short>> why(Errand errand, Claimable preset) {
        return shortages
                .ask(new Question(preset.id(), errand.caller().organization()))
                .map(found -> found.map(why -> new Short(preset, why)));
    }

    private Uni<Outcome> judge(Errand errand, Presets.Found from, List<Short> shorts, int attempt) {
        List<Short> active = shorts.stream().filter(one -> one.why().active()).toList();
        if (from.remembered() && active.size() < from.presets().size()) {
            return presets.lookUp(errand.caller(), errand.request().wanted()).chain(now -> fromStock(errand, now));
        }
        if (shorts.isEmpty()) {
            return Uni.createFrom().item(new Outcome.UnknownPreset(OptionalInt.empty()));
        }
        if (active.isEmpty()) {
            return Uni.createFrom().item(notActive(shorts.getFirst()));
        }
        if (active.getFirst().why().limited()) {
            return withinQuota(errand, active, 0);
        }
        boolean there = active.stream().anyMatch(one -> one.has(errand.request().atLeast()));
        return there && attempt < TRIES
                ? connectionsFull(active.getFirst())
                        .chain(full -> full.isPresent()
                                ? byPolicy(errand, active.getFirst(), false)
                                : again(errand, from, attempt))
                : byPolicy(errand, active.getFirst(), false);
    }

    private static Outcome notActive(Short home) {
        return new Outcome.NotActive(home.why().deprecated().orElse("its version is not the template's active one"));
    }

    /** There may be stock that is not given away because its server has no connections left for it. */
    private Uni<Optional<Outcome>> connectionsFull(Short home) {
        return reads.connections(home.preset().id())
                .map(found -> found.filter(Connections::full).map(Outcome.ConnectionsFull::new));
    }

    private Uni<Outcome> again(Errand errand, Presets.Found from, int attempt) {
        return Uni.createFrom()
                .voidItem()
                .onItem()
                .delayIt()
                .by(BETWEEN_TRIES.multipliedBy(attempt))
                .chain(() -> takeFirst(errand, from.presets(), 0))
                .chain(taken ->
                        taken.isPresent() ? Uni.createFrom().item(taken.get()) : explain(errand, from, attempt + 1));
    }

    private Uni<Outcome> withinQuota(Errand errand, List<Short> active, int index) {
        if (index == active.size()) {
            return byPolicy(errand, active.getFirst(), true);
        }
        Claimable preset = active.get(index).preset();
        Instant began = clock.instant();
        List<Ask> asks = store.asks(errand.ask(), errand.request().count());
        return store.takeWithinQuota(
                        preset.id(), preset.order(), asks, errand.request().atLeast(), began)
                .chain(result -> switch (result) {
                    case UnderQuota.Exceeded<List<Claim>>(var quota) -> elseByKey(errand, new Outcome.OverQuota(quota));
                    case UnderQuota.Within<List<Claim>>(var claims) ->
                        several(asks, claims, began)
                                .map(outcome -> Uni.createFrom().item(outcome))
                                .orElseGet(() -> withinQuota(errand, active, index + 1));
                });
    }

    private Uni<Outcome> byPolicy(Errand errand, Short home, boolean limited) {
        return switch (errand.request().policy()) {
            case Policy.Fail() -> noneInStock(errand, home);
            case Policy.Cold() -> cold(errand, home, limited);
            case Policy.Wait wait -> await(errand, home, wait, limited);
        };
    }

    private Uni<Outcome> noneInStock(Errand errand, Short home) {
        Uni<Outcome> none = prospect(home).map(prospect -> new Outcome.NoneInStock(home.why(), prospect));
        return home.has(errand.request().atLeast())
                ? connectionsFull(home)
                        .chain(full -> full.isPresent() ? Uni.createFrom().item(full.get()) : none)
                : none;
    }

    private Uni<Outcome> cold(Errand errand, Short home, boolean limited) {
        UUID preset = home.preset().id();
        Instant now = clock.instant();
        Uni<UnderQuota<Optional<UUID>>> attempt = limited
                ? store.takeColdWithinQuota(preset, errand.ask(), now)
                : store.takeCold(preset, errand.ask(), now).map(UnderQuota.Within::new);
        return attempt.chain(result -> result instanceof UnderQuota.Within<Optional<UUID>>(var claim) && claim.isEmpty()
                ? connectionsFull(home)
                        .map(full -> full.orElse(new Outcome.NotActive(REPLACED)))
                        .chain(otherwise -> elseByKey(errand, otherwise))
                : begun(errand, result, "cold", Channel.JOBS, new Outcome.NotActive(REPLACED)));
    }

    private Uni<Outcome> await(Errand errand, Short home, Policy.Wait wait, boolean limited) {
        UUID preset = home.preset().id();
        Instant now = clock.instant();
        Patience patience = patience(wait, now);
        Uni<UnderQuota<Optional<UUID>>> attempt = limited
                ? store.waitWithinQuota(preset, errand.ask(), patience, now)
                : store.waitFor(preset, errand.ask(), patience, now).map(UnderQuota.Within::new);
        return attempt.chain(result -> result instanceof UnderQuota.Within<Optional<UUID>>(var claim) && claim.isEmpty()
                ? whyNotWaiting(errand, home.preset())
                : begun(errand, result, "waited", Channel.WAITING, new Outcome.NotActive(REPLACED)));
    }

    private Uni<Outcome> whyNotWaiting(Errand errand, Claimable preset) {
        return why(errand, preset)
                .chain(found -> found.isPresent() && found.get().why().active()
                        ? tooManyWait(errand, found.get())
                        : Uni.createFrom().item(new Outcome.NotActive(REPLACED)))
                .chain(otherwise -> elseByKey(errand, otherwise));
    }

    /** The share of which the least is left is the one that was full. */
    private Uni<Outcome> tooManyWait(Errand errand, Short home) {
        int most = settings.waitingMax();
        int mostOfUser = settings.waitingMaxOfUser();
        return reads.waiting(home.preset().id(), errand.caller().userId())
                .chain(now -> prospect(home)
                        .map(prospect -> mostOfUser - now.ofUser() <= most - now.inOrganization()
                                ? new Outcome.TooManyWait(true, now.ofUser(), mostOfUser, prospect.eta())
                                : new Outcome.TooManyWait(false, now.inOrganization(), most, prospect.eta())));
    }

    /** For a claim that came now. */
    private Uni<Prospect> prospect(Short home) {
        return prospects.of(home.preset().id(), home.why().waiting() + 1, home.why());
    }

    private Uni<Outcome> begun(
            Errand errand, UnderQuota<Optional<UUID>> result, String path, Channel topic, Outcome otherwise) {
        return switch (result) {
            case UnderQuota.Exceeded<Optional<UUID>>(var quota) -> elseByKey(errand, new Outcome.OverQuota(quota));
            case UnderQuota.Within<Optional<UUID>>(var claim) ->
                claim.isEmpty() ? elseByKey(errand, otherwise) : begun(claim.get(), path, topic);
        };
    }

    private Uni<Outcome> begun(UUID claim, String path, Channel topic) {
        bell.ring(topic);
        return Uni.createFrom().item(new Outcome.Begun(claim, path));
    }

    private Uni<Outcome> elseByKey(Errand errand, Outcome otherwise) {
        return byKey(errand).map(earlier -> earlier.orElse(otherwise));
    }

    private Uni<Optional<Outcome>> byKey(Errand errand) {
        return errand.key().isEmpty()
                ? Uni.createFrom().item(Optional.empty())
                : reads.findByKey(errand.caller().userId(), errand.key().get())
                        .map(earlier -> earlier.map(Claims::replay));
    }

    private static Outcome replay(Earlier earlier) {
        return earlier.sameRequest() ? new Outcome.Replayed(earlier.claims(), earlier.path()) : new Outcome.KeyReused();
    }
}
