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
import java.util.function.Supplier;
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
    private final RolloutSteps rollouts;
    private final InstantSource clock;
    private final Limits limits;
    private final int concurrency;

    Cycle(
            SnapshotStore snapshots,
            PoolStore pools,
            AlertStore alerts,
            RolloutSteps rollouts,
            InstantSource clock,
            Limits limits,
            int concurrency) {
        this.snapshots = snapshots;
        this.pools = pools;
        this.alerts = alerts;
        this.rollouts = rollouts;
        this.clock = clock;
        this.limits = limits;
        this.concurrency = concurrency;
    }

    /**
     * What a cycle did.
     *
     * @param lines every line it looked at
     * @param actions how many workspaces or presets each kind of action changed; none that changed nothing
     * @param failed lines whose effects failed; they are looked at again by the next cycle
     * @param nextLook when the clock alone may change a plan
     * @param more whether marks were left over
     */
    record Report(
            List<LinePlan> lines, Map<String, Integer> actions, int failed, Optional<Instant> nextLook, boolean more) {

        /** Every preset it looked at. */
        List<Planned> planned() {
            return lines.stream().flatMap(line -> line.members().stream()).toList();
        }

        boolean changedJobs() {
            return !actions.isEmpty();
        }
    }

    /** The plans of all presets now. Reads only. */
    Uni<List<Planned>> look() {
        return snapshots
                .all(clock.instant(), limits.lookback(), attempts())
                .map(presets -> planned(presets).stream()
                        .flatMap(line -> line.members().stream())
                        .toList());
    }

    private List<LinePlan> planned(List<PresetSnapshot> presets) {
        Instant at = clock.instant();
        return Line.of(presets).stream()
                .map(line -> LinePlan.of(line, at, limits))
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
        List<LinePlan> planned = planned(presets);
        return Multi.createFrom()
                .iterable(planned)
                .select()
                .where(line -> !line.isEmpty())
                .onItem()
                .transformToUni(line -> performSafely(line, holdsLock))
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

    private static Report report(List<LinePlan> planned, List<Done> done, boolean more) {
        Optional<Instant> nextLook =
                planned.stream().flatMap(line -> line.nextLook().stream()).min(Instant::compareTo);
        Done sum = done.stream().reduce(Done.NOTHING, Done::and);
        // A rollback concerns all presets of the template, and marks them.
        boolean back = planned.stream()
                .anyMatch(line -> line.step()
                        .filter(RolloutStep.RollBack.class::isInstance)
                        .isPresent());
        return new Report(planned, sum.actions(), sum.failed(), nextLook, more || back);
    }

    /**
     * The changes for one line, or by one effect.
     *
     * @param begun starts that were to be canceled, and that workers began before
     */
    private record Done(Map<String, Integer> actions, int failed, int begun) {

        static final Done NOTHING = new Done(Map.of(), 0, 0);
        static final Done FAILED = new Done(Map.of(), 1, 0);

        static Done of(String action, int count) {
            return count == 0 ? NOTHING : new Done(Map.of(action, count), 0, 0);
        }

        static Done canceled(int count, int asked) {
            return new Done(of("cancel", count).actions, 0, asked - count);
        }

        Done and(Done other) {
            Map<String, Integer> both = new TreeMap<>(actions);
            other.actions.forEach((action, count) -> both.merge(action, count, Integer::sum));
            return new Done(both, failed + other.failed, begun + other.begun);
        }
    }

    /** One line's failure never stops another. */
    private Uni<Done> performSafely(LinePlan line, BooleanSupplier holdsLock) {
        line.members().stream().filter(one -> one.plan().clamped()).forEach(Cycle::logClamped);
        return performStep(line, holdsLock)
                .chain(made ->
                        made ? performAll(line, holdsLock) : Uni.createFrom().item(Done.NOTHING))
                .onFailure()
                .recoverWithItem(cause -> failed(line, cause));
    }

    private static void logClamped(Planned planned) {
        LOG.errorf(
                "counts that cannot be, creation clamped preset=%s state=%s",
                planned.preset().id(), planned.plan().state());
    }

    private static Done failed(LinePlan line, Throwable cause) {
        LOG.warnf(
                "preset not reconciled, will be tried again preset=%s cause=%s",
                line.members().getFirst().preset().id(), cause);
        return Done.FAILED;
    }

    /**
     * The step of the line's rollout comes first: the rest was decided for the state after it. Where the rollout is
     * in another state by now, nothing more is done for the line.
     *
     * @return whether the rest may be performed
     */
    private Uni<Boolean> performStep(LinePlan line, BooleanSupplier holdsLock) {
        return line.step()
                .map(step -> whileHeld(holdsLock, () -> rollouts.make(step, line, clock.instant())))
                .orElse(Uni.createFrom().item(true));
    }

    /** In the plan's order, one after the other. */
    private Uni<Done> performAll(LinePlan line, BooleanSupplier holdsLock) {
        Done step =
                line.step().map(made -> Done.of("rollout_" + made.word(), 1)).orElse(Done.NOTHING);
        Uni<Done> all = Uni.createFrom().item(step);
        for (LinePlan.Effect effect : line.effects()) {
            all = all.chain(done -> next(line, effect, done, holdsLock));
        }
        return all.invoke(done -> log(line, done));
    }

    private Uni<Done> next(LinePlan line, LinePlan.Effect effect, Done before, BooleanSupplier holdsLock) {
        return effect.action() instanceof Action.Create(var count, var attempts)
                        && isRolling(line)
                        && before.begun() > 0
                ? whileHeld(holdsLock, () -> createFewer(effect.preset(), count - before.begun(), attempts))
                        .map(before::and)
                : whileHeld(holdsLock, () -> performOne(effect.preset(), effect.action()))
                        .map(before::and);
    }

    private static boolean isRolling(LinePlan line) {
        return line.members().stream()
                .map(Planned::preset)
                .anyMatch(preset -> preset.active() && preset.rollout().isRolling());
    }

    /**
     * All versions together are bounded, and a start that could not be canceled is one of them. Its end marks its
     * preset, so that the rest is created by a later cycle.
     */
    private Uni<Done> createFewer(PresetSnapshot preset, int count, int attempts) {
        return count > 0
                ? performOne(preset, new Action.Create(count, attempts))
                : Uni.createFrom().item(Done.NOTHING);
    }

    private static <T> Uni<T> whileHeld(BooleanSupplier holdsLock, Supplier<Uni<T>> effect) {
        return holdsLock.getAsBoolean()
                ? effect.get()
                : Uni.createFrom().failure(new IllegalStateException("the reconciler's lock was lost"));
    }

    private Uni<Done> performOne(PresetSnapshot preset, Action effect) {
        Instant now = clock.instant();
        return switch (effect) {
            case Action.CancelPending(var ids) ->
                pools.dropNeverStarted(ids, now).map(count -> Done.canceled(count, ids.size()));
            case Action.Delete(var ids, var reason)
            when reason == DeleteReason.REPLACED ->
                rollouts.replacing(preset.id(), now)
                        .chain(() -> pools.delete(ids, reason.word(), now))
                        .map(count -> Done.of("delete", count));
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

    private static void log(LinePlan line, Done done) {
        for (Planned one : line.members()) {
            LOG.infof(
                    "reconciled preset=%s name=%s/%s/%s actions=%s step=%s state=%s",
                    one.preset().id(),
                    one.preset().identity().organizationName(),
                    one.preset().identity().templateName(),
                    one.preset().name(),
                    done.actions(),
                    line.step().map(RolloutStep::word).orElse("none"),
                    one.plan().state());
        }
    }
}
