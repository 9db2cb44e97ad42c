package dev.larder.reconcile;

import dev.larder.model.CanaryEvidence;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetSnapshot.Membership;
import dev.larder.model.Rollout;
import dev.larder.model.RolloutPolicy.Canary;
import dev.larder.model.RolloutRole;
import dev.larder.model.RolloutState;
import dev.larder.model.Transition;
import dev.larder.model.WorkerSupply;
import dev.larder.reconcile.RollingPlan.Mode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * What a cycle does to the presets of a line (decision 0046). Pure, as {@link Plan} is.
 *
 * @param members as in the line
 * @param step of its rollout, to be made first; the members' plans are those for the state after it
 * @param nextLook the earliest instant at which any of this may become another by the clock alone
 */
record LinePlan(List<Planned> members, Optional<RolloutStep> step, Optional<Instant> nextLook) {

    /** One effect on one preset. */
    record Effect(PresetSnapshot preset, Action action) {}

    static LinePlan of(Line line, Instant at, Limits limits) {
        Optional<RolloutStep> step = Progress.step(line, at, limits);
        Line then = step.map(made -> line.after(made, at)).orElse(line);
        boolean left = step.filter(RolloutStep.RollBack.class::isInstance).isPresent();
        Map<UUID, Plan> plans = plans(then, at, limits);
        List<Planned> members = line.members().stream()
                .map(preset -> new Planned(preset, Objects.requireNonNull(plans.get(preset.id()))))
                .map(planned -> left ? new Planned(planned.preset(), withoutEffects(planned.plan())) : planned)
                .toList();
        return new LinePlan(members, step, nextLook(then, members, at));
    }

    private static Plan withoutEffects(Plan plan) {
        return new Plan(
                plan.at(), plan.desired(), plan.state(), List.of(), plan.holds(), plan.clamped(), plan.nextLook());
    }

    /** By preset: by its own stock alone, but for those that a rollout concerns, or whose stale stock is renewed. */
    private static Map<UUID, Plan> plans(Line line, Instant at, Limits limits) {
        Map<UUID, Plan> plans = new HashMap<>();
        line.members().forEach(preset -> plans.put(preset.id(), Plan.of(preset, at, limits)));
        Optional<PresetSnapshot> target = line.target().filter(PresetSnapshot::active);
        if (target.isEmpty()) {
            return plans;
        }
        Optional<Rollout> rollout = line.rollout();
        if (rollout.isPresent()) {
            plans.putAll(inRollout(line, target.get(), rollout.get(), at, limits));
        } else if (target.get().rollout().isRolling()) {
            RollingPlan.Conditions alone = conditions(line, target.get(), Mode.REPLACING);
            boolean stale = Staleness.of(target.get(), at).cause().isPresent();
            // What a former version still builds counts until it can be removed.
            if (stale || alone.elsewhere() > 0) {
                plans.putAll(rolling(target.get(), List.of(), alone, at, limits));
            }
        }
        return plans;
    }

    private static Map<UUID, Plan> inRollout(
            Line line, PresetSnapshot target, Rollout rollout, Instant at, Limits limits) {
        List<PresetSnapshot> befores = line.befores();
        if (!target.is(RolloutRole.CANARY) || befores.isEmpty()) {
            Mode mode = mode(rollout, target, befores, at, limits);
            return rolling(target, befores, conditions(line, target, mode), at, limits);
        }
        // The version before is served, and renewed, as if there were no later one.
        Mode mode = rollout.paused() ? Mode.PAUSED : Mode.REPLACING;
        List<PresetSnapshot> older = befores.subList(1, befores.size());
        Map<UUID, Plan> plans = rolling(befores.getFirst(), older, conditions(line, target, mode), at, limits);
        plans.put(target.id(), Plan.of(target, canary(target, rollout, at), at, limits));
        return plans;
    }

    /**
     * A served version that is held is built all the same where the version before cannot be: it was late, and the
     * alternative is no stock.
     */
    private static Mode mode(
            Rollout rollout, PresetSnapshot target, List<PresetSnapshot> befores, Instant at, Limits limits) {
        if (!rollout.stands()) {
            return rollout.paused() ? Mode.PAUSED : Mode.REPLACING;
        }
        boolean refilled = !befores.isEmpty() && canBeRefilled(befores.getFirst(), target, at, limits);
        return refilled || target.is(RolloutRole.CANARY) ? Mode.HELD : Mode.PAUSED;
    }

