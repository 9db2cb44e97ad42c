package dev.larder.testing;

import static dev.larder.testing.Stock.await;

import dev.larder.claim.Claim;
import dev.larder.claim.ClaimQuotaStore.UnderQuota;
import dev.larder.claim.ClaimStore;
import dev.larder.claim.ClaimStore.Taken;
import dev.larder.claim.Claimable.Order;
import dev.larder.claim.IdempotencyKey;
import dev.larder.claim.NewClaim;
import dev.larder.claim.ScanStart;
import dev.larder.claim.WaitPolicy;
import dev.larder.model.Caller;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Words for those who claim from a {@link Stock}: who asks, who waits, and what became of it. */
public final class Claimers {

    /** How long whoever waits is ready to. */
    public static final Duration TIMEOUT = Duration.ofMinutes(5);

    private static final int WAITING_MAX = 1_000;
    private static final long PATIENCE_SECONDS = 20;

    private final Stock stock;

    public Claimers(Stock stock) {
        this.stock = stock;
    }

    public NewClaim ask(Caller who) {
        return stock.newClaims.one(who, Optional.empty(), Optional.empty());
    }

    public NewClaim ask(Caller who, String key) {
        return stock.newClaims.one(who, Optional.of(key(key)), Optional.empty());
    }

    /** So many, each by itself. */
    public NewClaim[] asks(Caller who, int count) {
        return Stream.generate(() -> ask(who)).limit(count).toArray(NewClaim[]::new);
    }

    public NewClaim leased(Caller who, Duration ttl) {
        return stock.newClaims.one(who, Optional.empty(), Optional.of(ttl));
    }

    /** Every request under this key is the same one. */
    public static IdempotencyKey key(String text) {
        return new IdempotencyKey(text, new byte[32]);
    }

    /** Single asks that arrive together. */
    @CanIgnoreReturnValue
    public List<Claim> take(UUID preset, NewClaim... asks) {
        return await(taking(stock.claims, preset, List.of(asks), 0));
    }

    /** One request for several. */
    @CanIgnoreReturnValue
    public List<Claim> batch(UUID preset, NewClaim first, int count, int atLeast) {
        return await(taking(stock.claims, preset, stock.newClaims.several(first, count), atLeast));
    }

    public Uni<List<Claim>> taking(ClaimStore store, UUID preset, List<NewClaim> asks, int atLeast) {
        return store.take(preset, Order.OLDEST, asks, atLeast, ScanStart.OLDEST, stock.clock.instant())
                .map(Taken::claims);
    }

    /** One claim, made by a store of somebody else's. */
    public Optional<Claim> takeBy(ClaimStore store, UUID preset, NewClaim ask) {
        return await(taking(store, preset, List.of(ask), 0)).stream().findFirst();
    }

    /** A claim of exactly this workspace, whose quota suffices. */
    public Uni<Optional<Claim>> takingExactly(UUID workspace, int version, NewClaim claim, Instant at) {
        return stock.exactClaims.takeExactly(workspace, version, claim, at).map(Claimers::within);
    }

    public static <T> T within(UnderQuota<T> result) {
        return switch (result) {
            case UnderQuota.Exceeded<T>(var quota) -> throw new AssertionError("over quota: " + quota);
            case UnderQuota.Within<T>(var made) -> made;
        };
    }

    /** A lease of this length. */
    public Claim lease(UUID preset, Caller who, Duration ttl) {
        return take(preset, leased(who, ttl)).getFirst();
    }

    public WaitPolicy patience(int priority, boolean thenCold) {
        return new WaitPolicy(priority, now().plus(TIMEOUT), thenCold, WAITING_MAX, WAITING_MAX);
    }

    @CanIgnoreReturnValue
    public UUID waits(UUID preset, Caller who) {
        return waits(preset, ask(who), patience(0, false)).orElseThrow();
    }

    public UUID waits(UUID preset, Caller who, int priority) {
        return waits(preset, ask(who), patience(priority, false)).orElseThrow();
    }

    public UUID waitsThenCold(UUID preset, Caller who) {
        return waits(preset, ask(who), patience(0, true)).orElseThrow();
    }

    public Optional<UUID> waits(UUID preset, NewClaim ask, WaitPolicy patience) {
        return await(stock.waitingClaims.waitFor(preset, ask, patience, now()));
    }

    /** Nobody asks; what is ready goes to those who wait. */
    @CanIgnoreReturnValue
    public List<Claim> serve(UUID preset) {
        return take(preset);
    }

    public UUID workspaceOf(UUID claim) {
        return stock.look(claim).workspace().orElseThrow().id();
    }

    /** {@code waiting}, {@code held}, or why it ended. */
    public String stateOf(UUID claim) {
        Claim seen = stock.look(claim);
        return seen.endedReason().orElse(seen.waits() ? "waiting" : "held");
    }

    public static List<UUID> ids(List<Claim> claims) {
        return claims.stream().map(Claim::id).toList();
    }

    /** It runs, and may be waiting for a lock. */
    public static <T> CompletableFuture<T> begin(Uni<T> uni) {
        return uni.subscribeAsCompletionStage();
    }

    @CanIgnoreReturnValue
    public static <T> T end(CompletableFuture<T> begun) {
        return begun.orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
    }

    private Instant now() {
        return stock.clock.instant();
    }
}
