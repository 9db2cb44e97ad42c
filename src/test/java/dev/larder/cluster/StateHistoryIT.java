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
 * I9 hold (S6, S7). {@code -Dlarder.cluster.mutations=10000} makes it longer.
 */
class StateHistoryIT {

    private static final int MUTATIONS = Integer.getInteger("larder.cluster.mutations", 150);
    private static final Duration AT_MOST = Duration.ofSeconds(MUTATIONS > 1_000 ? 3_600 : 20);
    private static final int KILLS = 2;

    @Test
    void the_invariants_of_states_hold_while_servers_and_workers_are_killed() throws Exception {
        Ran ran = StateLoad.run(new Plan(
                1, MUTATIONS, AT_MOST, KILLS, Duration.ofSeconds(1), 8, 2, Path.of("target", "state-history-it")));

        assertThat(StateChecker.judge(ran.acts(), ran.journal())).isEmpty();
        assertThat(ran.restless()).isEmpty();
        assertThat(ran.kills()).isPositive();
        assertThat(ran.journal().mutations()).hasSizeGreaterThan(50);
    }
}
