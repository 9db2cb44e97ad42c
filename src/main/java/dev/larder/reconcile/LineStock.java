package dev.larder.reconcile;

import dev.larder.reconcile.Desired.Reason;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * What the clients of a line have: the stock of all its versions that are handed out. It is the same whichever
 * preset of the line is asked for. No client gets a canary, so it is not part of this.
 *
 * @param counts of all versions but a canary
 * @param desired how many are wanted: by the version before while the new one is a canary, else by the new one
 * @param holds why nothing is built for this stock, or why what is built waits; and that the rollout is held
 * @param builder the preset that is built when a claim takes one
 */
record LineStock(PoolState counts, Desired desired, List<Blocker> holds, UUID builder) {

    /** @param asked a preset of the line: the answer is its own where the line wants nothing */
    static LineStock of(LinePlan line, UUID asked) {
        Planned decides =
                first(line, LineStock::decides).or(() -> line.of(asked)).orElseThrow();
        Planned builder = first(line, LineStock::isRefilled).orElse(decides);
        PoolState counts =
                line.members().stream().map(member -> member.plan().stock()).reduce(PoolState.NONE, PoolState::and);
        return new LineStock(
                counts,
                decides.plan().desired(),
                holds(line, builder),
                builder.preset().id());
    }

    private static Optional<Planned> first(LinePlan line, Predicate<Planned> which) {
        return line.members().stream().filter(which).findFirst();
    }

    private static boolean isRefilled(Planned member) {
        return member.plan().desired().reason() instanceof Reason.Refilled;
    }

    private static boolean decides(Planned member) {
        Reason reason = member.plan().desired().reason();
        return reason instanceof Reason.Base
                || reason instanceof Reason.BySchedule
                || reason instanceof Reason.ScheduleUnusable;
    }

    private static List<Blocker> holds(LinePlan line, Planned builder) {
        List<Blocker> holds = new ArrayList<>(builder.plan().holds());
        Stream<Blocker> ofLine = line.members().stream().flatMap(member -> member.plan().holds().stream());
        Blocker held = new Blocker.RolloutHeld();
        if (!holds.contains(held) && ofLine.anyMatch(held::equals)) {
            holds.add(held);
        }
        return List.copyOf(holds);
    }
}
