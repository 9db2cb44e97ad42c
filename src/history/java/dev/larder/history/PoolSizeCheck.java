package dev.larder.history;

import dev.larder.history.History.Sample;
import java.util.function.Consumer;

/** A pool never holds more prebuilds than are wanted, in any sample; one sample is one statement. */
final class PoolSizeCheck {

    private PoolSizeCheck() {}

    static void judge(History history, HistoryIndex index, Consumer<Violation> found) {
        for (Sample sample : history.samples()) {
            FinalState.Preset preset = index.preset(sample.preset());
            int wanted = preset == null ? 0 : preset.instances();
            if (sample.held() > wanted) {
                found.accept(new Violation.Overfilled(sample, wanted));
            }
        }
    }
}
