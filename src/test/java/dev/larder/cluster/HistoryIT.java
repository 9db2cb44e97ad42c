package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.history.Checker;
import dev.larder.history.History;
import dev.larder.history.Load;
import dev.larder.history.LoadPlan;
import dev.larder.history.OperationType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import org.junit.jupiter.api.Test;

/**
 * Some seconds of claims, repeats and releases on servers that are killed and on a database that crashes: nothing that
 * must never happen does (goals R1 to R3). {@code ./mvnw -q -Pbench -Dbench=history} does the same for long.
 */
class HistoryIT {

    @Test
    void everything_that_was_answered_can_be_true() throws Exception {
        Load.Ran ran = Load.run(new LoadPlan(
                1,
                5_000,
                Duration.ofSeconds(7),
                2,
                16,
                4,
                3,
                40,
                Duration.ofSeconds(1),
                1,
                EnumSet.allOf(OperationType.class),
                Path.of("target", "history-it")));
        History history = History.read(ran.file());

        assertThat(Checker.judge(history)).isEmpty();
        assertThat(history.finalState().claims()).isNotEmpty();
        assertThat(ran.kills()).isPositive();
        assertThat(ran.crashes()).isEqualTo(1);
    }
}
