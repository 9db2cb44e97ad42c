package dev.larder.claim;

import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.pool.Caller;
import dev.larder.store.ClaimStore;
import dev.larder.store.ClaimStore.Earlier;
import dev.larder.store.ClaimStore.IdempotencyKey;
import dev.larder.store.ClaimStore.Shortage;
import dev.larder.wake.Bell;
import dev.larder.wake.Topic;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;

/**
 * From a request to an outcome (design, section 3). The order is: what the idempotency key already came to, what is in
 * stock, what the policy says. Looking at the key comes second in time, because the claim itself refuses a used one.
 */
@ApplicationScoped
class Claims {

    /** A claimable prebuild may be locked by somebody who does not take it in the end; that is not "none". */
    private static final int TRIES = 8;

    private static final Duration BETWEEN_TRIES = Duration.ofMillis(5);
    private static final Duration RETRY_WITHOUT_EVIDENCE = Duration.ofSeconds(30);
    private static final Duration RETRY_AT_LEAST = Duration.ofSeconds(1);
    private static final Duration RETRY_AT_MOST = Duration.ofMinutes(5);

    private final ClaimStore store;
    private final Bell bell;
    private final InstantSource clock;

    Claims(ClaimStore store, Bell bell, InstantSource clock) {
        this.store = store;
        this.bell = bell;
        this.clock = clock;
    }

    /** How a request ended. */
    sealed interface Outcome {

        /** The word the metrics use. */
        default String word() {
            return switch (this) {
                case Claimed claimed -> claimed.replayed() ? "replayed" : "claimed";
                case KeyReused reused -> "idempotency_key_reused";
                case UnknownPreset unknown -> "preset_not_found";
                case NotActive inactive -> "preset_not_active";
                case NoneInStock none -> "no_claimable_workspace";
                case NotThisOne other -> "workspace_not_claimable";
                case OrganizationNeeded needed -> "missing_field";
            };
        }

        /** By which path it was served; {@code none} where nothing was handed out. */
        default String path() {
            return this instanceof Claimed claimed ? claimed.path() : "none";
        }

        /**
         * @param path {@code warm} or {@code cold}
         * @param replayed whether an earlier request under the same key made it
         */
        record Claimed(UUID claim, String path, boolean replayed) implements Outcome {}

        /** The key was used for another request. */
        record KeyReused() implements Outcome {}

        record UnknownPreset() implements Outcome {}

        /** The template is deprecated or has another active version. */
        record NotActive(String why) implements Outcome {}

        /** Nothing is in stock and the policy is to fail. */
        record NoneInStock(Duration retryAfter) implements Outcome {}

        /** It is not there, not claimable, or no longer has that version. */
        record NotThisOne() implements Outcome {}

        record OrganizationNeeded() implements Outcome {}
    }

    Uni<Outcome> claim(Caller caller, ClaimRequest request, Optional<String> idempotencyKey) {
        Optional<IdempotencyKey> key = idempotencyKey.map(text -> new IdempotencyKey(text, request.hash()));
        return switch (request.wanted()) {
            case Wanted.PresetById(var preset) -> claimPreset(caller, preset, request.policy(), key);
            case Wanted.PresetByName named -> claimNamed(caller, named, request.policy(), key);
            case Wanted.Exactly exactly -> claimExactly(caller, exactly, key);
        };
    }

    private Uni<Outcome> claimNamed(
            Caller caller, Wanted.PresetByName named, Policy policy, Optional<IdempotencyKey> key) {
        if (named.organization().isEmpty() && caller.organization().isEmpty()) {
            return Uni.createFrom().item(new Outcome.OrganizationNeeded());
        }
        return store.findPreset(named.organization(), named.template(), named.preset(), caller.organization())
                .chain(preset -> preset.isPresent()
                        ? claimPreset(caller, preset.get(), policy, key)
                        : elseByKey(caller, key, new Outcome.UnknownPreset()));
    }

    private Uni<Outcome> claimExactly(Caller caller, Wanted.Exactly wanted, Optional<IdempotencyKey> key) {
        return store.claimExactly(
                        wanted.workspace(),
                        wanted.version(),
                        caller.userId(),
                        caller.organization(),
                        key,
                        clock.instant())
                .chain(claim ->
                        claim.isPresent() ? taken(claim.get()) : elseByKey(caller, key, new Outcome.NotThisOne()));
    }

