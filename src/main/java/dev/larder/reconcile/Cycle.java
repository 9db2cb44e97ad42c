package dev.larder.reconcile;

import dev.larder.pool.PresetSnapshot;
import dev.larder.pool.PresetStatus;
import dev.larder.store.PoolStore;
import dev.larder.store.PoolStore.DirtyMark;
import dev.larder.store.SnapshotStore;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import org.jboss.logging.Logger;

/**
 * One look at the pools and what follows from it: read, plan, perform. The caller holds the reconciler's lock. What it
 * writes is conditional on what it read, so that it can be cut, or run beside another, and do no harm.
 */
final class Cycle {

    private static final Logger LOG = Logger.getLogger(Cycle.class);
    static final int MARKS_AT_ONCE = 1_000;

    private final SnapshotStore snapshots;
    private final PoolStore pools;
    private final InstantSource clock;
    private final Limits limits;
    private final int concurrency;

    Cycle(SnapshotStore snapshots, PoolStore pools, InstantSource clock, Limits limits, int concurrency) {
        this.snapshots = snapshots;
        this.pools = pools;
        this.clock = clock;
        this.limits = limits;
        this.concurrency = concurrency;
    }

    /** A preset as it was read, and what was decided on it. */
    record Planned(PresetSnapshot preset, Plan plan) {}

    /**
     * What a cycle did.
     *
     * @param planned every preset it looked at
     * @param failed presets whose effects failed; they are looked at again by the next cycle
     * @param nextLook when the clock alone may change a plan
     * @param more whether marks were left over
     */
    record Report(
            List<Planned> planned, int created, int removed, int failed, Optional<Instant> nextLook, boolean more) {

        boolean changedJobs() {
            return created + removed > 0;
        }
    }

    /** Looks at every preset. */
    Uni<Report> full(BooleanSupplier holdsLock) {
        return pools.dirty(MARKS_AT_ONCE)
                .chain(marks -> snapshots
                        .all(clock.instant(), limits.lookback(), attempts())
                        .chain(presets -> perform(presets, marks, holdsLock)));
    }

    /** Looks at the presets that were marked. */
    Uni<Report> dirty(BooleanSupplier holdsLock) {
        return pools.dirty(MARKS_AT_ONCE)
                .chain(marks -> snapshots
                        .of(presets(marks), clock.instant(), limits.lookback(), attempts())
                        .chain(presets -> perform(presets, marks, holdsLock)));
    }

    private static List<UUID> presets(List<DirtyMark> marks) {
        return marks.stream().map(DirtyMark::preset).distinct().toList();
    }

    private int attempts() {
        return Math.max(limits.hardLimit(), 1);
    }

    private Uni<Report> perform(List<PresetSnapshot> presets, List<DirtyMark> marks, BooleanSupplier holdsLock) {
        Instant at = clock.instant();
        List<Planned> planned = presets.stream()
                .map(preset -> new Planned(preset, Plan.of(preset, at, limits)))
                .toList();
        return Multi.createFrom()
                .iterable(planned)
                .select()
                .where(one -> !one.plan().effects().isEmpty())
                .onItem()
                .transformToUni(one -> performSafely(one, holdsLock))
                .merge(concurrency)
                .collect()
                .asList()
                .call(() -> pools.clean(marks))
                .map(done -> report(planned, done, marks.size() == MARKS_AT_ONCE));
    }

    private static Report report(List<Planned> planned, List<Done> done, boolean more) {
        Optional<Instant> nextLook =
                planned.stream().flatMap(one -> one.plan().nextLook().stream()).min(Instant::compareTo);
        return new Report(
                planned,
                done.stream().mapToInt(Done::created).sum(),
                done.stream().mapToInt(Done::removed).sum(),
                (int) done.stream().filter(Done::failed).count(),
                nextLook,
                more);
    }

    /** What was changed for one preset, or by one effect. */
    private record Done(int created, int removed, boolean failed) {

        static final Done NOTHING = new Done(0, 0, false);

        Done and(Done other) {
            return new Done(created + other.created, removed + other.removed, failed || other.failed);
        }
    }

    /** One preset's failure never stops another. */
    private Uni<Done> performSafely(Planned planned, BooleanSupplier holdsLock) {
        if (planned.plan().clamped()) {
            LOG.errorf(
                    "counts that cannot be, creation clamped preset=%s state=%s",
                    planned.preset().id(), planned.plan().state());
        }
        return performAll(planned, holdsLock).onFailure().recoverWithItem(cause -> failed(planned, cause));
    }

    private static Done failed(Planned planned, Throwable cause) {
        LOG.warnf(
                "preset not reconciled, will be tried again preset=%s cause=%s",
                planned.preset().id(), cause);
        return new Done(0, 0, true);
    }

    /** In the plan's order, one after the other. */
    private Uni<Done> performAll(Planned planned, BooleanSupplier holdsLock) {
        return Multi.createFrom()
                .iterable(planned.plan().effects())
                .onItem()
                .transformToUniAndConcatenate(effect -> performOne(planned.preset(), effect, holdsLock))
                .collect()
                .in(() -> new Done[] {Done.NOTHING}, (sum, done) -> sum[0] = sum[0].and(done))
                .map(sum -> sum[0])
                .invoke(done -> log(planned, done));
    }

    private Uni<Done> performOne(PresetSnapshot preset, Action effect, BooleanSupplier holdsLock) {
        if (!holdsLock.getAsBoolean()) {
            return Uni.createFrom().failure(new IllegalStateException("the reconciler's lock was lost"));
        }
        Instant now = clock.instant();
        return switch (effect) {
            case Action.CancelPending(var ids) ->
                pools.dropNeverStarted(ids, now).map(Cycle::removed);
            case Action.Delete(var ids, var reason) ->
                pools.delete(ids, reason.word(), now).map(Cycle::removed);
            case Action.MarkHardLimited(var reason, var attempts) ->
                pools.limitHard(preset.id(), reason, now).replaceWith(Done.NOTHING);
            case Action.MarkValidationFailed(var reason) ->
                pools.mark(preset.id(), PresetStatus.VALIDATION_FAILED, reason).replaceWith(Done.NOTHING);
            case Action.MarkHealthy() ->
                pools.mark(preset.id(), PresetStatus.HEALTHY, null).replaceWith(Done.NOTHING);
            case Action.Create(var count, var attempts) ->
                pools.create(preset.id(), attempts, count, now).map(created -> new Done(created, 0, false));
        };
    }

    private static Done removed(int count) {
        return new Done(0, count, false);
    }

    private static void log(Planned planned, Done done) {
        LOG.infof(
                "reconciled preset=%s name=%s/%s/%s created=%d removed=%d state=%s",
                planned.preset().id(),
                planned.preset().organizationName(),
                planned.preset().templateName(),
                planned.preset().name(),
                done.created(),
                done.removed(),
                planned.plan().state());
    }
}
