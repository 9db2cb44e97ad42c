package dev.larder.claim;

import dev.larder.claim.ClaimStore.Taken;
import dev.larder.claim.Claimable.Order;
import dev.larder.claim.Outcome.Stages;
import dev.larder.database.Batcher;
import dev.larder.database.Batcher.Limits;
import dev.larder.http.Problem;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
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
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Serves claims from stock. Claims of one preset that arrive while a statement of it runs are served
 * together by the next one; no timer is involved, so a single claim is served at once. A scan begins where
 * the last claim of the preset ended, so that index entries of claimed prebuilds are not read again. That
 * is a hint only: a claim that would get nothing is looked for from the oldest (design, section 3.1;
 * decision 0010).
 */
@ApplicationScoped
class Combiner {

    private static final Logger LOG = Logger.getLogger(Combiner.class);

    /**
     * After this time a claim without an answer is refused as busy. The server ends each statement earlier
     * (decision 0024).
     */
    private static final Duration ANSWER_MAX = Duration.ofSeconds(15);

    /** The server ends both statements of a scan earlier. After this time the connection counts as broken. */
    private static final Duration LOOK_MAX = Duration.ofSeconds(30);

    /** Claims of one preset that may queue; more are refused as busy, because their answers would come too late. */
    private static final int QUEUED_MAX = 2_000;

    /** Presets whose lanes are kept while no claims of them arrive. */
    private static final int LANES_KEPT = 4_096;

    private final ClaimStore store;
    private final WakeUps wakeUps;
    private final InstantSource clock;
    private final ClaimSettings settings;
    private final Map<UUID, Lane> lanes = new ConcurrentHashMap<>();

    Combiner(ClaimStore store, WakeUps wakeUps, InstantSource clock, ClaimSettings settings) {
        this.store = store;
        this.wakeUps = wakeUps;
        this.clock = clock;
        this.settings = settings;
    }

    /** The result of a claim from stock. */
    sealed interface FromStock {

        /** @param edition of the preset's {@link Line} */
        record Granted(Outcome.Given outcome, String edition) implements FromStock {}

        /**
         * There is no stock, or the key was used before.
         *
         * @param edition of the preset's {@link Line}; null where the preset is not served
         */
        record None(@Nullable String edition) implements FromStock {}

        /** The preset's line has changed since it was looked up. */
        record Outdated() implements FromStock {}

        /** The organization has a quota, so nothing is given outside of its lock. */
        record Limited() implements FromStock {}

        /** The answer to a claim that is not among those that were served. */
        static FromStock nothing(Taken taken) {
            return taken.limited() ? new Limited() : new None(taken.edition());
        }
    }

    /** Gives a ready prebuild of the preset to the claim. */
    Uni<FromStock> take(Claimable preset, NewClaim claim) {
        return lane(preset)
                .batcher
                .ask(new Asking(claim, clock.instant()))
                .map(answer -> answer.orElseGet(() -> new FromStock.None(null)))
                .ifNoItem()
                .after(ANSWER_MAX)
                .failWith(Combiner::tooBusy);
    }

    /** Gives what became ready to the claims that wait for it; answers how many got a workspace. */
    Uni<Integer> serveWaiting(Claimable preset) {
        return store.take(preset.id(), preset.order(), List.of(), 0, ScanStart.OLDEST, clock.instant())
                .map(Taken::claims)
                .invoke(this::tell)
                .map(List::size);
    }

    private Lane lane(Claimable preset) {
        if (lanes.size() > LANES_KEPT) {
            lanes.values().removeIf(Lane::isIdle);
        }
        return lanes.computeIfAbsent(preset.id(), unseen -> new Lane(preset));
    }

    private void tell(List<Claim> given) {
        if (!given.isEmpty()) {
            wakeUps.changed(Change.STOCK_TAKEN);
        }
        if (given.stream().anyMatch(claim -> claim.waitsUntil().isPresent())) {
            wakeUps.changed(Change.WAITING_CLAIM);
        }
        if (given.stream().anyMatch(claim -> claim.step().isPresent() || claim.isVerified())) {
            wakeUps.changed(Change.STEP_WANTED);
        }
    }

    /** Known by its claim's id: a batcher looks it up several times per claim, and a claim holds much. */
    private record Asking(NewClaim claim, Instant at) {

        @Override
        public boolean equals(Object other) {
            return other instanceof Asking asking && claim.id().equals(asking.claim.id());
        }

        @Override
        public int hashCode() {
            return claim.id().hashCode();
        }

