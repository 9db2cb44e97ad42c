package dev.larder.worker;

import dev.larder.model.Backend;
import dev.larder.model.HeartbeatAnswer;
import dev.larder.model.Inventory;
import dev.larder.model.Inventory.Item;
import dev.larder.model.Inventory.Part;
import dev.larder.model.JobSource;
import dev.larder.model.ReportOutcome;
import dev.larder.wakeup.Loop;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiFunction;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Lists the items that exist where a worker builds and reports them: at intervals, on request, and after a removal
 * (decision 0016). It lists only after a heartbeat was answered, because a listing begins at the time of that
 * answer.
 */
public final class InventoryReporter {

    private static final Logger LOG = Logger.getLogger(InventoryReporter.class);
    private static final Duration SOON = Duration.ofMinutes(1);

    /** A request reaches all workers at once. Listings of one place wait for each other. */
    private static final Duration SPREAD = Duration.ofSeconds(10);

    private static final Duration LONGEST = Duration.ofMinutes(10);

    private final BiFunction<UUID, Part, Uni<ReportOutcome>> jobSource;
    private final Collection<Backend> backends;
    private final InstantSource clock;
    private final Duration every;
    private final Duration longest;
    private final Loop listing = new Loop("inventory", this::list);
    private volatile @Nullable Heard heard;
    private volatile @Nullable Instant due;
    private volatile @Nullable Instant wish;
    private volatile Instant wishDue = Instant.EPOCH;
    private volatile @Nullable Instant servedWish;
    private volatile Instant notBefore = Instant.EPOCH;
    private volatile boolean removedSome;
    private volatile Set<UUID> removed = Set.of();

    private record Heard(UUID worker, HeartbeatAnswer pulse) {}

    /**
     * @param jobSource see {@link JobSource#report}
     * @param every zero: only on request
     */
    public InventoryReporter(
            BiFunction<UUID, Part, Uni<ReportOutcome>> jobSource,
            Collection<Backend> backends,
            InstantSource clock,
            Duration every) {
        this(jobSource, backends, clock, every, LONGEST);
    }

    /** @param longest how long one backend may take to list, or to remove one item */
    public InventoryReporter(
            BiFunction<UUID, Part, Uni<ReportOutcome>> jobSource,
            Collection<Backend> backends,
            InstantSource clock,
            Duration every,
            Duration longest) {
        this.longest = longest;
        this.jobSource = jobSource;
        this.backends = backends;
        this.clock = clock;
        this.every = every;
    }

    /** Call it after a heartbeat was answered. Returns at once. */
    public void heard(UUID worker, HeartbeatAnswer pulse) {
        boolean first = heard == null;
        heard = new Heard(worker, pulse);
        Instant now = clock.instant();
        note(pulse, first, now);
        if (due == null) {
            // Soon after the registration, with jitter, so that workers do not list at the same time after a
            // deployment.
            due = every.isPositive() ? now.plus(jittered(SOON.compareTo(every) < 0 ? SOON : every)) : Instant.MAX;
        }
        if (isDue(now, pulse)) {
            listing.wake();
        }
    }

    /** A request from before the registration is answered by the first listing. */
    private void note(HeartbeatAnswer pulse, boolean first, Instant now) {
        Instant wished = pulse.sweepWantedAt();
        if (wished != null && first && every.isPositive() && wished.isBefore(pulse.at())) {
            servedWish = wished;
        }
        if (wished != null && !wished.equals(wish)) {
            wish = wished;
            wishDue = now.plus(jittered(SPREAD));
        }
    }

    boolean isDue(Instant now, HeartbeatAnswer pulse) {
        Instant next = due;
        boolean wished = pulse.sweepWantedAt() != null && !pulse.sweepWantedAt().equals(servedWish);
        return removedSome
                || (next != null && !now.isBefore(next))
                || (wished && !now.isBefore(notBefore) && !now.isBefore(wishDue));
    }

    /** Jittered, so that workers do not list at the same time. */
    private static Duration jittered(Duration longest) {
        long millis = longest.toMillis();
        return Duration.ofMillis(millis / 4 + ThreadLocalRandom.current().nextLong(millis * 3 / 4 + 1));
    }

