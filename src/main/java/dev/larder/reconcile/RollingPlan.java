package dev.larder.reconcile;

import dev.larder.model.Pause;
import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.RolloutPolicy.Bounds;
import dev.larder.model.Transition;
import dev.larder.model.WorkerSupply;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Replaces old stock by fresh stock of one preset, the target, a few at a time (decision 0046). Old are stale prebuilds
 * of the target and all of the presets before it. With D wanted, S surge and U unavailable:
 *
 * <ul>
 *   <li>at most D + S exist, those that are being built included;
 *   <li>an old one goes when D − U are ready without it;
 *   <li>the target builds. Where it cannot, by its own failures or because the rollout is held or no worker takes its
 *       builds, the first preset before it is refilled up to D in all: the one that the rollout began from.
 * </ul>
 */
final class RollingPlan {

    /** How far the rollout goes on. */
    enum Mode {
        REPLACING,
        /** Nothing is replaced. What a claim takes is built anew, by the target. */
        PAUSED,
        /** Nothing is replaced. What a claim takes is built anew, by the first preset before. */
        HELD
    }

    /**
     * @param pauses that hold all of the line: those of the active version's preset
     * @param elsewhere how many of the line are being built that are of neither
     */
    record Conditions(Mode mode, List<Pause> pauses, int elsewhere) {}

    private final PresetSnapshot target;
    private final List<PresetSnapshot> befores;
    private final Conditions conditions;
    private final Mode mode;
    private final Instant at;
    private final Limits limits;

    private final Desired desired;
    private final int wanted;
    private final int surge;
    private final Staleness staleness;
    private final List<Prebuild> fresh;
    private final List<Prebuild> old;

    /** @param befores as {@link Line#befores} has them: the first is refilled where the target cannot be built */
    RollingPlan(PresetSnapshot target, List<PresetSnapshot> befores, Conditions conditions, Instant at, Limits limits) {
        this.target = target;
        this.befores = befores;
        this.conditions = conditions;
        this.mode = conditions.mode();
        this.at = at;
        this.limits = limits;
        this.desired = Desired.declared(target, at);
        this.wanted = desired.instances();
        this.surge = wanted == 0 ? 0 : target.rollout().bounds().surgeOf(wanted);
        this.staleness = Staleness.of(target, at);
        this.fresh =
                sound(target).filter(prebuild -> !staleness.includes(prebuild)).toList();
        this.old = inOrderOfWorth();
    }

    private Stream<Prebuild> sound(PresetSnapshot preset) {
        return preset.prebuilds().stream().filter(prebuild -> preset.isSound(prebuild, at));
    }

    /** The old ones: ready ones first, then as the presets before are ordered, then younger ones. The last go first. */
    private List<Prebuild> inOrderOfWorth() {
        List<Prebuild> all = new ArrayList<>();
        sound(target).filter(staleness::includes).forEach(all::addFirst);
        for (PresetSnapshot before : befores) {
            all.addAll(sound(before).toList().reversed());
        }
        return all.stream()
                .sorted(Comparator.comparing(prebuild -> !prebuild.ready()))
                .toList();
    }

    /** By preset. */
    Map<UUID, Plan> plans() {
        boolean targetBuilds = mode != Mode.HELD && !judgement().blocks();
        boolean waits = targetBuilds && waitsForBuilders();
        boolean cancels = targetBuilds && !waits && mode == Mode.REPLACING && canBegin();
        Set<UUID> replaced = replaced(targetBuilds, waits);
        Set<UUID> tooMany = tooMany(replaced);
        List<UUID> unbuilt = unbuilt(waits);
        int live = live(replaced, tooMany, cancels) - unbuilt.size();
        // Starts that no worker takes are no stock yet.
        int queued = waits ? neverStarted(target).size() - unbuilt.size() : 0;
        int lacking = Math.max((waits ? whileWaiting() : wanted) - (live - queued), 0);
        boolean refilled = !targetBuilds || waits;

        Map<UUID, Plan> plans = new HashMap<>();
        int spare = Math.max(wanted + surge - live - (waits ? lacking : 0), 0);
        int room = mode == Mode.REPLACING ? spare : waits ? 0 : lacking;
        plans.put(target.id(), Plan.of(target, ofTarget(replaced, tooMany, unbuilt, room), at, limits));
        for (PresetSnapshot before : befores) {
            boolean refills = refilled && before.equals(befores.getFirst());
            Quota quota = refills
                    ? ofBefore(before, replaced, cancels, new Desired(wanted, new Desired.Reason.Refilled()), lacking)
                    : ofBefore(before, replaced, cancels, new Desired(0, new Desired.Reason.Replaced()), 0);
            plans.put(before.id(), Plan.of(before, quota, at, limits));
        }
        return plans;
    }

    /** No worker builds of the target now, but one does of the first preset before. */
    private boolean waitsForBuilders() {
        return !(target.builders() instanceof WorkerSupply.Available)
                && !befores.isEmpty()
                && befores.getFirst().builders() instanceof WorkerSupply.Available;
    }

    /** So many exist without the target's starts that wait. Without surge, as many may wait as may be unavailable. */
    private int whileWaiting() {
        return surge > 0 ? wanted : wanted - unavailable();
    }

    /**
     * The target's starts that are canceled. While no worker builds them, so many stay in the queue as may exist
     * beside a full stock: what starts workers looks at the queue.
     */
    private List<UUID> unbuilt(boolean waits) {
        List<UUID> waiting = neverStarted(target);
        if (mode == Mode.HELD) {
            return waiting;
        }
        int most = wanted + surge - whileWaiting();
        return waits && waiting.size() > most ? waiting.subList(most, waiting.size()) : List.of();
    }

