package dev.larder.history;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** As {@link CheckerTest}, of histories in which versions are changed. */
class RolloutCheckerTest {

    private static final int SEEDS = 30;
    private static final int CHANGES = 15;
    private static final List<History> LEGAL = LongStream.rangeClosed(1, SEEDS)
            .mapToObj(seed -> ValidRollouts.of(seed, CHANGES))
            .toList();

    @Test
    void finds_nothing_in_histories_that_can_be_true() {
        for (int seed = 1; seed <= SEEDS; seed++) {
            assertThat(Checker.judge(LEGAL.get(seed - 1))).as("seed " + seed).isEmpty();
        }
    }

    @Test
    void the_histories_have_everything_in_them_that_may_go_wrong() {
        List<String> words = LEGAL.stream()
                .flatMap(history -> history.operations().stream())
                .map(operation ->
                        operation.request().word() + " " + operation.response().word())
                .distinct()
                .toList();
        List<String> states = LEGAL.stream()
                .flatMap(history -> history.finalState().rollouts().stream())
                .flatMap(rollout -> rollout.steps().stream())
                .map(FinalState.Step::state)
                .distinct()
                .toList();

        assertThat(words)
                .contains(
                        "claim shown",
                        "claim 409 no_claimable_workspace",
                        "claim 409 preset_not_active",
                        "claim unknown: broken",
                        "declare done",
                        "declare unknown: broken",
                        "invalidate done",
                        "invalidate softly done",
                        "roll back done",
                        "roll back 409 rollout_ended");
        assertThat(states).contains("canary", "progressing", "done", "rolled_back", "superseded");
    }

    @ParameterizedTest
    @EnumSource
    void finds(PlantedRolloutFault fault) {
        List<Integer> planted = new ArrayList<>();
        for (int seed = 1; seed <= SEEDS; seed++) {
            MutableHistory draft = new MutableHistory(LEGAL.get(seed - 1));
            if (fault.plant(draft)) {
                planted.add(seed);
                assertThat(Checker.judge(draft.done()))
                        .as(fault + " in seed " + seed)
                        .hasAtLeastOneElementOfType(fault.breaks());
            }
        }

        assertThat(planted).as("histories with a place for " + fault).hasSizeGreaterThan(SEEDS / 6);
    }
}
