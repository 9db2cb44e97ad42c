package dev.larder.claim;

import dev.larder.lifecycle.CancelStore;
import dev.larder.lifecycle.EndClaimStore;
import dev.larder.lifecycle.StartBuildStore;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.Loop;
import dev.larder.wakeup.Ticker;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.TimeoutException;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.mutiny.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/**
 * The owner of every claim that waits or is leased (design, sections 3.4 and 3.6). It serves waiting claims
 * when stock becomes ready, ends them at their deadlines or begins their cold builds, lets a claim wait
 * again whose workspace failed its verification, and ends leases that have expired. Every process runs it;
 * row locks keep them apart. The table is the queue: a process remembers only which of its clients wait for
 * which claim.
 */
@ApplicationScoped
public class WaitingClaims {

    private static final Logger LOG = Logger.getLogger(WaitingClaims.class);

    /** In one round; what is left over the next one serves. */
    private static final int PRESETS_AT_ONCE = 100;

    private static final Duration ROUND_MAX = Duration.ofSeconds(30);
    private static final Duration PAUSE = Duration.ofMillis(500);
    private static final Duration WATCH = Duration.ofSeconds(1);

    private final WaitingClaimStore store;
    private final ColdClaimStore cold;
    private final EndClaimStore leases;
    private final CancelStore cancels;
    private final StartBuildStore builds;
    private final Combiner combiner;
    private final WakeUps wakeUps;
    private final Vertx vertx;
    private final InstantSource clock;
    private final Map<UUID, List<UniEmitter<? super Void>>> watched = new ConcurrentHashMap<>();
    private final Loop loop = new Loop("waiting claims", this::round);
    private volatile boolean working;
    private volatile boolean lettingGo;

    WaitingClaims(
            WaitingClaimStore store,
            ColdClaimStore cold,
            EndClaimStore leases,
            CancelStore cancels,
            StartBuildStore builds,
            Combiner combiner,
            WakeUps wakeUps,
            Vertx vertx,
            InstantSource clock) {
        this.store = store;
        this.cold = cold;
        this.leases = leases;
        this.cancels = cancels;
        this.builds = builds;
        this.combiner = combiner;
        this.wakeUps = wakeUps;
        this.vertx = vertx;
        this.clock = clock;
    }

    @Inject
    void keepPace(
            Ticker pace, @ConfigProperty(name = "larder.janitor.interval", defaultValue = "5s") Duration interval) {
        pace.keep("waiting claims", interval, this::tick);
        pace.keep("watched claims", WATCH, this::lookAgain);
    }

    /** From now on waiting claims are served. */
    public void start() {
        working = true;
        wakeUps.onChange(Channel.WAITING, loop::wake);
        loop.wake();
    }

    /**
     * Calls that wait for a claim are answered now, and no call is held any more; the claims keep their
     * places.
     */
    public void letGo() {
        lettingGo = true;
        watched.keySet().forEach(this::tell);
    }

    /** No more rounds, and no call is held any more. */
    public Uni<Void> stop() {
        letGo();
        working = false;
        return loop.stop(Duration.ofSeconds(5));
    }

    /** The owner of deadlines that no client looks at. */
    private Uni<Void> tick() {
        if (working) {
            loop.wake();
        }
        return Uni.createFrom().voidItem();
    }

    /** Where a wake-up was lost, clients that look see it a second later. */
    private Uni<Void> lookAgain() {
        if (working && !watched.isEmpty()) {
            loop.wake();
        }
        return Uni.createFrom().voidItem();
    }

    /**
     * Completes when the claim is settled, or after this time: look at it then.
     *
     * @param until when the line is to look at it in any case: the claim's own deadline
     */
    Uni<Void> settled(UUID claim, Instant until, Duration atMost) {
        if (!atMost.isPositive() || lettingGo) {
            return Uni.createFrom().voidItem();
        }
        if (!working) {
            // A client that asks again and again must not do so without a pause.
            return Uni.createFrom().voidItem().onItem().delayIt().by(PAUSE);
        }
        return Uni.createFrom()
                .<Void>emitter(emitter -> watch(claim, until, emitter))
                .ifNoItem()
                .after(atMost)
                .fail()
                .onFailure(TimeoutException.class)
                .recoverWithNull();
    }

    private void watch(UUID claim, Instant until, UniEmitter<? super Void> emitter) {
        watched.compute(claim, (id, others) -> {
            List<UniEmitter<? super Void>> all = others == null ? new CopyOnWriteArrayList<>() : others;
            all.add(emitter);
            return all;
        });
        long millis = Math.max(1, Duration.between(clock.instant(), until).toMillis() + 1);
        long deadline = vertx.setTimer(millis, passed -> loop.wake());
        UniEmitter<? super Void> unused = emitter.onTermination(() -> {
            boolean cancelled = vertx.cancelTimer(deadline);
            forget(claim, emitter);
        });
        if (lettingGo) {
            emitter.complete(null);
        }
        // The claim may have been served before it was watched.
        loop.wake();
    }