    private Judgement judgement() {
        FailurePolicy failing = new FailurePolicy(target.failures(), limits, at);
        return Judgement.of(target, failing, limits, missing(), wanted);
    }

    private int missing() {
        return Math.max(wanted - fresh.size() - starting(target), 0);
    }

    private static int starting(PresetSnapshot preset) {
        return (int) preset.prebuilds().stream()
                .filter(prebuild -> prebuild.underWay(Transition.START))
                .count();
    }

    /** Whether starts that are canceled of a former version can be begun of the target at once. */
    private boolean canBegin() {
        return !(target.builders() instanceof WorkerSupply.Held)
                && conditions.pauses().stream().noneMatch(pause -> pause.holdsAt(at));
    }

    private Set<UUID> replaced(boolean targetBuilds, boolean waits) {
        int ready = (int) fresh.stream().filter(Prebuild::ready).count();
        int kept = Math.max(least(targetBuilds, waits) - ready, 0);
        if (kept >= old.size() && targetBuilds && !waits && isOutrun()) {
            kept = Math.max(old.size() - Math.max(surge, 1), 0);
        }
        return ids(old.stream().skip(kept));
    }

    /**
     * Claims take fresh ones as fast as the surge makes them, so that never enough are ready. This plan builds as many
     * as are missing: a surge of old ones that goes leaves the pool as full as it is without a rollout. One build's
     * time passes between two of these.
     */
    private boolean isOutrun() {
        long ready = Stream.concat(fresh.stream(), old.stream())
                .filter(Prebuild::ready)
                .count();
        return mode == Mode.REPLACING
                && canBegin()
                && ready < wanted - unavailable()
                && target.membership()
                        .filter(known -> known.rollout().delivered())
                        .isPresent();
    }

    /** As many stay ready as far as it is this plan's doing. What is refilled meanwhile is not taken at once. */
    private int least(boolean targetBuilds, boolean waits) {
        if (mode != Mode.REPLACING) {
            return wanted + surge;
        }
        if (waits) {
            return whileWaiting();
        }
        return targetBuilds ? wanted - unavailable() : wanted;
    }

    /** Without surge, one at least: else nothing could ever be replaced. Shares of few may be none. */
    private int unavailable() {
        Bounds bounds = target.rollout().bounds();
        return surge == 0
                ? Math.clamp(bounds.unavailableOf(wanted), Math.min(wanted, 1), wanted)
                : bounds.unavailableOf(wanted);
    }

    /** Fresh ones go last: those that are not ready first, then the oldest. */
    private Set<UUID> tooMany(Set<UUID> replaced) {
        if (replaced.size() < old.size()) {
            return Set.of();
        }
        int most = mode == Mode.REPLACING ? wanted : wanted + surge;
        return ids(
                fresh.stream().sorted(Comparator.comparing(Prebuild::ready)).limit(Math.max(fresh.size() - most, 0)));
    }

    private static Set<UUID> ids(Stream<Prebuild> prebuilds) {
        Set<UUID> ids = new HashSet<>();
        prebuilds.map(Prebuild::id).forEach(ids::add);
        return ids;
    }

    /** How many there are or will be, when the removals have been made. */
    private int live(Set<UUID> replaced, Set<UUID> tooMany, boolean cancels) {
        int running = fresh.size() + old.size() - replaced.size() - tooMany.size();
        int starting = starting(target);
        for (PresetSnapshot before : befores) {
            starting += starting(before) - (cancels ? neverStarted(before).size() : 0);
        }
        return running + starting + conditions.elsewhere();
    }

    private static List<UUID> neverStarted(PresetSnapshot preset) {
        return Quota.ids(preset, Prebuild::neverStarted);
    }

    private Quota ofTarget(Set<UUID> replaced, Set<UUID> tooMany, List<UUID> unbuilt, int room) {
        List<Action> removals = new ArrayList<>();
        if (!unbuilt.isEmpty()) {
            removals.add(new Action.CancelPending(List.copyOf(unbuilt)));
        }
        removals.addAll(Quota.unusable(target, at));
        Quota.delete(removals, among(target, replaced), DeleteReason.REPLACED);
        Quota.delete(removals, among(target, tooMany), DeleteReason.EXTRANEOUS);
        PoolState state = PoolState.of(target, wanted, at);
        return new Quota(
                desired,
                state,
                removals,
                mode == Mode.HELD ? 0 : missing(),
                room,
                conditions.pauses(),
                staleness.nextDue(),
                mode == Mode.HELD ? List.of(new Blocker.RolloutHeld()) : List.of());
    }

    private Quota ofBefore(PresetSnapshot before, Set<UUID> replaced, boolean cancels, Desired desired, int refill) {
        List<Action> removals = new ArrayList<>();
        if (cancels && !neverStarted(before).isEmpty()) {
            removals.add(new Action.CancelPending(neverStarted(before)));
        }
        removals.addAll(Quota.unusable(before, at));
        Quota.delete(removals, among(before, replaced), DeleteReason.REPLACED);
        PoolState state = PoolState.of(before, 0, at);
        return new Quota(desired, state, removals, refill, refill, conditions.pauses(), Optional.empty());
    }

    private static List<UUID> among(PresetSnapshot preset, Set<UUID> ids) {
        return Quota.ids(preset, prebuild -> ids.contains(prebuild.id()));
    }
}
