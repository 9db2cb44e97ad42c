package dev.larder.claim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.lifecycle.EndClaimStore;
import dev.larder.testing.Plans;
import dev.larder.testing.Stock;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A claim finds what is ready by its order, however many there are and have been, and before statistics tell so. */
class ClaimPlansTest {

    private static final int CLAIMED = 5_000;
    private static final int READY = 5_000;

    private final Stock stock = new Stock();

    @BeforeEach
    void a_large_stock_with_a_long_past() {
        stock.declare("one", 1);
        // A table that was never looked at is taken for as large as the pages an earlier test left in it.
        stock.sql(
                "TRUNCATE workspaces, builds, jobs, job_logs, claims, dirty_presets, states, state_mutations, state_versions,"
                        + " state_rejects CASCADE");
        Plans.crowd(stock, stock.preset("one"), CLAIMED, READY, 0);
    }

    @AfterEach
    void close() {
        stock.close();
    }

    @Test
    void no_claim_and_no_end_of_one_reads_all_workspaces() throws IllegalAccessException {
        noneReadsAllWorkspaces();

        Plans.analyze(stock);

        noneReadsAllWorkspaces();
    }

    private void noneReadsAllWorkspaces() throws IllegalAccessException {
        Map<String, String> plans = Plans.of(
                stock,
                List.of(
                        ClaimStore.class,
                        ExactClaimStore.class,
                        ColdClaimStore.class,
                        WaitingClaimStore.class,
                        ChildStore.class,
                        EndClaimStore.class),
                (name, statement) -> statement.contains("workspaces") && !isPart(name));

        assertThat(plans).hasSizeGreaterThan(8);
        assertThat(plans).allSatisfy((name, plan) -> assertThat(plan).doesNotContain("Seq Scan on workspaces"));
    }

    private static boolean isPart(String name) {
        return List.of("LINE_UP", "BEGIN_COLD").contains(name);
    }
}
