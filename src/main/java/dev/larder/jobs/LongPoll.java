package dev.larder.jobs;

import dev.larder.http.Problem;
import dev.larder.model.Assignment;
import dev.larder.model.HeartbeatAnswer;
import dev.larder.model.JobSource;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Holds requests of remote workers for jobs. Each request asks the queue when it arrives, after each wake-up and at the
 * poll interval, until there is a job or its time is over.
 */
@ApplicationScoped
public class LongPoll {

    /** Requests that wait at one server. */
    static final int WAITING_MAX = 2_000;

    private static final Duration SHORTEST = Duration.ofMillis(1);

    // The shortest time between two questions of one worker to the queue, however many wake-ups there are.
    private static final Duration BETWEEN_ASKS = Duration.ofMillis(20);

    private final LocalJobSource jobSource;
    private final WorkerStore workers;
    private final InstantSource clock;
    private final QueueSettings settings;
    private final Set<UniEmitter<? super Void>> waiting = ConcurrentHashMap.newKeySet();
    private final AtomicLong wakeUpCount = new AtomicLong();
    private volatile boolean stopping;

    LongPoll(
            LocalJobSource jobSource,
            WorkerStore workers,
            WakeUps wakeUps,
            InstantSource clock,
            QueueSettings settings) {
        this.jobSource = jobSource;
        this.workers = workers;
        this.clock = clock;
        this.settings = settings;
        wakeUps.onChange(Channel.JOBS, this::wake);
    }

    private void wake() {
        var now = wakeUpCount.incrementAndGet();
        waiting.forEach(one -> one.complete(null));
    }

    /** Answers all waiting requests and lets no other wait, because the process ends. */
    public void stop() {
        stopping = true;
        wake();
    }

    /**
     * A worker's request for jobs.
     *
     * @param number as in {@link WorkerStore#ask}
     * @param running the jobs that the worker runs; other jobs leased to it were lost on the way and are released first
     * @param hold how long the request may wait; capped at the silence a worker is allowed, so that no lost worker
     *     gets jobs
     */
    record Ask(UUID worker, int number, int slots, Set<UUID> running, Duration hold) {}

    /** Codes: 409 {@code ask_superseded} if the worker has sent a newer request, 429 {@code too_many_waiting}. */
    Uni<List<Assignment>> take(Ask ask) {
        if (waiting.size() >= WAITING_MAX) {
            throw Problem.of(429, "too_many_waiting", "Too many workers wait for jobs at this server.")
                    .withHeader("Retry-After", "1");
        }
        Duration longest = settings.heartbeat().multipliedBy(2);
        Duration hold = ask.hold().compareTo(longest) < 0 ? ask.hold() : longest;
        return workers.ask(ask.worker(), ask.number(), clock.instant())
                .map(pulse -> pulse.orElseThrow(LongPoll::superseded))
                .chain(pulse -> releaseUnknown(ask, pulse))
                .chain(() -> takeUntil(ask, clock.instant().plus(hold)));
    }

    private static Problem superseded() {
        return Problem.of(409, "ask_superseded", "The worker has asked again since, or has left.");
    }

    private Uni<Void> releaseUnknown(Ask ask, HeartbeatAnswer pulse) {
        Set<UUID> lost = new HashSet<>(pulse.held());
        lost.removeAll(ask.running());
        return lost.isEmpty() ? Uni.createFrom().voidItem() : jobSource.releaseLost(ask.worker(), lost);
    }

    private Uni<List<Assignment>> takeUntil(Ask ask, Instant until) {
        Turn turn = new Turn(ask, until);
        return Multi.createBy()
                .repeating()
                .uni(turn::next)
                .whilst(taken -> taken.isEmpty() && !turn.over())
                .collect()
                .last();
    }

    /** One waiting request. */
    private final class Turn {

        private final Ask ask;
        private final Instant until;
        private long before = -1;
        private Instant asked = Instant.EPOCH;

        Turn(Ask ask, Instant until) {
            this.ask = ask;
            this.until = until;
        }

        boolean over() {
            return stopping || !clock.instant().isBefore(until);
        }

        /** Asks the queue: at once the first time, later after a wake-up or the poll interval. */
        Uni<List<Assignment>> next() {
            return (before < 0
                            ? Uni.createFrom().voidItem()
                            : wokenSince(before, until).chain(this::pause))
                    .invoke(this::asking)
                    .chain(() -> jobSource.lease(ask.worker(), ask.slots(), Set.of()))
                    .map(JobSource.Leased::jobs);
        }

        private void asking() {
            before = wakeUpCount.get();
            asked = clock.instant();
        }

        private Uni<Void> pause() {
            Duration since = Duration.between(asked, clock.instant());
            return since.compareTo(BETWEEN_ASKS) >= 0
                    ? Uni.createFrom().voidItem()
                    : Uni.createFrom().voidItem().onItem().delayIt().by(BETWEEN_ASKS);
        }
    }

    /** Completes at the next wake-up, at once if there was one since, or after the poll interval. */
    private Uni<Void> wokenSince(long before, Instant until) {
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
        if (wakeUpCount.get() != before) {
            emitter.complete(null);
        }
    }
}