    /**
     * One listing of all kinds. A failure is logged and tried again. A failure of one kind does not affect the
     * others.
     */
    public Uni<Boolean> list() {
        Heard now = heard;
        if (now == null) {
            return Uni.createFrom().item(false);
        }
        begin(clock.instant());
        return Multi.createFrom()
                .iterable(backends)
                .onItem()
                .transformToUniAndConcatenate(backend -> list(backend, now))
                .collect()
                .asList()
                .invoke(done -> ended(now, !done.contains(false)))
                .replaceWith(false);
    }

    private void begin(Instant now) {
        if (!removedSome) {
            removed = Set.of();
        }
        removedSome = false;
        notBefore = now.plus(SOON);
        due = every.isPositive()
                ? now.plus(every.multipliedBy(3).dividedBy(4)).plus(jittered(every.dividedBy(4)))
                : Instant.MAX;
    }

    private void ended(Heard listed, boolean all) {
        if (all) {
            servedWish = listed.pulse().sweepWantedAt();
            notBefore = Instant.EPOCH;
        }
    }

    private Uni<Boolean> list(Backend backend, Heard listed) {
        return backend.inventory()
                .ifNoItem()
                .after(longest)
                .fail()
                .chain(found -> found.isEmpty()
                        ? Uni.createFrom().item(ReportOutcome.NONE)
                        : tell(backend.kind(), found.get(), listed))
                .invoke(verdict -> say(backend, verdict))
                .chain(verdict -> removeAll(backend, verdict.remove()))
                .replaceWith(true)
                .onFailure()
                .invoke(cause ->
                        LOG.warnf("not listed, will be tried again backend=%s cause=%s", backend.kind(), cause))
                .onFailure()
                .recoverWithItem(false);
    }

    private Uni<ReportOutcome> tell(String kind, Inventory found, Heard listed) {
        return Multi.createFrom()
                .iterable(parts(kind, found, listed.pulse().at()))
                .onItem()
                .transformToUniAndConcatenate(part -> jobSource.apply(listed.worker(), part))
                .collect()
                .last();
    }

    /** At least one part, because an empty listing must be reported too. */
    private static List<Part> parts(String kind, Inventory found, Instant began) {
        List<Item> things = found.things();
        List<Part> parts = new ArrayList<>();
        int from = 0;
        do {
            int to = Math.min(from + Part.THINGS_MAX, things.size());
            boolean last = to == things.size();
            parts.add(new Part(kind, found.location(), began, things.subList(from, to), last, found.connections()));
            from = to;
        } while (from < things.size());
        return parts;
    }

    private static void say(Backend backend, ReportOutcome verdict) {
        if (verdict.suspicious()) {
            LOG.warnf(
                    "so much is missing here that the server does not believe it backend=%s lost=%d",
                    backend.kind(), verdict.lost());
        }
    }

    /** Removes each item once between two regular listings. The next listing asks again for items that remain. */
    private Uni<Void> removeAll(Backend backend, Set<UUID> wanted) {
        List<UUID> fresh = wanted.stream().filter(one -> !removed.contains(one)).toList();
        Set<UUID> tried = new HashSet<>(removed);
        tried.addAll(fresh);
        removed = Set.copyOf(tried);
        return Multi.createFrom()
                .iterable(fresh)
                .onItem()
                .transformToUniAndConcatenate(one -> remove(backend, one))
                .collect()
                .asList()
                .replaceWithVoid();
    }

    private Uni<Boolean> remove(Backend backend, UUID workspace) {
        return backend.remove(workspace)
                .ifNoItem()
                .after(longest)
                .fail()
                .invoke(() -> {
                    LOG.infof("removed what nobody owns backend=%s workspace=%s", backend.kind(), workspace);
                    removedSome = true;
                })
                .replaceWith(true)
                .onFailure()
                .invoke(cause -> LOG.warnf(
                        "not removed, will be asked for again backend=%s workspace=%s cause=%s",
                        backend.kind(), workspace, cause))
                .onFailure()
                .recoverWithItem(false);
    }

    /** Starts no new listing. Completes when the current one has ended, or after this time. */
    Uni<Void> stop(Duration within) {
        return listing.stop(within).onFailure().recoverWithNull();
    }
}
