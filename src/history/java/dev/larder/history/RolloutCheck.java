package dev.larder.history;

import dev.larder.history.FinalState.Rollout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * Every rollout ends, and soon; a line has one at most at a time. When all have ended no preset is in one, and of a
 * version that is not the active one nothing is left but starts that failed.
 */
final class RolloutCheck {

    /**
     * A job of a dead server is taken from it after seconds, and an operator rolls a broken version back as soon. The
     * rest is for crowded processors.
     */
    private static final long ENDS_WITHIN = Duration.ofMinutes(2).toNanos();

    private RolloutCheck() {}

    static void judge(History history, HistoryIndex index, Consumer<Violation> found) {
        Map<String, List<Rollout>> lines = new HashMap<>();
        for (Rollout rollout : history.finalState().rollouts()) {
            if (rollout.ended() > rollout.created() + ENDS_WITHIN) {
                found.accept(new Violation.RolloutStuck(rollout.id(), rollout.state()));
            }
            lines.computeIfAbsent(rollout.line(), unseen -> new ArrayList<>()).add(rollout);
        }
        lines.values().forEach(line -> judgeOrder(line, history.toleranceNanos(), found));
        judgeEnd(history, index, found);
    }

    /** A server reads the clock, and may wait then for another one that ends or begins a rollout. */
    private static void judgeOrder(List<Rollout> line, long tolerance, Consumer<Violation> found) {
        line.sort(Comparator.comparingLong(Rollout::created));
        Rollout longest = line.getFirst();
        for (Rollout rollout : line.subList(1, line.size())) {
            if (rollout.created() < longest.ended() - AvailabilityCheck.AFTERLIFE - tolerance) {
                found.accept(new Violation.TwoRolloutsOpen(longest.id(), rollout.id()));
            }
            longest = rollout.ended() > longest.ended() ? rollout : longest;
        }
    }

    private static void judgeEnd(History history, HistoryIndex index, Consumer<Violation> found) {
        for (FinalState.Preset preset : history.finalState().presets()) {
            if (!preset.role().isEmpty()) {
                found.accept(new Violation.LeftOfRollout(preset.id(), "is " + preset.role()));
            }
        }
        for (FinalState.Workspace workspace : history.finalState().workspaces()) {
            FinalState.Preset preset = index.preset(workspace.preset());
            if (workspace.stocked() && preset != null && !preset.active()) {
                UUID left = workspace.id();
                found.accept(new Violation.LeftOfRollout(left, "of version " + preset.version()));
            }
        }
    }
}
