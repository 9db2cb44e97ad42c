package dev.larder.reconcile;

import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetStatus;
import dev.larder.reconcile.PoolStore.DirtyMark;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.jboss.logging.Logger;

/**
 * One cycle: read the pools, plan, perform. The caller holds the reconciler's lock. Each write checks again what
 * the plan was decided on, so a cycle can be cut, or run beside another, without harm.
 */
final class Cycle {

    private static final Logger LOG = Logger.getLogger(Cycle.class);
    static final int MARKS_AT_ONCE = 1_000;

    private final SnapshotStore snapshots;
    private final PoolStore pools;
    private final AlertStore alerts;
    private final InstantSource clock;
    private final Limits limits;
    private final int concurrency;

    Cycle(
            SnapshotStore snapshots,
            PoolStore pools,
            AlertStore alerts,
            InstantSource clock,
            Limits limits,
            int concurrency) {
        this.snapshots = snapshots;
        this.pools = pools;
        this.alerts = alerts;
        this.clock = clock;
        this.limits = limits;
        this.concurrency = concurrency;
    }

    /**
     * What a cycle did.
     *
     * @param planned every preset it looked at
     * @param actions how many workspaces or presets each kind of action changed; none that changed nothing
     * @param failed presets whose effects failed; they are looked at again by the next cycle
     * @param nextLook when the clock alone may change a plan
     * @param more whether marks were left over
     */
    record Report(
            List<Planned> planned, Map<String, Integer> actions, int failed, Optional<Instant> nextLook, boolean more) {

        boolean changedJobs() {
            return !actions.isEmpty();
        }
    }

    /** The plans of all presets now. Reads only. */
    Uni<List<Planned>> look() {
        return snapshots.all(clock.instant(), limits.lookback(), attempts()).map(this::planned);
    }

    private List<Planned> planned(List<PresetSnapshot> presets) {
        Instant at = clock.instant();
        return presets.stream()
                .map(preset -> new Planned(preset, Plan.of(preset, at, limits)))
                .toList();
    }

    /** Looks at every preset. */
    Uni<Report> full(BooleanSupplier holdsLock) {
        return pools.dirty(MARKS_AT_ONCE)
                .chain(marks -> snapshots
                        .all(clock.instant(), limits.lookback(), attempts())
                        .chain(presets -> perform(presets, marks, holdsLock)))
                .call(() -> tell(alerts::tellHeld, holdsLock))
                .call(() -> tell(alerts::tellUnserved, holdsLock));
    }

    /** Looks at the presets that were marked. */
    Uni<Report> dirty(BooleanSupplier holdsLock) {
        return pools.dirty(MARKS_AT_ONCE)
                .chain(marks -> snapshots
                        .of(presets(marks), clock.instant(), limits.lookback(), attempts())
                        .chain(presets -> perform(presets, marks, holdsLock)))
                .call(() -> tell(alerts::tellHeld, holdsLock));
    }

    /** Ignores a failure of the notification: the changes are committed, and the next cycle reports them. */
    private Uni<Void> tell(Function<Instant, Uni<Void>> news, BooleanSupplier holdsLock) {
        return holdsLock.getAsBoolean()
                ? news.apply(clock.instant())
                        .onFailure()
                        .invoke(cause -> LOG.warnf("not told, will be tried again cause=%s", cause))
                        .onFailure()
                        .recoverWithNull()
                : Uni.createFrom().voidItem();
    }

    private static List<UUID> presets(List<DirtyMark> marks) {
        return marks.stream().map(DirtyMark::preset).distinct().toList();
    }

    private int attempts() {
        return Math.max(limits.hardLimit(), 1);
    }

    private Uni<Report> perform(List<PresetSnapshot> presets, List<DirtyMark> marks, BooleanSupplier holdsLock) {
        List<Planned> planned = planned(presets);
        return Multi.createFrom()
                .iterable(planned)
                .select()
                .where(one -> !one.plan().effects().isEmpty())
                .onItem()
                .transformToUni(one -> performSafely(one, holdsLock))
                .merge(concurrency)
                .collect()
                .asList()
                .call(() -> clean(marks, holdsLock))
                .map(done -> report(planned, done, marks.size() == MARKS_AT_ONCE));
    }

    /** Keeps the marks if the lock was lost: the work they ask for may not have been done. */
    private Uni<Void> clean(List<DirtyMark> marks, BooleanSupplier holdsLock) {
        return holdsLock.getAsBoolean() ? pools.clean(marks) : Uni.createFrom().voidItem();
    }

    private static Report report(List<Planned> planned, List<Done> done, boolean more) {
        Optional<Instant> nextLook =
                planned.stream().flatMap(one -> one.plan().nextLook().stream()).min(Instant::compareTo);
        Done sum = done.stream().reduce(Done.NOTHING, Done::and);
        return new Report(planned, sum.actions(), sum.failed(), nextLook, more);
    }

    /** The changes for one preset, or by one effect. */
    private record Done(Map<String, Integer> actions, int failed) {

        static final Done NOTHING = new Done(Map.of(), 0);
        static final Done FAILED = new Done(Map.of(), 1);

        static Done of(String action, int count) {
            return count == 0 ? NOTHING : new Done(Map.of(action, count), 0);
        }

        Done and(Done other) {
            Map<String, Integer> both = new TreeMap<>(actions);
            other.actions.forEach((action, count) -> both.merge(action, count, Integer::sum));
            return new Done(both, failed + other.failed);
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
        return Done.FAILED;
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
                pools.dropNeverStarted(ids, now).map(count -> Done.of("cancel", count));
            case Action.Delete(var ids, var reason) ->
                pools.delete(ids, reason.word(), now).map(count -> Done.of("delete", count));
            case Action.MarkHardLimited(var reason, var attempts) ->
                pools.limitHard(preset.id(), reason, now).replaceWith(Done.of("hard_limit", 1));
            case Action.MarkValidationFailed(var reason) ->
                pools.mark(preset.id(), PresetStatus.VALIDATION_FAILED, reason)
                        .replaceWith(Done.of("validation_failed", 1));
            case Action.MarkHealthy() ->
                pools.mark(preset.id(), PresetStatus.HEALTHY, null).replaceWith(Done.of("heal", 1));
            case Action.Create(var count, var attempts) ->
                pools.create(preset.id(), attempts, count, now).map(created -> Done.of("create", created));
        };
    }

    private static void log(Planned planned, Done done) {
        LOG.infof(
                "reconciled preset=%s name=%s/%s/%s actions=%s state=%s",
                planned.preset().id(),
                planned.preset().identity().organizationName(),
                planned.preset().identity().templateName(),
                planned.preset().name(),
                done.actions(),
                planned.plan().state());
    }
}
