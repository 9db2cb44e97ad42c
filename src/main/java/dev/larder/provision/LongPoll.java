package dev.larder.provision;

import dev.larder.pool.Assignment;
import dev.larder.store.JobStore.Pulse;
import dev.larder.wake.Bell;
import dev.larder.wake.Topic;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Where workers from elsewhere wait for jobs: each asks the queue when it comes, whenever a job is rung for, and once in a
 * while anyway, until there is one or its time is over.
 */
@ApplicationScoped
class LongPoll {

    private static final Duration SHORTEST = Duration.ofMillis(1);

    private final QueueDesk desk;
    private final InstantSource clock;
    private final Settings settings;
    private final Set<UniEmitter<? super Void>> waiting = ConcurrentHashMap.newKeySet();
    private final AtomicLong rings = new AtomicLong();

    LongPoll(QueueDesk desk, Bell bell, InstantSource clock, Settings settings) {
        this.desk = desk;
        this.clock = clock;
        this.settings = settings;
        bell.onRing(Topic.JOBS, this::rung);
    }

    private void rung() {
        var now = rings.incrementAndGet();
        waiting.forEach(one -> one.complete(null));
    }

    /**
     * Leases jobs to a worker.
     *
     * @param running what it knows that it works on; what else it was leased got lost on the way, and is given up first
     * @return empty where the worker is no longer known
     */
    Uni<Optional<List<Assignment>>> take(UUID worker, int slots, Set<UUID> running, Duration hold) {
        return desk.beat(worker)
                .chain(pulse -> pulse.isEmpty()
                        ? Uni.createFrom().item(Optional.empty())
                        : giveUp(worker, pulse.get(), running)
                                .chain(() ->
                                        takeUntil(worker, slots, clock.instant().plus(hold)))
                                .map(Optional::of));
    }

    private Uni<Void> giveUp(UUID worker, Pulse pulse, Set<UUID> running) {
        Set<UUID> lost = new HashSet<>(pulse.held());
        lost.removeAll(running);
        return lost.isEmpty() ? Uni.createFrom().voidItem() : desk.giveUp(worker, lost);
    }

    private Uni<List<Assignment>> takeUntil(UUID worker, int slots, Instant until) {
        long before = rings.get();
        return desk.take(worker, slots, Set.of())
                .chain(taken -> taken.isEmpty() && clock.instant().isBefore(until)
                        ? ringSince(before, until).chain(() -> takeUntil(worker, slots, until))
                        : Uni.createFrom().item(taken));
    }

    /** Comes when a job is rung for, or was since; else with the backstop. */
    private Uni<Void> ringSince(long before, Instant until) {
        Duration left = Duration.between(clock.instant(), until);
        Duration wait = left.compareTo(settings.poll()) < 0 ? left : settings.poll();
        return Uni.createFrom()
                .<Void>emitter(emitter -> register(emitter, before))
                .ifNoItem()
                .after(wait.compareTo(SHORTEST) < 0 ? SHORTEST : wait)
                .recoverWithUni(() -> Uni.createFrom().voidItem());
    }

    private void register(UniEmitter<? super Void> emitter, long before) {
        waiting.add(emitter);
        emitter.onTermination(() -> waiting.remove(emitter));
        if (rings.get() != before) {
            emitter.complete(null);
        }
    }
}
