package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.history.states.StateChecker;
import dev.larder.history.states.StateLoad;
import dev.larder.history.states.StateLoad.Plan;
import dev.larder.history.states.StateLoad.Ran;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/**
 * Some seconds of mutations of states on servers that are killed, by people, workers and claimers: the invariants I1 to
 * I9 hold (S6, S7). {@code ./mvnw -q -Pbench -Dbench=state-history -Dlarder.history.operations=10000} does the same for
 * long.
 */
class StateHistoryIT {

    @Test
    void the_invariants_of_states_hold_while_servers_and_workers_are_killed() throws Exception {
        Ran ran = StateLoad.run(new Plan(
                1,
                300,
                Duration.ofSeconds(40),
                2,
                Duration.ofMillis(500),
                8,
                2,
                Path.of("target", "state-history-it")));

        assertThat(StateChecker.judge(ran.acts(), ran.journal())).isEmpty();
        assertThat(ran.restless()).isEmpty();
        assertThat(ran.kills()).isGreaterThanOrEqualTo(2);
        assertThat(ran.journal().mutations()).hasSizeGreaterThan(200);
        assertThat(ran.journal().handed()).isNotEmpty();
    }
}
