package dev.larder.history;

import dev.larder.history.History.Sample;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A pool never holds more prebuilds than are wanted and may exist beside them while some are replaced, those of all
 * versions together, in any sample. One sample is one statement.
 */
final class PoolSizeCheck {

    private PoolSizeCheck() {}

    static void judge(History history, HistoryIndex index, Consumer<Violation> found) {
        // What the canaries of one version leave is there for a moment when the next one is promoted.
        Map<String, Integer> most = new HashMap<>();
        for (FinalState.Preset preset : history.finalState().presets()) {
            var raised = most.merge(preset.name(), preset.instances() + preset.spare(), Math::max);
        }
        for (Sample sample : history.samples()) {
            int wanted = most.getOrDefault(index.line(sample.preset()), 0);
            if (sample.held() > wanted) {
                found.accept(new Violation.Overfilled(sample, wanted));
            }
        }
    }
}
