package dev.larder.reconcile;

import dev.larder.model.CanaryEvidence;
import dev.larder.model.JobStatus;
import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetSnapshot.Membership;
import dev.larder.model.PresetSnapshot.Service;
import dev.larder.model.Rollout;
import dev.larder.model.RolloutCause;
import dev.larder.model.RolloutRole;
import dev.larder.model.RolloutState;
import dev.larder.model.Transition;
import dev.larder.testing.CanIgnoreReturnValue;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A line of presets as a world in memory: one {@link WorldModel} for each, and the rollout among them. Performs line
 * plans as the stores do. Each performed plan is checked against what must always hold ({@link #cycle}).
 */
final class LineWorld {

    static final UUID ROLLOUT = new UUID(0x7002L, 0x8000_0000_0000_0001L);

    private final Map<UUID, WorldModel> members = new LinkedHashMap<>();
    private final Map<UUID, CanaryEvidence> evidence = new LinkedHashMap<>();
    private final Set<UUID> broken = new HashSet<>();
    private final List<RolloutStep> steps = new ArrayList<>();
    private final Limits limits;
    private Instant now;

    LineWorld(List<PresetSnapshot> presets, Instant now, Limits limits) {
        this.now = now;
        this.limits = limits;
        presets.forEach(preset -> members.put(preset.id(), new WorldModel(preset, now, limits)));
        observe();
    }

    static Rollout rollout(RolloutState state, Instant at) {
        return new Rollout(ROLLOUT, RolloutCause.PROMOTION, state, at, at.plus(Duration.ofHours(1)), at, false, false);
    }

    static Service in(Rollout rollout, RolloutRole role) {
        boolean active = role != RolloutRole.BEFORE;
        return new Service(
                active, role != RolloutRole.CANARY, Optional.of(new Membership(role, rollout, null, List.of())));
    }

    Instant now() {
        return now;
    }

    /** As the snapshot is read: without failed prebuilds. */
    Line line() {
        return Line.of(members.values().stream()
                        .map(world -> withoutEvidence(world.snapshot()))
                        .toList())
                .getFirst();
    }

    private static PresetSnapshot withoutEvidence(PresetSnapshot preset) {
        List<Prebuild> live = preset.prebuilds().stream()
                .filter(one -> one.status() != JobStatus.FAILED && one.status() != JobStatus.CANCELED)
                .toList();
        return new PresetSnapshot(
                preset.identity(),
                preset.service(),
                preset.declared(),
                preset.state(),
                preset.pauses(),
                preset.builders(),
                preset.failures(),
                live);
    }

    PresetSnapshot preset(int version) {
        return line().members().stream()
                .filter(member -> member.identity().version() == version)
                .findFirst()
                .orElseThrow();
    }

    WorldModel world(int version) {
        return members.get(preset(version).id());
    }

    /** All steps that were made. */
    List<RolloutStep> steps() {
        return steps;
    }

    LinePlan plan() {
        return LinePlan.of(line(), now, limits);
    }

    void waits(Duration time) {
        now = now.plus(time);
        members.values().forEach(world -> world.waits(time));
    }

    /** Its builds fail from now on. */
    void breaks(int version) {
        broken.add(preset(version).id());
    }

    void mends(int version) {
        broken.remove(preset(version).id());
    }

    void changes(UnaryOperator<PresetSnapshot> change) {
        members.values().forEach(world -> world.changes(change));
    }

    /** All builds under way end: well, or badly where the preset is broken. Canaries are verified and tried. */
    void buildsEnd() {
        members.forEach((id, world) -> {
            if (broken.contains(id)) {
                world.startsFail();
            }
            world.buildsSucceed();
            world.becomeReady();
        });
        observe();
    }

    /** One cycle, and a look at whether it kept what must always hold. */
    @CanIgnoreReturnValue
    LinePlan cycle() {
        Line before = line();
        LinePlan plan = plan();
        perform(plan);
        Invariants.check(before, plan, line(), now);
        LinePlan second = plan();
        if (!second.isEmpty() && !follows(plan, second)) {
            throw new AssertionError("the second plan is not empty: " + Invariants.words(second) + "\n after "
                    + Invariants.words(plan) + "\n of " + Invariants.words(before, now));
        }
        return plan;
    }

    /**
     * A rollback changes the whole template. When nothing old is left, the end is a step of its own. So is the
     * renewal that begins after it.
     */
    private static boolean follows(LinePlan first, LinePlan second) {
        boolean back =
                first.step().filter(RolloutStep.RollBack.class::isInstance).isPresent();
        boolean finishes =
                second.step().filter(RolloutStep.Finish.class::isInstance).isPresent();
        boolean renews = first.step()
                        .filter(RolloutStep.Finish.class::isInstance)
                        .isPresent()
                && second.step().filter(RolloutStep.Begin.class::isInstance).isPresent();
        return back || ((finishes || renews) && second.effects().isEmpty());
    }

    private void perform(LinePlan plan) {
        plan.step().ifPresent(this::make);
        plan.members().forEach(one -> members.get(one.preset().id()).perform(one.plan()));
        observe();
    }

    private void make(RolloutStep step) {
        steps.add(step);
        Line after = switch (step) {
            case RolloutStep.Begin(var cause) -> begun(cause);
            case RolloutStep.RollBack back -> rolledBack();
            case RolloutStep.Remind reminded -> told();
            default -> line().after(step, now);
        };
        after.members().forEach(changed -> members.get(changed.id()).changes(same -> same.with(changed.service())));
        evidence.clear();
    }

    private Line begun(RolloutCause cause) {
        Rollout rollout = new Rollout(
                ROLLOUT, cause, RolloutState.PROGRESSING, now, now.plus(Duration.ofHours(1)), now, false, false);
        UUID target = line().target().orElseThrow().id();
        return each(member -> member.id().equals(target) ? member.with(in(rollout, RolloutRole.TARGET)) : member);
    }

    private Line rolledBack() {
        UUID newest = line().befores().getFirst().id();
        return each(member -> member.with(Service.alone(member.id().equals(newest))));
    }

    private Line told() {
        return each(member -> member.with(member.membership()
                .map(known -> new Service(
                        member.active(),
                        member.served(),
                        Optional.of(new Membership(
                                known.role(),
                                known.rollout()
                                        .in(
                                                RolloutState.HELD,
                                                now,
                                                known.rollout().deadlineAt()),
                                known.newestReadyAt(),
                                known.canaries()))))
                .orElse(member.service())));
    }

    private Line each(UnaryOperator<PresetSnapshot> change) {
        return new Line(line().members().stream().map(change).toList());
    }

    /** What the snapshot says of the canaries, and of when a prebuild was ready last. */
    private void observe() {
        for (WorldModel world : members.values()) {
            PresetSnapshot preset = world.snapshot();
            if (preset.is(RolloutRole.CANARY)) {
                preset.prebuilds().stream()
                        .filter(one -> one.transition() == Transition.START && one.status() != JobStatus.CANCELED)
                        .forEach(one -> evidence.put(one.id(), evidence(one)));
            }
            world.changes(this::observed);
        }
    }

    private static CanaryEvidence evidence(Prebuild one) {
        Optional<CanaryEvidence.Failed> failed = one.status() == JobStatus.FAILED
                ? Optional.of(new CanaryEvidence.Failed(one.id(), "template", "script_failed"))
                : Optional.empty();
        return new CanaryEvidence(one.id(), one.ready(), failed, one.ready(), one.ready());
    }

    private PresetSnapshot observed(PresetSnapshot preset) {
        if (preset.membership().isEmpty()) {
            return preset;
        }
        Membership known = preset.membership().get();
        @Nullable
        Instant ready = preset.prebuilds().stream()
                .map(Prebuild::readyAt)
                .filter(at -> at != null)
                .max(Instant::compareTo)
                .orElse(known.newestReadyAt());
        Membership seen = new Membership(known.role(), known.rollout(), ready, List.of());
        return preset.with(new Service(preset.active(), preset.served(), Optional.of(seen)))
                .withCanaries(known.role() == RolloutRole.CANARY ? List.copyOf(evidence.values()) : List.of());
    }

    /** An unclaimed, ready one of the line that is served, if there is one, the target's first. */
    @CanIgnoreReturnValue
    boolean claims() {
        for (PresetSnapshot preset : line().members()) {
            boolean any = preset.served()
                    && preset.prebuilds().stream().anyMatch(one -> one.ready() && preset.isSound(one, now));
            if (any) {
                members.get(preset.id()).claimsOldestReady();
                return true;
            }
        }
        return false;
    }

    /** No failure is remembered. */
    void forgets() {
        members.values().forEach(WorldModel::removesFailed);
    }
}
