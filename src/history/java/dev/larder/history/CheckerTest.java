package dev.larder.history;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CheckerTest {

    private static final int SEEDS = 15;
    private static final int CALLS = 600;
    private static final List<History> LEGAL = LongStream.rangeClosed(1, SEEDS)
            .mapToObj(seed -> ValidHistories.of(seed, CALLS))
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

        assertThat(words)
                .contains(
                        "claim shown",
                        "claim replayed",
                        "claim 409 no_claimable_workspace",
                        "claim 422 idempotency_key_reused",
                        "claim unknown: broken",
                        "claim cold shown",
                        "claim many shown",
                        "claim wait shown",
                        "claim wait 409 no_claimable_workspace",
                        "claim wait_then_cold for a while shown",
                        "renew shown",
                        "renew 409 claim_ended",
                        "renew 412 generation_mismatch",
                        "read shown",
                        "read 404 claim_not_found",
                        "release done",
                        "invalidate done");
    }

    @ParameterizedTest
    @EnumSource
    void finds(PlantedFault fault) {
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

        assertThat(planted).as("histories with a place for " + fault).hasSizeGreaterThan(SEEDS / 4);
    }

    @Test
    void judges_a_file_as_it_judges_what_was_written_to_it(@TempDir Path folder) throws Exception {
        History history = LEGAL.getFirst();
        Path file = folder.resolve("history.jsonl");
        try (BufferedWriter writer = Files.newBufferedWriter(file)) {
            List<History.Entry> lines = new ArrayList<>();
            history.operations().forEach(operation -> lines.add(new History.Called(operation)));
            lines.addAll(history.built());
            lines.addAll(history.samples());
            lines.addAll(history.reached());
            lines.add(new History.Kept(history.finalState()));
            lines.add(new History.Served(history.servedUntil()));
            lines.add(new History.Tolerance(history.toleranceNanos()));
            for (History.Entry line : lines) {
                writer.write(History.WRITER.writeValueAsString(line) + "\n");
            }
        }

        assertThat(History.read(file)).isEqualTo(history);
    }
}
