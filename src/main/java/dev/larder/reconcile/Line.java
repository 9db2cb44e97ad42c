package dev.larder.reconcile;

import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetSnapshot.Membership;
import dev.larder.model.PresetSnapshot.Service;
import dev.larder.model.Rollout;
import dev.larder.model.RolloutRole;
import dev.larder.model.RolloutState;
import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * The presets of one name in a template, over its versions: one rollout at most goes on among them (decision 0046).
 *
 * @param members the newest version first; never empty
 */
record Line(List<PresetSnapshot> members) {

    private record Name(UUID template, String preset) {}

    /** In the order of their first members. */
    static List<Line> of(Collection<PresetSnapshot> presets) {
        Map<Name, List<PresetSnapshot>> lines = presets.stream()
                .collect(Collectors.groupingBy(
                        preset -> new Name(preset.identity().templateId(), preset.name()),
                        LinkedHashMap::new,
                        Collectors.toList()));
        Comparator<PresetSnapshot> byVersion =
                Comparator.comparing(preset -> preset.identity().version());
        return lines.values().stream()
                .map(members ->
                        new Line(members.stream().sorted(byVersion.reversed()).toList()))
                .toList();
    }

    /** That all members have. */
    String name() {
        return members.getFirst().name();
    }

    /** The rollout that is open, if one is. */
    Optional<Rollout> rollout() {
        return members.stream()
                .flatMap(member -> member.membership().stream())
                .map(Membership::rollout)
                .findFirst();
    }

    /** The preset that a rollout makes ready, canary or served; without a rollout the active one. */
    Optional<PresetSnapshot> target() {
        boolean open = rollout().isPresent();
        return members.stream()
                .filter(member ->
                        open ? member.is(RolloutRole.TARGET) || member.is(RolloutRole.CANARY) : member.active())
                .findFirst();
    }

    /**
     * Presets of former versions that are still served: the one that the rollout began from, which a rollback goes to,
     * then the newest.
     */
    List<PresetSnapshot> befores() {
        return members.stream()
                .filter(member -> member.is(RolloutRole.BEFORE))
                .sorted(Comparator.comparing(member -> !isOrigin(member)))
                .toList();
    }

    private static boolean isOrigin(PresetSnapshot member) {
        return member.membership().filter(Membership::origin).isPresent();
    }

    /** Those that are neither: nothing of them is wanted. */
    List<PresetSnapshot> others() {
        Optional<PresetSnapshot> target = target();
        return members.stream()
                .filter(member -> !member.is(RolloutRole.BEFORE)
                        && target.filter(member::equals).isEmpty())
                .toList();
    }

    /**
     * The same line, as it is when the step has been made. A rollback is left out: it concerns the whole template, and
     * nothing more is planned for the line with it.
     */
    Line after(RolloutStep step, Instant at) {
        return switch (step) {
            case RolloutStep.PassCanary passed -> withStates(Line::served, RolloutState.PROGRESSING, at);
            case RolloutStep.Hold held -> withStates(Line::same, RolloutState.HELD, at);
            case RolloutStep.Finish finished -> withoutRollout();
            case RolloutStep.Supersede superseded -> withoutRollout();
            case RolloutStep.Begin begun -> this;
            case RolloutStep.RollBack back -> this;
            case RolloutStep.Remind reminded -> this;
        };
    }

    private static RolloutRole served(RolloutRole role) {
        return role == RolloutRole.CANARY ? RolloutRole.TARGET : role;
    }

    private static RolloutRole same(RolloutRole role) {
        return role;
    }

    private Line withStates(UnaryOperator<RolloutRole> roles, RolloutState state, Instant at) {
        Instant deadline = at.plus(target().orElseThrow().rollout().deadline());
        return each(member -> member.membership()
                .map(known -> member.with(in(member, known, roles.apply(known.role()), state, at, deadline)))
                .orElse(member));
    }

    private static Service in(
            PresetSnapshot member,
            Membership known,
            RolloutRole role,
            RolloutState state,
            Instant at,
            Instant deadline) {
        Membership changed = known.with(role, known.rollout().in(state, at, deadline));
        return new Service(member.active(), role != RolloutRole.CANARY, Optional.of(changed));
    }

    private Line withoutRollout() {
        return each(member -> member.membership().isPresent() ? member.with(Service.alone(member.active())) : member);
    }

    private Line each(UnaryOperator<PresetSnapshot> change) {
        return new Line(members.stream().map(change).toList());
    }
}