    private void forget(UUID claim, UniEmitter<? super Void> emitter) {
        watched.computeIfPresent(claim, (id, all) -> {
            all.remove(emitter);
            return all.isEmpty() ? null : all;
        });
    }

    private void tell(UUID claim) {
        List<UniEmitter<? super Void>> waiting = watched.remove(claim);
        if (waiting != null) {
            waiting.forEach(emitter -> emitter.complete(null));
        }
    }

    /**
     * One round. It takes one statement if there is nothing to do, and tells other processes of its changes.
     * Returns whether there may be more to do.
     */
    Uni<Boolean> round() {
        Instant now = clock.instant();
        return leases.toDo(now)
                .call(todo -> todo.unfit()
                        ? whole("unfit", takeBackUnfit(now))
                        : Uni.createFrom().voidItem())
                .call(todo -> todo.waiting() || todo.unfit()
                        ? whole("waiting", advance(now))
                        : Uni.createFrom().voidItem())
                .call(todo -> todo.failedCold()
                        ? whole("failed cold builds", endFailedCold(now))
                        : Uni.createFrom().voidItem())
                .chain(todo -> todo.expired() ? expire(now) : Uni.createFrom().item(false))
                .call(this::look)
                .ifNoItem()
                .after(ROUND_MAX)
                .fail();
    }

    /** What fails for one must not keep the others from their turn; it is tried again in the next round. */
    private static Uni<Void> whole(String what, Uni<?> part) {
        return part.replaceWithVoid()
                .onFailure()
                .invoke(cause -> LOG.warnf("claims not served, will be tried again what=%s cause=%s", what, cause))
                .onFailure()
                .recoverWithNull();
    }

    private Uni<Integer> takeBackUnfit(Instant now) {
        return cancels.withdraw(now, Instant.EPOCH)
                .chain(() -> leases.returnUnfit(now))
                .invoke(this::tellUnfit);
    }

    private void tellUnfit(int count) {
        if (count > 0) {
            LOG.warnf("claimed workspaces were not found fit and were taken back count=%d", count);
            wakeUps.changed(Change.UNFIT_WORKSPACE);
        }
    }

    private Uni<Integer> endFailedCold(Instant now) {
        return leases.endFailedCold(now)
                .chain(ended -> ended == 0 ? Uni.createFrom().item(0) : deleteFailed(ended, now));
    }

    private Uni<Integer> deleteFailed(int ended, Instant now) {
        LOG.infof("cold builds failed, their claims ended count=%d", ended);
        wakeUps.changed(Change.WAITING_CLAIM);
        return builds.deleteUsedUp(now).invoke(begun -> wakeUps.changed(Change.JOB_QUEUED));
    }

    private Uni<Void> advance(Instant now) {
        return leases.timeOut(now)
                .invoke(this::tellOthers)
                .chain(timedOut -> leases.follow(now))
                .invoke(this::tellOthers)
                .chain(followed -> serve())
                .chain(() -> leases.dueCold(now))
                .chain(due -> buildCold(due, now));
    }

    /** Answers whether there may be more. */
    private Uni<Boolean> expire(Instant now) {
        return leases.expire(now)
                .call(count -> count == 0 ? Uni.createFrom().item(0) : delete(count, now))
                .map(count -> count == EndClaimStore.AT_ONCE);
    }

    private Uni<Integer> delete(int expired, Instant now) {
        LOG.infof("leases expired count=%d", expired);
        return builds.recycle(now)
                .chain(() -> builds.deleteWanted(now))
                .invoke(begun -> wakeUps.changed(Change.JOB_QUEUED));
    }

    private void tellOthers(int changed) {
        if (changed > 0) {
            wakeUps.changed(Change.WAITING_CLAIM);
        }
    }

    private Uni<Void> serve() {
        return store.presetsToServe(PRESETS_AT_ONCE, clock.instant()).chain(this::serveEach);
    }

    private Uni<Void> serveEach(List<Claimable> presets) {
        return Multi.createFrom()
                .iterable(presets)
                .onItem()
                .transformToUniAndConcatenate(preset -> whole(preset.id().toString(), combiner.serveWaiting(preset)))
                .collect()
                .asList()
                .replaceWithVoid();
    }

    private Uni<Void> buildCold(List<UUID> due, Instant now) {
        return Multi.createFrom()
                .iterable(due)
                .onItem()
                .transformToUniAndConcatenate(claim ->
                        whole(claim.toString(), cold.coldForWaiting(claim, now).invoke(this::tellBegun)))
                .collect()
                .asList()
                .replaceWithVoid();
    }

    private void tellBegun(boolean begun) {
        if (begun) {
            wakeUps.changed(Change.COLD_BUILD);
        }
    }

    private Uni<Void> look() {
        Set<UUID> mine = Set.copyOf(watched.keySet());
        if (mine.isEmpty()) {
            return Uni.createFrom().voidItem();
        }
        return store.unsettled(mine)
                .invoke(waiting ->
                        mine.stream().filter(claim -> !waiting.contains(claim)).forEach(this::tell))
                .replaceWithVoid();
    }
}