        /** Two claims under one key must not meet in one statement: the second has to see the first one. */
        Object apart() {
            return claim.key().isEmpty()
                    ? claim.id()
                    : List.of(claim.caller().userId(), claim.key().get().key());
        }
    }

    private static Problem tooBusy() {
        return Problem.of(503, "too_busy", "Too many claims of this preset are being answered.")
                .withHeader("Retry-After", "1");
    }

    /** Without combining each claim has a statement of its own at once. */
    private Limits limits() {
        return settings.combine()
                ? new Limits(1, Math.max(1, settings.combineMax()), QUEUED_MAX, LOOK_MAX)
                : new Limits(Integer.MAX_VALUE, 1, QUEUED_MAX, LOOK_MAX);
    }

    /** The claims of one preset. It holds one connection at most, also while the preset's rows are locked. */
    private final class Lane {

        private final Claimable preset;
        private final Batcher<Asking, FromStock> batcher =
                new Batcher<>(limits(), Asking::apart, Combiner::tooBusy, this::takeAll);
        private ScanStart start = ScanStart.OLDEST;
        private Instant fullScanAt = Instant.EPOCH;

        Lane(Claimable preset) {
            this.preset = preset;
        }

        boolean isIdle() {
            return batcher.isIdle();
        }

        private Uni<Map<Asking, FromStock>> takeAll(Set<Asking> together) {
            Instant began = clock.instant();
            return scan(together.stream().map(Asking::claim).toList(), began)
                    .invoke(taken -> tell(taken.claims()))
                    .map(taken -> answers(together, taken, began));
        }

        private Map<Asking, FromStock> answers(Set<Asking> together, Taken taken, Instant began) {
            Map<UUID, Claim> byId = taken.claims().stream().collect(Collectors.toMap(Claim::id, Function.identity()));
            Duration picked = Duration.between(began, clock.instant());
            Map<Asking, FromStock> answers = new HashMap<>();
            for (Asking one : together) {
                Claim claim = byId.get(one.claim().id());
                Stages stages = new Stages(Duration.between(one.at(), began), picked);
                answers.put(one, claim == null ? FromStock.nothing(taken) : granted(claim, stages, taken));
            }
            return answers;
        }

        private static FromStock granted(Claim claim, Stages stages, Taken taken) {
            return new FromStock.Granted(
                    new Outcome.Given(List.of(claim), Optional.of(stages)), String.valueOf(taken.edition()));
        }

        private Uni<Taken> scan(List<NewClaim> claims, Instant at) {
            ScanStart from = from(at);
            return store.take(preset.id(), preset.order(), claims, 0, from, at)
                    .invoke(this::moveStart)
                    .chain(taken ->
                            from.equals(ScanStart.OLDEST) ? Uni.createFrom().item(taken) : scanAll(claims, taken, at));
        }

        /**
         * No claim is answered "none" before all stock was looked at. The result of the first scan is committed and
         * must be answered, even if the second scan fails.
         */
        private Uni<Taken> scanAll(List<NewClaim> claims, Taken before, Instant at) {
            List<NewClaim> unserved = before.unserved(claims);
            if (unserved.isEmpty()) {
                return Uni.createFrom().item(before);
            }
            return store.take(preset.id(), preset.order(), unserved, 0, ScanStart.OLDEST, at)
                    .invoke(this::moveStart)
                    .map(before::and)
                    .onFailure()
                    .invoke(failure -> LOG.warnf("second look failed preset=%s cause=%s", preset.id(), failure))
                    .onFailure()
                    .recoverWithItem(before);
        }

        private synchronized ScanStart from(Instant at) {
            if (!settings.watermark() || preset.order() != Order.OLDEST || !at.isBefore(fullScanAt)) {
                fullScanAt = at.plus(settings.fullScanEvery());
                return ScanStart.OLDEST;
            }
            return start;
        }

        private synchronized void moveStart(Taken taken) {
            taken.claims().stream()
                    .flatMap(claim -> claim.workspace().stream())
                    .map(workspace -> new ScanStart(workspace.createdAt(), workspace.id()))
                    .max(Comparator.comparing(ScanStart::createdAt)
                            .thenComparing(ScanStart::workspace, Combiner::compare))
                    .ifPresent(last -> start = last);
        }
    }

    /** As PostgreSQL orders them: by their bytes. */
    private static int compare(UUID one, UUID other) {
        int high = Long.compareUnsigned(one.getMostSignificantBits(), other.getMostSignificantBits());
        return high != 0 ? high : Long.compareUnsigned(one.getLeastSignificantBits(), other.getLeastSignificantBits());
    }
}
