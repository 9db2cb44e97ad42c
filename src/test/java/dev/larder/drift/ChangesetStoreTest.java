package dev.larder.drift;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.drift.ChangesetStore.Standing;
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
import dev.larder.model.ToolEnd;
import dev.larder.model.Visibility;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Tuple;
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
        assertThat(find(changeset).planned().changes()).containsExactly(CREATED);
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

    private static final String PLAN = "ab".repeat(32);

    private UUID staged() {
        UUID changeset = stage();
        ends(new Findings(List.of(), List.of(CREATED), Optional.of(PLAN)));
        return changeset;
    }

    private boolean apply(UUID changeset) {
        Wanted wanted = new Wanted(workspace, stock.owner.userId(), Assignment.APPLY, Duration.ofMinutes(5));
        return await(changesets.apply(changeset, wanted, stock.clock.instant()));
    }

    private String text(String sql) {
        return stock.row(sql, Tuple.tuple()).getString(0);
    }

    @Test
    void a_staged_changeset_is_applied_by_a_job_that_knows_its_plan() {
        UUID changeset = staged();

        assertThat(apply(changeset)).isTrue();
        assertThat(find(changeset).status()).isEqualTo("applying");
        Assignment job = stock.take(1).getFirst();
        assertThat(job.reason()).isEqualTo(Assignment.APPLY);
        assertThat(job.target().state().orElseThrow().plan()).contains(PLAN);
        assertThat(text("SELECT kind FROM state_mutations WHERE outcome IS NULL"))
                .isEqualTo("update");

        stock.end(job, new JobOutcome.Succeeded(Map.of("size", "3")));

        assertThat(find(changeset).status()).isEqualTo("applied");
        assertThat(find(changeset).applied().applyJobId()).isEqualTo(job.jobId());
        assertThat(text("SELECT build_status || ' ' || (ready_at IS NOT NULL)::text FROM workspaces"))
                .isEqualTo("succeeded true");
    }

    @Test
    void the_digest_of_a_plan_is_sealed_where_it_is_kept() {
        UUID changeset = staged();

        assertThat(text("SELECT encode(plan_sealed, 'escape') FROM changesets WHERE id = '" + changeset + "'"))
                .doesNotContain(PLAN);
    }

    @Test
    void an_apply_that_fails_leaves_the_workspace_where_it_stood() {
        UUID changeset = staged();
        boolean begun = apply(changeset);

        stock.end(
                stock.take(1).getFirst(),
                new JobOutcome.Failed("plan_changed", "It is another plan.", ToolEnd.NOT_STARTED));

        assertThat(begun).isTrue();
        assertThat(find(changeset).status()).isEqualTo("apply_failed");
        assertThat(find(changeset).staged().errorCode()).isEqualTo("plan_changed");
        assertThat(text("SELECT build_status || ' ' || (ready_at IS NOT NULL)::text FROM workspaces"))
                .isEqualTo("succeeded true");
        assertThat(text("SELECT status FROM states")).isEqualTo("reliable");
    }

    @Test
    void an_apply_that_is_cut_off_leaves_a_state_that_cannot_be_trusted() {
        UUID changeset = staged();
        boolean begun = apply(changeset);

        stock.end(stock.take(1).getFirst(), new JobOutcome.Failed("apply_failed", "It was killed.", ToolEnd.UNKNOWN));

        assertThat(begun).isTrue();
        assertThat(find(changeset).status()).isEqualTo("apply_failed");
        assertThat(text("SELECT status FROM states")).isEqualTo("unreliable");
    }

    @Test
    void drift_holds_an_apply_back_even_from_a_call_that_read_the_changeset_before() {
        UUID changeset = stage();
        ends(new Findings(List.of(DRIFTED), List.of(CREATED), Optional.of(PLAN)));
        stock.sql("UPDATE states SET status = 'reliable', status_reason = NULL");

        assertThat(apply(changeset)).isFalse();

        assertThat(find(changeset).status()).isEqualTo("drift_detected");
        assertThat(stock.count("builds WHERE reason = 'apply'")).isEqualTo(0);
    }

    @Test
    void a_changeset_is_applied_once_and_a_second_call_begins_nothing() {
        UUID changeset = staged();
        boolean first = apply(changeset);
        boolean during = apply(changeset);
        ends(Findings.NONE);

        assertThat(first).isTrue();
        assertThat(during).isFalse();
        assertThat(apply(changeset)).isFalse();
        assertThat(stock.count("builds WHERE reason = 'apply'")).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({
        "staging, 3, 3, false, changeset_not_staged",
        "failed, 3, 3, false, changeset_not_staged",
        "drift_detected, 3, 3, true, drift_detected",
        "staged, 3, 4, true, changeset_stale",
        "staged, 3, 3, false, changeset_not_comparable",
        "applying, 3, 3, true, changeset_used",
        "applied, 3, 4, true, changeset_used",
        "apply_failed, 3, 3, true, changeset_used",
        "staged, 3, 3, true, "
    })
    void what_cannot_be_applied_is_refused_by_a_code(
            String status, long base, long version, boolean comparable, String code) {
        Standing standing = new Standing(workspace, status, base, version, comparable);

        assertThat(ChangesetResource.refusal(standing).map(Problem::code)).isEqualTo(Optional.ofNullable(code));
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