    private Uni<Outcome> claimPreset(Caller caller, UUID preset, Policy policy, Optional<IdempotencyKey> key) {
        return takeFromStock(caller, new Ask(preset, policy, key), 1);
    }

    private record Ask(UUID preset, Policy policy, Optional<IdempotencyKey> key) {}

    private Uni<Outcome> takeFromStock(Caller caller, Ask ask, int attempt) {
        return store.claimOldestReady(ask.preset(), caller.userId(), caller.organization(), ask.key(), clock.instant())
                .chain(claim -> claim.isPresent() ? taken(claim.get()) : notTaken(caller, ask, attempt));
    }

    private Uni<Outcome> taken(UUID claim) {
        bell.ring(Topic.RECONCILE);
        return Uni.createFrom().item(new Outcome.Claimed(claim, "warm", false));
    }

    private Uni<Outcome> notTaken(Caller caller, Ask ask, int attempt) {
        return byKey(caller, ask.key())
                .chain(earlier -> earlier.isPresent()
                        ? Uni.createFrom().item(earlier.get())
                        : store.shortage(ask.preset(), caller.organization(), clock.instant())
                                .chain(shortage -> judge(caller, ask, attempt, shortage)));
    }

    private Uni<Outcome> judge(Caller caller, Ask ask, int attempt, Optional<Shortage> found) {
        if (found.isEmpty()) {
            return Uni.createFrom().item(new Outcome.UnknownPreset());
        }
        Shortage shortage = found.get();
        if (!shortage.active()) {
            String why = shortage.deprecated().orElse("its version is not the template's active one");
            return Uni.createFrom().item(new Outcome.NotActive(why));
        }
        if (shortage.claimable() > 0 && attempt < TRIES) {
            return Uni.createFrom()
                    .voidItem()
                    .onItem()
                    .delayIt()
                    .by(BETWEEN_TRIES.multipliedBy(attempt))
                    .chain(() -> takeFromStock(caller, ask, attempt + 1));
        }
        return switch (ask.policy()) {
            case FAIL -> Uni.createFrom().item(new Outcome.NoneInStock(retryAfter(shortage)));
            case COLD -> buildCold(caller, ask);
        };
    }

    private Uni<Outcome> buildCold(Caller caller, Ask ask) {
        return store.claimCold(ask.preset(), caller.userId(), ask.key(), clock.instant())
                .chain(claim -> claim.isPresent()
                        ? begun(claim.get())
                        : elseByKey(caller, ask.key(), new Outcome.NotActive("its version was just replaced")));
    }

    private Uni<Outcome> begun(UUID claim) {
        bell.ring(Topic.JOBS);
        return Uni.createFrom().item(new Outcome.Claimed(claim, "cold", false));
    }

    private Uni<Outcome> elseByKey(Caller caller, Optional<IdempotencyKey> key, Outcome otherwise) {
        return byKey(caller, key).map(earlier -> earlier.orElse(otherwise));
    }

    private Uni<Optional<Outcome>> byKey(Caller caller, Optional<IdempotencyKey> key) {
        return key.isEmpty()
                ? Uni.createFrom().item(Optional.empty())
                : store.findByKey(caller.userId(), key.get()).map(earlier -> earlier.map(Claims::replay));
    }

    private static Outcome replay(Earlier earlier) {
        return earlier.sameRequest()
                ? new Outcome.Claimed(earlier.claim(), earlier.path(), true)
                : new Outcome.KeyReused();
    }

    /** From the pool's own build times: half of one where some are under way, a whole one where none is. */
    static Duration retryAfter(Shortage shortage) {
        Duration build = shortage.buildTime().orElse(RETRY_WITHOUT_EVIDENCE);
        Duration wait = shortage.starting() > 0 ? build.dividedBy(2) : build;
        if (wait.compareTo(RETRY_AT_LEAST) < 0) {
            return RETRY_AT_LEAST;
        }
        return wait.compareTo(RETRY_AT_MOST) > 0 ? RETRY_AT_MOST : wait;
    }
}
