package dev.larder.claim;

import dev.larder.claim.ClaimReads.Claim;
import dev.larder.claim.ClaimReads.Claimable;
import dev.larder.claim.ClaimStore.Ask;
import dev.larder.claim.ClaimStore.Mark;
import dev.larder.claim.ClaimStore.Order;
import dev.larder.http.Problem;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;

/**
 * Takes from stock. While a statement of a preset runs, those who arrive for it gather, and the next statement serves them
 * all; nobody waits for a timer, so that alone one is served at once. It also remembers where the last claim of a preset
 * ended and begins to look there: entries of what is gone already need not be walked over again. That is a hint only: who
 * would get nothing is looked for from the start (design, section 3.1; decision 0010).
 */
@ApplicationScoped
class Combiner {

    private static final Logger LOG = Logger.getLogger(Combiner.class);

    /** A claim that has no answer by then is told to ask again. The server ends each statement earlier (decision 0024). */
    private static final Duration ANSWER_MAX = Duration.ofSeconds(15);

    /** The server ends both statements of a look earlier; what has not ended by then is on a connection that fell silent. */
    private static final Duration LOOK_MAX = Duration.ofSeconds(30);

    /** Beyond these, whoever asks is told to ask again: an answer would come too late to be of use. */
    private static final int GATHERED_MAX = 2_000;

    /** Presets whose lanes are kept while nobody asks for them. */
    private static final int LANES_KEPT = 4_096;

    private final ClaimStore store;
    private final WakeUps bell;
    private final InstantSource clock;
    private final ClaimSettings settings;
    private final Map<UUID, Lane> lanes = new ConcurrentHashMap<>();

    Combiner(ClaimStore store, WakeUps bell, InstantSource clock, ClaimSettings settings) {
        this.store = store;
        this.bell = bell;
        this.clock = clock;
        this.settings = settings;
    }

    /**
     * A claim from stock and what it took.
     *
     * @param queued from the ask to the begin of its statement
     * @param picked from there to the commit
     */
    record Granted(Claim claim, Duration queued, Duration picked) {}

    /** Gives a ready prebuild of the preset to who asks; empty where there is none, or the key has been used. */
    Uni<Optional<Granted>> take(Claimable preset, Ask ask) {
        return Uni.createFrom()
                .<Optional<Granted>>emitter(emitter -> lane(preset).add(Asking.of(ask, clock.instant(), emitter)))
                .ifNoItem()
                .after(ANSWER_MAX)
                .failWith(Lane::tooBusy);
    }

