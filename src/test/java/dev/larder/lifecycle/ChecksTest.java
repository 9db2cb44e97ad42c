package dev.larder.lifecycle;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.Rows;
import dev.larder.lifecycle.CheckStore.Pace;
import dev.larder.lifecycle.CheckStore.Wanted;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.Findings;
import dev.larder.model.Findings.Change;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobStatus;
import dev.larder.model.ToolEnd;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** A check leaves its workspace as it was, and what it has found decides what follows (decision 0038). */
class ChecksTest {

    private static final Duration WITHIN = Duration.ofMinutes(5);
    private static final Duration INTERVAL = Duration.ofHours(6);
    private static final Pace PACE = new Pace(INTERVAL, WITHIN, 2);
    private static final Change CHANGED =
            new Change("aws_s3_bucket.data", "aws_s3_bucket", "update", List.of("tags.team"));
    private static final Change MISSING = new Change("aws_sqs_queue.jobs", "aws_sqs_queue", "delete", List.of());

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");
    private final UUID preset;

    ChecksTest() {
        stock.withBackend("terraform");
        preset = stock.declare("small", 3);
    }

    @AfterEach
    void close() {
        stock.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    /** Prebuilds whose state lists something, oldest first. */
    private List<UUID> ready(int count) {
        List<UUID> ready = stock.ready(preset, count);
        stock.sql("UPDATE states SET current_version = 1, reliable_version = 1");
        return ready;
    }

    private void onDrift(String action) {
        stock.sql("UPDATE presets SET on_drift = $1", action);
    }

    private Optional<UUID> ask(UUID workspace, String reason) {
        return await(stock.checks.begin(new Wanted(workspace, stock.owner.userId(), reason, WITHIN), now()));
    }

    private Assignment begun(UUID workspace, String reason) {
        assertThat(ask(workspace, reason)).isPresent();
        return stock.take(1).getFirst();
    }

    private void finds(Assignment check, Change... drift) {
        stock.end(check, new JobOutcome.Succeeded(Map.of(), Map.of(), new Findings(List.of(drift), List.of())));
    }

    private Row workspace(UUID id) {
        return stock.row("SELECT * FROM workspaces WHERE id = $1", Tuple.of(id));
    }

    private Row newest(UUID workspace) {
        return stock.row(
                "SELECT * FROM reconciliation_results WHERE workspace_id = $1 ORDER BY id DESC LIMIT 1",
                Tuple.of(workspace));
    }

    private void assertIsAsBefore(Row before) {
        Row after = workspace(before.getUUID("id"));
        for (String column : List.of(
                "build_id",
                "build_status",
                "ready_at",
                "build_finished_at",
                "outputs_sealed",
                "version",
                "owner_id",
                "state_status",
                "deletion_wanted_at",
                "quarantined_at",
                "resumes_build_id")) {
            assertThat(after.getValue(column)).as(column).isEqualTo(before.getValue(column));
        }
    }

    private boolean isClaimable(UUID workspace) {
        return stock.count("workspaces w WHERE id = '" + workspace + "' AND " + Rules.claimable("w")) == 1;
    }

    @Test
    void a_prebuild_is_not_handed_out_while_it_is_checked_and_is_what_it_was_afterwards() {
        UUID prebuild = ready(1).getFirst();
        Row before = workspace(prebuild);

        Assignment check = begun(prebuild, Assignment.DRIFT_CHECK);
        assertThat(stock.claim(preset, anna)).isEmpty();
        stock.clock.forward(Duration.ofSeconds(3));
        finds(check);

        assertIsAsBefore(before);
        assertThat(newest(prebuild).getBoolean("has_drift")).isFalse();
        assertThat(newest(prebuild).getString("recommended")).isEqualTo("none");
        assertThat(stock.claim(preset, anna)).isPresent();
    }

    @ParameterizedTest
    @EnumSource(ToolEnd.class)
    void a_check_that_fails_changes_nothing_of_its_workspace(ToolEnd tool) {
        UUID prebuild = ready(1).getFirst();
        Row before = workspace(prebuild);

        stock.end(
                begun(prebuild, Assignment.DRIFT_CHECK),
                new JobOutcome.Failed("plan_failed", "It did not work.", tool));

        assertIsAsBefore(before);
        assertThat(stock.count("reconciliation_results")).isZero();
    }

    @Test
    void a_check_of_a_place_in_trouble_fails_and_is_not_put_back() {
        UUID prebuild = ready(1).getFirst();

        stock.end(begun(prebuild, Assignment.DRIFT_CHECK), new JobOutcome.Failed("backend_unavailable", "No network."));

        assertThat(isClaimable(prebuild)).isTrue();
        assertThat(stock.count("held_places")).isZero();
    }

    @Test
    void a_check_whose_worker_is_lost_leaves_its_workspace_reliable() {
        UUID prebuild = ready(1).getFirst();
        Row before = workspace(prebuild);
        Assignment check = begun(prebuild, Assignment.DRIFT_CHECK);

        stock.clock.forward(Duration.ofSeconds(30));
        int lost = await(
                stock.requeues.requeueLost(now(), now().minusSeconds(15), now().minus(Duration.ofMinutes(15)), 3));

        assertThat(lost).isOne();
        assertIsAsBefore(before);
        assertThat(stock.count("reconciliation_results")).isZero();
        assertThat(stock.row("SELECT error FROM jobs WHERE id = $1", Tuple.of(check.jobId()))
                        .getString("error"))
                .isEqualTo("Its worker was lost. It had changed nothing.");
    }

    @Test
    void a_check_that_no_worker_begins_is_withdrawn_after_a_minute() {
        UUID prebuild = ready(1).getFirst();
        Row before = workspace(prebuild);
        assertThat(ask(prebuild, Assignment.DRIFT_CHECK)).isPresent();

        stock.clock.forward(Duration.ofSeconds(60));
        assertThat(await(stock.cancels.withdraw(now(), now().minus(Duration.ofHours(1)))))
                .isZero();
        stock.clock.forward(Duration.ofSeconds(1));
        assertThat(await(stock.cancels.withdraw(now(), now().minus(Duration.ofHours(1)))))
                .isOne();

        assertIsAsBefore(before);
    }

    @Test
    void a_check_that_is_asked_to_stop_ends_without_a_result() {
        UUID prebuild = ready(1).getFirst();
        Row before = workspace(prebuild);
        Assignment check = begun(prebuild, Assignment.DRIFT_CHECK);

        var asked = await(stock.cancels.cancel(
                check.jobId(), List.of(stock.organization), Optional.of(JobStatus.RUNNING), now()));
        assertThat(asked).isPresent();
        finds(check, CHANGED);

        assertIsAsBefore(before);
        assertThat(stock.count("reconciliation_results")).isZero();
    }

    @Test
    void a_claimed_workspace_is_checked_and_its_admins_are_told_of_the_same_drift_once() {
        UUID prebuild = ready(1).getFirst();
        assertThat(stock.claim(preset, anna)).isPresent();
        Row before = workspace(prebuild);

        finds(begun(prebuild, Assignment.DRIFT_CHECK), CHANGED);
        stock.clock.forward(Duration.ofMinutes(1));
        finds(begun(prebuild, Assignment.DRIFT_CHECK), CHANGED);

        assertIsAsBefore(before);
        assertThat(newest(prebuild).getString("recommended")).isEqualTo("refresh");
        assertThat(newest(prebuild).getString("action")).isNull();
        assertThat(stock.count("reconciliation_results WHERE has_drift AND claimed"))
                .isEqualTo(2);
        assertThat(stock.count("notifications WHERE kind = 'drift_detected'")).isOne();

        stock.clock.forward(Duration.ofMinutes(1));
        finds(begun(prebuild, Assignment.DRIFT_CHECK), CHANGED, MISSING);
        assertThat(newest(prebuild).getString("recommended")).isEqualTo("manual");
        assertThat(stock.count("notifications WHERE kind = 'drift_detected'")).isEqualTo(2);
        assertThat(stock.count(
                        "audit WHERE action = 'workspace.check' AND detail ->> 'check' = 'drift_check' AND target_id = '"
                                + prebuild + "'"))
                .isEqualTo(3);
    }

    @Test
    void a_result_names_resources_and_attributes_and_is_saved_once() {
        UUID prebuild = ready(1).getFirst();
        Assignment check = begun(prebuild, Assignment.DRIFT_CHECK);
        finds(check, CHANGED, MISSING);

        await(new FindingsStore(stock.ids, stock.encryption).save(stock.pool, check.lease(), Findings.NONE, now()));

        assertThat(stock.count("reconciliation_results")).isOne();
        assertThat(stock.count("resource_drift WHERE address = 'aws_s3_bucket.data' AND status = 'changed'"
                        + " AND paths = ARRAY['tags.team']"))
                .isOne();
        assertThat(stock.count("resource_drift WHERE address = 'aws_sqs_queue.jobs' AND status = 'missing'"))
                .isOne();
        assertThat(newest(prebuild).getInteger("drifted")).isEqualTo(2);
        assertThat(newest(prebuild).getLong("state_version")).isOne();
    }

    @ParameterizedTest
    @CsvSource({
        // the preset's action, a resource is missing: the state, its reason, the action that follows, lost
        "replace, false, unreliable, drifted, replace, true",
        "replace, true, unreliable, resources_missing, replace, true",
        "refresh, false, unreliable, drifted, refresh, false",
        "refresh, true, unreliable, resources_missing, replace, true",
        "ignore, false, reliable, , ignore, false",
        "ignore, true, reliable, , ignore, false"
    })
    void a_drifted_prebuild_is_replaced_refreshed_or_left_as_its_preset_says(
            String action, boolean missing, String status, String reason, String follows, boolean lost) {
        onDrift(action);
        UUID prebuild = ready(1).getFirst();

        finds(begun(prebuild, Assignment.DRIFT_CHECK), missing ? MISSING : CHANGED);

        assertThat(workspace(prebuild).getString("state_status")).isEqualTo(status);
        assertThat(workspace(prebuild).getString("state_reason")).isEqualTo(reason);
        assertThat(stock.row("SELECT status FROM states", Tuple.tuple()).getString("status"))
                .isEqualTo(status);
        assertThat(newest(prebuild).getString("action")).isEqualTo(follows);
        assertThat(isClaimable(prebuild)).isEqualTo(action.equals("ignore"));
        assertThat(isLost(prebuild)).isEqualTo(lost);
    }

    private boolean isLost(UUID prebuild) {
        return await(stock.snapshots.of(List.of(preset), now(), Duration.ofHours(1), 3)).stream()
                .flatMap(one -> one.prebuilds().stream())
                .anyMatch(one -> one.id().equals(prebuild) && one.lost());
    }

    private Assignment refresh() {
        assertThat(await(stock.checks.beginRefreshes(WITHIN, now()))).isOne();
        return stock.take(1).getFirst();
    }

    @Test
    void a_refresh_makes_a_drifted_prebuild_ready_again() {
        onDrift("refresh");
        UUID prebuild = ready(1).getFirst();
        finds(begun(prebuild, Assignment.DRIFT_CHECK), CHANGED);
        stock.clock.forward(Duration.ofSeconds(1));

        Assignment refresh = refresh();
        assertThat(stock.count("state_mutations WHERE kind = 'refresh' AND ended_at IS NULL"))
                .isOne();
        finds(refresh, CHANGED);

        assertThat(isClaimable(prebuild)).isTrue();
        assertThat(newest(prebuild).getString("kind")).isEqualTo("state_refresh");
        assertThat(newest(prebuild).getString("recommended")).isEqualTo("none");
        assertThat(stock.count("resource_drift WHERE status = 'accepted'")).isOne();
    }

    @Test
    void a_refresh_is_tried_once_and_then_the_prebuild_is_replaced() {
        onDrift("refresh");
        UUID prebuild = ready(1).getFirst();
        finds(begun(prebuild, Assignment.DRIFT_CHECK), CHANGED);
        stock.clock.forward(Duration.ofSeconds(1));

        stock.end(refresh(), new JobOutcome.Failed("plan_failed", "It did not work."));

        assertThat(await(stock.checks.beginRefreshes(WITHIN, now()))).isZero();
        assertThat(workspace(prebuild).getString("state_status")).isEqualTo("unreliable");
        assertThat(isLost(prebuild)).isTrue();
    }

    @Test
    void a_refresh_that_finds_a_missing_resource_does_not_make_a_prebuild_fit() {
        onDrift("refresh");
        UUID prebuild = ready(1).getFirst();
        finds(begun(prebuild, Assignment.DRIFT_CHECK), CHANGED);
        stock.clock.forward(Duration.ofSeconds(1));

        finds(refresh(), CHANGED, MISSING);

        assertThat(workspace(prebuild).getString("state_reason")).isEqualTo("resources_missing");
        assertThat(isLost(prebuild)).isTrue();
    }

    @Test
    void a_prebuild_whose_state_a_person_left_unreliable_is_refreshed_where_its_preset_says_so() {
        onDrift("refresh");
        UUID prebuild = ready(1).getFirst();
        stock.sql(
                "UPDATE states SET status = 'unreliable', status_reason = 'forced', status_since = $1",
                Rows.utc(now()));
        stock.sql(
                "UPDATE workspaces SET state_status = 'unreliable', state_reason = 'forced', state_since = $1",
                Rows.utc(now()));
        assertThat(isLost(prebuild)).isFalse();

        finds(refresh());

        assertThat(isClaimable(prebuild)).isTrue();
    }

    @Test
    void what_a_lost_worker_may_have_left_is_a_result_too() {
        stock.create(preset, 1);
        Assignment start = stock.take(1).getFirst();

        stock.clock.forward(Duration.ofSeconds(30));
        int lost = await(
                stock.requeues.requeueLost(now(), now().minusSeconds(15), now().minus(Duration.ofMinutes(15)), 3));

        assertThat(lost).isOne();
        Row result = newest(start.workspaceId());
        assertThat(result.getString("kind")).isEqualTo("interrupted");
        assertThat(result.getString("scope")).isEqualTo("interrupted");
        assertThat(result.getString("reason")).isEqualTo("worker_lost");
        assertThat(result.getString("recommended")).isEqualTo("replace");
        assertThat(result.getBoolean("has_drift")).isNull();
        assertThat(result.getUUID("job_id")).isEqualTo(start.jobId());
    }

    @Test
    void checks_by_schedule_take_one_prebuild_of_a_preset_at_a_time_and_never_the_last_but_one() {
        List<UUID> prebuilds = ready(3);
        stock.clock.forward(INTERVAL.minusSeconds(1));
        heartbeat();
        assertThat(await(stock.checks.beginDue(PACE, now()))).isZero();

        stock.clock.forward(Duration.ofSeconds(2));
        heartbeat();
        assertThat(await(stock.checks.beginDue(PACE, now()))).isOne();
        assertThat(await(stock.checks.beginDue(PACE, now()))).isZero();
        Assignment first = stock.take(5).getFirst();
        assertThat(first.workspaceId()).isEqualTo(prebuilds.getFirst());
        finds(first);

        assertThat(await(stock.checks.beginDue(PACE, now()))).isOne();
        Assignment second = stock.take(5).getFirst();
        assertThat(second.workspaceId()).isEqualTo(prebuilds.get(1));
        finds(second);

        assertThat(stock.claim(preset, anna)).isPresent();
        assertThat(stock.claim(preset, anna)).isPresent();
        assertThat(await(stock.checks.beginDue(PACE, now()))).isZero();
    }

    private void heartbeat() {
        assertThat(await(stock.workers.heartbeat(stock.worker, now()))).isPresent();
    }

    @Test
    void checks_by_schedule_are_bounded_in_the_whole_deployment_and_need_a_worker_and_an_interval() {
        UUID other = stock.declare("other", 3);
        UUID small = stock.preset("small");
        stock.ready(small, 2);
        stock.ready(other, 2);
        stock.sql("UPDATE states SET current_version = 1, reliable_version = 1");
        stock.clock.forward(INTERVAL.plusSeconds(2));

        assertThat(await(stock.checks.beginDue(PACE, now())))
                .as("no worker lives")
                .isZero();
        heartbeat();
        assertThat(await(stock.checks.beginDue(new Pace(Duration.ZERO, WITHIN, 2), now())))
                .isZero();
        assertThat(await(stock.checks.beginDue(new Pace(INTERVAL, WITHIN, 1), now())))
                .isOne();
        assertThat(await(stock.checks.beginDue(new Pace(INTERVAL, WITHIN, 1), now())))
                .isZero();
        stock.sql("UPDATE presets SET drift_interval_seconds = 0 WHERE NOT EXISTS"
                + " (SELECT FROM workspaces w WHERE w.preset_id = presets.id AND w.resumes_build_id IS NOT NULL)");
        assertThat(await(stock.checks.beginDue(PACE, now()))).isZero();
        stock.sql("UPDATE presets SET drift_interval_seconds = NULL");
        assertThat(await(stock.checks.beginDue(PACE, now()))).isOne();
    }

    @Test
    void a_workspace_that_is_built_deleted_or_has_no_state_is_not_checked() {
        UUID prebuild = stock.ready(preset, 1).getFirst();
        assertThat(ask(prebuild, Assignment.DRIFT_CHECK)).as("never written").isEmpty();
        stock.sql("UPDATE states SET current_version = 1, reliable_version = 1");

        Assignment check = begun(prebuild, Assignment.DRIFT_CHECK);
        assertThat(ask(prebuild, Assignment.DRIFT_CHECK)).as("checked already").isEmpty();
        finds(check);

        stock.sql("UPDATE workspaces SET deletion_wanted_at = $1", Rows.utc(now()));
        assertThat(ask(prebuild, Assignment.DRIFT_CHECK)).as("to be deleted").isEmpty();
    }

    @Test
    void a_worker_of_before_is_given_no_check() {
        UUID prebuild = ready(1).getFirst();
        stock.sql("UPDATE workers SET backends = ARRAY['exec', 'terraform']");

        assertThat(ask(prebuild, Assignment.DRIFT_CHECK)).isPresent();

        assertThat(stock.take(1)).isEmpty();
    }

    @Test
    void a_deletion_waits_for_the_end_of_a_check() {
        UUID prebuild = ready(1).getFirst();
        Assignment check = begun(prebuild, Assignment.DRIFT_CHECK);
        stock.sql("UPDATE workspaces SET deletion_wanted_at = $1 WHERE id = $2", Rows.utc(now()), prebuild);

        assertThat(await(stock.builds.deleteWanted(now()))).isZero();
        finds(check);
        assertThat(await(stock.builds.deleteWanted(now()))).isOne();
    }

    @Test
    void a_restore_quarantines_a_prebuild_that_is_checked() {
        UUID prebuild = ready(1).getFirst();
        Assignment check = begun(prebuild, Assignment.DRIFT_CHECK);
        assertThat(check.isCheck()).isTrue();

        assertThat(await(QuarantineStore.cancelStarts(stock.pool, now()))).isOne();
        assertThat(await(QuarantineStore.quarantine(stock.pool, now()))).isOne();

        assertThat(workspace(prebuild).getString("build_status")).isEqualTo("failed");
        assertThat(workspace(prebuild).getOffsetDateTime("quarantined_at")).isNotNull();
    }
}
