package dev.larder.reconcile;

import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.Rollout;
import dev.larder.model.RolloutPolicy.Bounds;
import dev.larder.model.RolloutPolicy.Canary;
import dev.larder.model.RolloutRole;
import dev.larder.model.Transition;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What each cycle must keep, whatever the line is like (decision 0046). */
final class Invariants {

    private Invariants() {}

    static void check(Line before, LinePlan plan, Line after, Instant at) {
        String found = violation(before, plan, after, at);
        if (!found.isEmpty()) {
            throw new AssertionError(found + "\n before " + words(before, at) + "\n plan " + words(plan) + "\n after "
                    + words(after, at));
        }
    }

    static String words(LinePlan plan) {
        return plan.step() + " "
                + plan.effects().stream()
                        .map(effect ->
                                "v%d %s".formatted(effect.preset().identity().version(), effect.action()))
                        .toList()
                + " "
                + plan.members().stream().map(one -> one.plan().holds()).toList();
    }

    static String words(Line line, Instant at) {
        StringBuilder words = new StringBuilder(at + " " + line.rollout());
        for (PresetSnapshot preset : line.members()) {
            words.append("\n  v%d %s wants %d %s: "
                    .formatted(
                            preset.identity().version(),
                            preset.membership().map(one -> one.role().word()).orElse(preset.active() ? "active" : "-"),
                            preset.instances(),
                            preset.rollout().bounds()));
            preset.prebuilds()
                    .forEach(one -> words.append("%s %s%s%s%s, "
                            .formatted(
                                    one.transition().word(),
                                    one.status().word(),
                                    one.ready() ? " ready" : "",
                                    preset.expired(one, at) ? " expired" : "",
                                    preset.outdated(one) ? " stale" : "")));
        }
        return words.toString();
    }

    private static String violation(Line before, LinePlan plan, Line after, Instant at) {
        boolean tried = after.target().filter(one -> one.is(RolloutRole.CANARY)).isPresent();
        @Nullable UUID canary = tried ? after.target().orElseThrow().id() : null;
        if (total(after, canary, at) > Math.max(most(after, at), total(before, canary, at))) {
            return "more exist than may, and more than before";
        }
        if (tried && ofCanary(after, at) > Math.max(instances(after), ofCanary(before, at))) {
            return "more canaries than declared";
        }
        // Without a rollout the rules of one preset alone hold: the oldest go, whether they are ready or not.
        if (after.rollout().isPresent()
                && !isOutrun(before, after, at)
                && ready(before, after, at) > ready(after, after, at)
                && ready(after, after, at) < least(after, at)) {
            return "too few are left ready";
        }
        for (PresetSnapshot preset : before.members()) {
            Set<UUID> gone = removed(plan, preset);
            for (Prebuild prebuild : preset.prebuilds()) {
                if (gone.contains(prebuild.id()) && !prebuild.running() && !prebuild.neverStarted()) {
                    return "one was touched that is busy or evidence: " + prebuild;
                }
            }
        }
        boolean finished =
                plan.step().filter(RolloutStep.Finish.class::isInstance).isPresent();
        if (finished
                && before.befores().stream().anyMatch(one -> !one.prebuilds().isEmpty())) {
            return "done, and something is left of the version before";
        }
        // While a canary is held the version before renews its own stock.
        boolean stands = after.rollout()
                .filter(open -> open.paused() || (open.stands() && !tried))
                .isPresent();
        if (stands
                && ready(before, after, at) > ready(after, after, at)
                && ready(after, after, at) < wanted(after, at)) {
            return "held or paused, and a ready one that is wanted was taken";
        }
        return "";
    }

    /** Claims take what the target builds, so that too few are ready: old ones go all the same. */
    private static boolean isOutrun(Line before, Line after, Instant at) {
        return before.rollout().filter(Rollout::delivered).isPresent() && ready(before, after, at) < least(after, at);
    }

    private static Set<UUID> removed(LinePlan plan, PresetSnapshot preset) {
        Set<UUID> removed = new HashSet<>();
        for (LinePlan.Effect effect : plan.effects()) {
            if (effect.preset().id().equals(preset.id())) {
                switch (effect.action()) {
                    case Action.Delete(var ids, var reason) -> removed.addAll(ids);
                    case Action.CancelPending(var ids) -> removed.addAll(ids);
                    default -> {}
                }
            }
        }
        return removed;
    }

    /** The preset whose wish counts: the newest that is served. */
    private static Optional<PresetSnapshot> leading(Line line) {
        List<PresetSnapshot> served =
                line.members().stream().filter(PresetSnapshot::served).toList();
        return line.target()
                .filter(PresetSnapshot::served)
                .or(() -> served.stream().findFirst());
    }

    private static int wanted(Line line, Instant at) {
        return leading(line).map(one -> Desired.declared(one, at).instances()).orElse(0);
    }

    private static int most(Line line, Instant at) {
        int wanted = wanted(line, at);
        int surge = wanted == 0
                ? 0
                : leading(line)
                        .map(one -> one.rollout().bounds().surgeOf(wanted))
                        .orElse(0);
        return wanted + surge;
    }

    private static int instances(Line line) {
        return line.target()
                .flatMap(one -> one.rollout().canary())
                .map(Canary::instances)
                .orElse(0);
    }

    private static int least(Line line, Instant at) {
        int wanted = wanted(line, at);
        return leading(line)
                .map(one -> {
                    Bounds bounds = one.rollout().bounds();
                    int unavailable = bounds.unavailableOf(wanted);
                    return bounds.surgeOf(wanted) == 0 ? Math.max(unavailable, 1) : unavailable;
                })
                .map(unavailable -> wanted - unavailable)
                .orElse(0);
    }

    private static int total(Line line, @Nullable UUID without, Instant at) {
        return line.members().stream()
                .filter(preset -> !preset.id().equals(without))
                .mapToInt(preset -> live(preset, at))
                .sum();
    }

    private static int ofCanary(Line line, Instant at) {
        return live(line.target().orElseThrow(), at);
    }

    private static int live(PresetSnapshot preset, Instant at) {
        return (int) preset.prebuilds().stream()
                .filter(one -> one.underWay(Transition.START) || preset.isSound(one, at))
                .count();
    }

    /** Of a line's presets, those that are served according to another state of it. */
    private static int ready(Line line, Line served, Instant at) {
        Set<UUID> counted = new HashSet<>();
        served.members().stream().filter(PresetSnapshot::served).forEach(one -> counted.add(one.id()));
        return (int) line.members().stream()
                .filter(preset -> counted.contains(preset.id()))
                .flatMap(preset -> preset.prebuilds().stream().filter(one -> one.ready() && preset.isSound(one, at)))
                .count();
    }
}