    /** Gives what became ready to those who wait for it; answers how many got one. */
    Uni<Integer> serveWaiting(Claimable preset) {
        return store.take(preset.id(), preset.order(), List.of(), 0, Mark.START, clock.instant())
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
            bell.ring(Channel.RECONCILE);
        }
        if (given.stream().anyMatch(claim -> claim.waitsUntil().isPresent())) {
            bell.ring(Channel.WAITING);
        }
        if (given.stream().anyMatch(claim -> claim.step().isPresent() || claim.isVerified())) {
            bell.ring(Channel.STEPS);
        }
    }

    private enum Place {
        FIRST,
        BEHIND,
        REFUSED
    }

    private record Asking(Ask ask, Instant at, UniEmitter<? super Optional<Granted>> emitter, AtomicBoolean gone) {

        static Asking of(Ask ask, Instant at, UniEmitter<? super Optional<Granted>> emitter) {
            AtomicBoolean gone = new AtomicBoolean();
            UniEmitter<? super Optional<Granted>> unused = emitter.onTermination(() -> gone.set(true));
            return new Asking(ask, at, emitter, gone);
        }

        /** Those of one key must not meet in one statement: the second has to see the first one's claim. */
        Object distinct() {
            return ask.key().isEmpty()
                    ? ask.claim()
                    : List.of(ask.user(), ask.key().get().key());
        }
    }

    /** All that asks for one preset. */
    private final class Lane {

        private final Claimable preset;
        private final Deque<Asking> gathered = new ArrayDeque<>();
        private boolean running;
        private Mark mark = Mark.START;
        private Instant fullScanAt = Instant.EPOCH;

        Lane(Claimable preset) {
            this.preset = preset;
        }

        synchronized boolean isIdle() {
            return !running && gathered.isEmpty();
        }

        void add(Asking asking) {
            if (!settings.combine()) {
                run(List.of(asking), () -> {});
                return;
            }
            switch (queue(asking)) {
                case FIRST -> next();
                case BEHIND -> {}
                case REFUSED -> asking.emitter().fail(tooBusy());
            }
        }

        private synchronized Place queue(Asking asking) {
            if (gathered.size() >= GATHERED_MAX) {
                return Place.REFUSED;
            }
            gathered.add(asking);
            Place place = running ? Place.BEHIND : Place.FIRST;
            running = true;
            return place;
        }

        private static Problem tooBusy() {
            return Problem.of(503, "too_busy", "Too many claims of this preset are being answered.")
                    .withHeader("Retry-After", "1");
        }

        private void next() {
            List<Asking> together = gather();
            if (!together.isEmpty()) {
                run(together, this::next);
            }
        }

        private synchronized List<Asking> gather() {
            List<Asking> together = new ArrayList<>();
            Set<Object> seen = new HashSet<>();
            Iterator<Asking> waiting = gathered.iterator();
            while (waiting.hasNext() && together.size() < Math.max(1, settings.combineMax())) {
                Asking one = waiting.next();
                if (one.gone().get()) {
                    // Nothing may be taken for who has hung up.
                    waiting.remove();
                } else if (seen.add(one.distinct())) {
                    together.add(one);
                    waiting.remove();
                }
            }
            running = !together.isEmpty();
            return together;
        }

        /**
         * Here a loop starts: the next statement begins when this one has ended, however it ends. One preset so holds one
         * connection, also while its rows are locked.
         */
        private void run(List<Asking> together, Runnable after) {
            Instant began = clock.instant();
            Uni.createFrom()
                    .deferred(() -> scan(together.stream().map(Asking::ask).toList(), began))
                    .ifNoItem()
                    .after(LOOK_MAX)
                    .failWith(Lane::tooBusy)
                    .invoke(Combiner.this::tell)
                    .invoke(claims -> answer(together, claims, began))
                    .onFailure()
                    .invoke(failure -> together.forEach(one -> one.emitter().fail(failure)))
                    .onTermination()
                    .invoke(after)
                    .subscribe()
                    .with(claims -> {}, failure -> LOG.debugf("claims not answered cause=%s", failure));
        }

        private void answer(List<Asking> together, List<Claim> claims, Instant began) {
            Map<UUID, Claim> byId = claims.stream().collect(Collectors.toMap(Claim::id, Function.identity()));
            Duration picked = Duration.between(began, clock.instant());
            for (Asking one : together) {
                one.emitter()
                        .complete(Optional.ofNullable(byId.get(one.ask().claim()))
                                .map(claim -> new Granted(claim, Duration.between(one.at(), began), picked)));
            }
        }

        private Uni<List<Claim>> scan(List<Ask> asks, Instant at) {
            Mark from = from(at);
            return store.take(preset.id(), preset.order(), asks, 0, from, at)
                    .invoke(this::moveMark)
                    .chain(claims -> from.equals(Mark.START) ? Uni.createFrom().item(claims) : rest(asks, claims, at));
        }

        /**
         * Nobody is told "none" before it was looked for everywhere. What the first look gave is committed and must be
         * answered, whatever becomes of the second.
         */
        private Uni<List<Claim>> rest(List<Ask> asks, List<Claim> claims, Instant at) {
            Set<UUID> served = claims.stream().map(Claim::id).collect(Collectors.toSet());
            List<Ask> unserved =
                    asks.stream().filter(ask -> !served.contains(ask.claim())).toList();
            if (unserved.isEmpty()) {
                return Uni.createFrom().item(claims);
            }
            return store.take(preset.id(), preset.order(), unserved, 0, Mark.START, at)
                    .invoke(this::moveMark)
                    .map(more -> joined(claims, more))
                    .onFailure()
                    .invoke(failure -> LOG.warnf("second look failed preset=%s cause=%s", preset.id(), failure))
                    .onFailure()
                    .recoverWithItem(claims);
        }

        private synchronized Mark from(Instant at) {
            if (!settings.watermark() || preset.order() != Order.OLDEST || !at.isBefore(fullScanAt)) {
                fullScanAt = at.plus(settings.fullScanEvery());
                return Mark.START;
            }
            return mark;
        }

        private synchronized void moveMark(List<Claim> claims) {
            claims.stream()
                    .flatMap(claim -> claim.workspace().stream())
                    .map(workspace -> new Mark(workspace.createdAt(), workspace.id()))
                    .max(Comparator.comparing(Mark::createdAt).thenComparing(Mark::workspace, Combiner::compare))
                    .ifPresent(last -> mark = last);
        }
    }

    private static List<Claim> joined(List<Claim> some, List<Claim> more) {
        List<Claim> all = new ArrayList<>(some);
        all.addAll(more);
        return all;
    }

    /** As PostgreSQL orders them: by their bytes. */
    private static int compare(UUID one, UUID other) {
        int high = Long.compareUnsigned(one.getMostSignificantBits(), other.getMostSignificantBits());
        return high != 0 ? high : Long.compareUnsigned(one.getLeastSignificantBits(), other.getLeastSignificantBits());
    }
}
