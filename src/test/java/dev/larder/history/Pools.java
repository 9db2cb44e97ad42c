package dev.larder.history;

import dev.larder.history.History.Sample;
import java.util.function.Consumer;

/** A pool never holds more than is wanted, at any instant it was looked at; each look was one statement. */
final class Pools {

    private Pools() {}

    static void judge(History history, Facts facts, Consumer<Violation> found) {
        for (Sample sample : history.samples()) {
            Tables.Preset preset = facts.preset(sample.preset());
            int wanted = preset == null ? 0 : preset.instances();
            if (sample.held() > wanted) {
                found.accept(new Violation.Overfilled(sample, wanted));
            }
        }
    }
}
