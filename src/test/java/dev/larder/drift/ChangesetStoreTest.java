package dev.larder.drift;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.drift.DriftReads.Subject;
import dev.larder.drift.DriftViews.ChangesetView;
import dev.larder.drift.DriftViews.ResultView;
import dev.larder.http.Problem;
import dev.larder.lifecycle.CheckStore.Wanted;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.Findings;
import dev.larder.model.Findings.Change;
import dev.larder.model.JobOutcome;
import dev.larder.model.Visibility;
import dev.larder.testing.Stock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Plans that jobs stage, and what checks have found, as they are read. */
class ChangesetStoreTest {

    private static final Change CREATED = new Change("terraform_data.a", "terraform_data", "create", List.of());
    private static final Change DRIFTED = new Change("aws_s3_bucket.b", "aws_s3_bucket", "update", List.of("tags"));

    private final Stock stock = new Stock();
    private final ChangesetStore changesets = new ChangesetStore(stock.pool, stock.ids, stock.checks);
    private final DriftReads reads = new DriftReads(stock.pool);
    private UUID workspace = new UUID(0, 0);

    @BeforeEach
    void build() {
        stock.withBackend("terraform");
        workspace = stock.ready(stock.declare("small", 1), 1).getFirst();
        stock.sql("UPDATE states SET current_version = 3, reliable_version = 3");
    }

    @AfterEach
    void close() {
        stock.close();
    }

    private UUID stage() {
        Wanted wanted = new Wanted(workspace, stock.owner.userId(), Assignment.CHANGESET, Duration.ofMinutes(5));
        return await(changesets.stage(wanted, stock.clock.instant())).orElseThrow();
    }

    private ChangesetView find(UUID changeset) {
        return await(changesets.find(changeset, Visibility.ALL)).orElseThrow();
    }

    private void ends(Findings findings) {
        stock.end(stock.take(1).getFirst(), new JobOutcome.Succeeded(Map.of(), Map.of(), findings));
    }

    @Test
    void a_changeset_is_staged_by_its_job() {
        UUID changeset = stage();
        assertThat(find(changeset).status()).isEqualTo("staging");

        ends(new Findings(List.of(), List.of(CREATED)));

        assertThat(find(changeset).status()).isEqualTo("staged");
        assertThat(find(changeset).changes()).containsExactly(CREATED);
        assertThat(find(changeset).baseVersion()).isEqualTo(3);
        assertThat(stock.count("reconciliation_results")).isZero();
    }

    @Test
    void drift_found_while_staging_is_a_result_and_the_changeset_says_so() {
        UUID changeset = stage();

        ends(new Findings(List.of(DRIFTED), List.of(CREATED)));

        assertThat(find(changeset).status()).isEqualTo("drift_detected");
        List<ResultView> found = await(reads.ofChangeset(changeset, Visibility.ALL, Optional.empty(), 10));
        assertThat(found).hasSize(1);
        assertThat(found.getFirst().resources().getFirst().address()).isEqualTo("aws_s3_bucket.b");
        assertThat(await(reads.ofWorkspace(workspace, Visibility.ALL, Optional.empty(), 10)))
                .isEqualTo(found);
    }

    @Test
    void a_changeset_whose_job_fails_has_failed_with_its_code() {
        UUID changeset = stage();

        stock.end(stock.take(1).getFirst(), new JobOutcome.Failed("plan_failed", "It did not work."));

        assertThat(find(changeset).status()).isEqualTo("failed");
        assertThat(find(changeset).staged().errorCode()).isEqualTo("plan_failed");
    }

    @Test
    void a_second_changeset_waits_for_the_first_one() {
        UUID first = stage();
        Wanted wanted = new Wanted(workspace, stock.owner.userId(), Assignment.CHANGESET, Duration.ofMinutes(5));

        assertThat(await(changesets.stage(wanted, stock.clock.instant()))).isEmpty();

        assertThat(await(changesets.list(workspace, Visibility.ALL, Optional.empty(), 10)))
                .extracting(ChangesetView::id)
                .containsExactly(first);
    }

    @Test
    void a_member_sees_the_checks_and_results_of_its_own_workspaces_alone() {
        Caller anna = stock.member("anna");
        Wanted wanted = new Wanted(workspace, stock.owner.userId(), Assignment.DRIFT_CHECK, Duration.ofMinutes(5));
        UUID check = await(stock.checks.begin(wanted, stock.clock.instant())).orElseThrow();
        ends(Findings.NONE);

        assertThat(await(reads.check(check, Visibility.of(anna)))).isEmpty();
        assertThat(await(reads.subject(workspace, Visibility.of(anna)))).isEmpty();
        assertThat(await(reads.ofWorkspace(workspace, Visibility.of(anna), Optional.empty(), 10)))
                .isEmpty();
        var seen = await(reads.check(check, Visibility.ALL)).orElseThrow();
        assertThat(seen.status()).isEqualTo("succeeded");
        assertThat(await(reads.result(Optional.ofNullable(seen.resultId()).orElseThrow(), Visibility.ALL)))
                .isPresent();
    }

    @ParameterizedTest
    @CsvSource({
        "exec, 0, , false, workspace_without_state",
        "terraform, 0, new, false, workspace_without_state",
        "terraform, 1, tombstoned, true, state_deleted",
        "terraform, 1, corrupt, false, state_corrupt",
        "terraform, 1, unreliable, false, ",
        "terraform, 1, reliable, false, "
    })
    void what_cannot_be_checked_is_refused_by_a_code(
            String backend, long version, String status, boolean gone, String code) {
        Subject subject = new Subject(workspace, backend, version, status, gone);

        assertThat(Checks.refusal(subject).map(Problem::code)).isEqualTo(Optional.ofNullable(code));
    }
}