    private static boolean canBeRefilled(PresetSnapshot before, PresetSnapshot target, Instant at, Limits limits) {
        FailurePolicy failing = new FailurePolicy(before.failures(), limits, at);
        boolean worker = before.builders() instanceof WorkerSupply.Available
                || !(target.builders() instanceof WorkerSupply.Available);
        return worker && !Judgement.of(before, failing, limits, 0, 0).isFinal();
    }

    private static Map<UUID, Plan> rolling(
            PresetSnapshot target,
            List<PresetSnapshot> befores,
            RollingPlan.Conditions conditions,
            Instant at,
            Limits limits) {
        return new RollingPlan(target, befores, conditions, at, limits).plans();
    }

    private static RollingPlan.Conditions conditions(Line line, PresetSnapshot target, Mode mode) {
        long elsewhere = line.others().stream()
                .flatMap(other -> other.prebuilds().stream())
                .filter(prebuild -> prebuild.underWay(Transition.START) && !prebuild.neverStarted())
                .count();
        return new RollingPlan.Conditions(mode, target.pauses(), (int) elsewhere);
    }

    /** So many are built, once. Those whose failure is not the version's, or that expire meanwhile, are built again. */
    private static Quota canary(PresetSnapshot target, Rollout rollout, Instant at) {
        int instances = target.rollout().canary().map(Canary::instances).orElse(0);
        long begun = target.membership().map(Membership::canaries).orElse(List.of()).stream()
                .filter(canary -> !canary.isDelayed() && !isRemoved(target, canary, at))
                .count();
        boolean tried = rollout.state() == RolloutState.CANARY;
        int missing = tried && !rollout.paused() ? Math.max(instances - (int) begun, 0) : 0;
        Desired desired = new Desired(instances, new Desired.Reason.Canary());
        PoolState state = PoolState.of(target, instances, at);
        List<Blocker> holds = rollout.stands() ? List.of(new Blocker.RolloutHeld()) : List.of();
        return new Quota(
                desired, state, Quota.unusable(target, at), missing, missing, target.pauses(), Optional.empty(), holds);
    }

    private static boolean isRemoved(PresetSnapshot target, CanaryEvidence canary, Instant at) {
        return target.prebuilds().stream()
                .anyMatch(prebuild -> prebuild.id().equals(canary.workspace())
                        && prebuild.running()
                        && !target.isSound(prebuild, at));
    }

    /** The line that it was decided for. */
    Line line() {
        return new Line(members.stream().map(Planned::preset).toList());
    }

    /** The rollout that was open when this was decided, if one was. */
    Optional<Rollout> rollout() {
        return members.stream()
                .flatMap(one -> one.preset().membership().stream())
                .map(Membership::rollout)
                .findFirst();
    }

    /** In the order they are to be performed in: what goes first, then what is marked and created. */
    List<Effect> effects() {
        List<Effect> removals = new ArrayList<>();
        List<Effect> others = new ArrayList<>();
        for (Planned one : members) {
            for (Action action : one.plan().effects()) {
                boolean removes = action instanceof Action.Delete || action instanceof Action.CancelPending;
                (removes ? removals : others).add(new Effect(one.preset(), action));
            }
        }
        removals.addAll(others);
        return removals;
    }

    /** Of one of its presets. */
    Optional<Planned> of(UUID preset) {
        return members.stream().filter(one -> one.preset().id().equals(preset)).findFirst();
    }

    boolean isEmpty() {
        return step.isEmpty()
                && members.stream().allMatch(one -> one.plan().effects().isEmpty());
    }

    private static Optional<Instant> nextLook(Line line, List<Planned> members, Instant at) {
        return Stream.concat(
                        Progress.nextLook(line).stream(),
                        members.stream().flatMap(one -> one.plan().nextLook().stream()))
                .filter(instant -> instant.isAfter(at))
                .min(Instant::compareTo);
    }
}
