package dev.larder.lifecycle;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.Rows;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.JobOutcome;
import dev.larder.model.StateAccess;
import dev.larder.model.ToolEnd;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What is known of a workspace's infrastructure begins to change with a job's lease and ends with it (decision 0033).
 */
class MutationsTest {

    private static final int ATTEMPTS = 3;

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");
    private final UUID preset;

    MutationsTest() {
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

    private Assignment start() {
        stock.create(preset, 1);
        return stock.take(1).getFirst();
    }

    private static StateAccess access(Assignment job) {
        return job.target().state().orElseThrow();
    }

    private Row state(Assignment job) {
        return stock.row("SELECT * FROM states WHERE workspace_id = $1", Tuple.of(job.workspaceId()));
    }

    private Row mutation(Assignment job) {
        return stock.row(
                "SELECT * FROM state_mutations WHERE id = $1",
                Tuple.of(access(job).mutation()));
    }

    private Row workspace(UUID id) {
        return stock.row("SELECT * FROM workspaces WHERE id = $1", Tuple.of(id));
    }

    private void wrote(Assignment job, int managed) {
        StateAccess access = access(job);
        stock.sql("""
                WITH head AS (UPDATE states SET current_version = current_version + 1 WHERE id = $1
                              RETURNING id, current_version),
                     mutation AS (UPDATE state_mutations SET writes = writes + 1, failed_writes = 0 WHERE id = $2)
                INSERT INTO state_versions (state_id, version, kind, serial, lineage, managed, client_encrypted, size,
                                            digest, content_type, key_id, wrapped_key, mutation_id, created_at)
                SELECT id, current_version, 'final', 1, 'l', $3, false, 2,
                       decode(repeat('00', 32), 'hex'), 'application/json', 'default', '', $2, $4
                  FROM head""", access.state(), access.mutation(), managed, Rows.utc(now()));
    }

    private void failedToWrite(Assignment job) {
        stock.sql(
                "UPDATE state_mutations SET failed_writes = failed_writes + 1 WHERE id = $1",
                access(job).mutation());
    }

    private void isLost() {
        stock.clock.forward(Duration.ofSeconds(30));
        assertThat(await(stock.requeues.requeueLost(
                        now(), now().minusSeconds(15), now().minus(Duration.ofMinutes(15)), ATTEMPTS)))
                .isOne();
    }

    private void heartbeat() {
        assertThat(await(stock.workers.heartbeat(stock.worker, now()))).isPresent();
    }

    private Assignment delete(UUID workspace) {
        stock.sql("UPDATE workspaces SET deletion_wanted_at = $1 WHERE id = $2", Rows.utc(now()), workspace);
        assertThat(await(stock.builds.deleteWanted(now()))).isOne();
        return stock.take(1).getFirst();
    }

    @Test
    void a_lease_begins_a_mutation_with_a_new_fence_and_a_secret_of_its_own() {
        Assignment job = start();

        assertThat(access(job).fence()).isOne();
        assertThat(access(job).version()).isZero();
        assertThat(state(job).getString("status")).isEqualTo("in_flight");
        assertThat(mutation(job).getString("kind")).isEqualTo("create");
        assertThat(mutation(job).getUUID("job_id")).isEqualTo(job.jobId());
        assertThat(stock.count("state_mutations WHERE token_hash = sha256(convert_to('"
                        + access(job).token() + "', 'UTF8'))"))
                .isOne();
    }

    @Test
    void a_job_of_a_backend_without_a_state_begins_none_and_its_end_says_what_is_known() {
        stock.withBackend("exec");
        UUID plain = stock.declare("plain", 1);
        stock.create(plain, 1);
        Assignment job = stock.take(1).getFirst();

        stock.succeed(job);

        assertThat(job.target().state()).isEmpty();
        assertThat(stock.count("states")).isZero();
        assertThat(workspace(job.workspaceId()).getString("state_status")).isEqualTo("reliable");
    }

    @ParameterizedTest
    @CsvSource({
        // outcome, tool, what was written: the state, its reason
        "succeeded, EXITED, accepted, reliable,",
        "succeeded, EXITED, nothing, reliable,",
        "succeeded, EXITED, refused, unreliable, write_failed",
        "failed, EXITED, accepted, reliable,",
        "failed, EXITED, refused, unreliable, write_failed",
        "failed, NOT_STARTED, nothing, new,",
        "failed, EXITED, nothing, new,",
        "failed, UNKNOWN, accepted, unreliable, job_failed",
        "failed, UNKNOWN, nothing, unreliable, job_failed",
        "canceled, EXITED, accepted, reliable,",
        "canceled, UNKNOWN, accepted, unreliable, canceled",
        "canceled, NOT_STARTED, nothing, new,"
    })
    void what_is_known_after_a_start_follows_from_its_end_and_its_writes(
            String outcome, ToolEnd tool, String written, String status, String reason) {
        Assignment job = start();
        if (written.equals("accepted")) {
            wrote(job, 1);
        } else if (written.equals("refused")) {
            wrote(job, 1);
            failedToWrite(job);
        }

        stock.end(
                job,
                switch (outcome) {
                    case "succeeded" -> new JobOutcome.Succeeded(Map.of());
                    case "failed" -> new JobOutcome.Failed("apply_failed", "It failed.", tool);
                    default -> new JobOutcome.Canceled(tool);
                });

        assertThat(state(job).getString("status")).isEqualTo(status);
        assertThat(state(job).getString("status_reason")).isEqualTo(reason);
        assertThat(mutation(job).getString("outcome")).isEqualTo(outcome);
        assertThat(mutation(job).getLong("end_version")).isEqualTo(state(job).getLong("current_version"));
        assertThat(workspace(job.workspaceId()).getString("state_status"))
                .isEqualTo(status.equals("new") ? null : status);
    }

    @Test
    void a_start_whose_worker_is_lost_is_final_and_leaves_an_unreliable_state() {
        Assignment job = start();

        isLost();

        assertThat(state(job).getString("status")).isEqualTo("unreliable");
        assertThat(state(job).getString("status_reason")).isEqualTo("worker_lost");
        assertThat(mutation(job).getString("outcome")).isEqualTo("expired");
        Row workspace = workspace(job.workspaceId());
        assertThat(workspace.getString("build_status")).isEqualTo("failed");
        assertThat(workspace.getString("state_reason")).isEqualTo("worker_lost");
    }

    @Test
    void a_workspace_with_an_unreliable_state_is_destroyed_after_a_minute() {
        Assignment job = start();
        isLost();
        heartbeat();

        assertThat(await(stock.builds.destroyUnreliable(now()))).isZero();
        stock.clock.forward(Duration.ofSeconds(61));
        heartbeat();
        assertThat(await(stock.builds.destroyUnreliable(now()))).isOne();
        assertThat(await(stock.builds.deleteWanted(now()))).isOne();

        Assignment delete = stock.take(1).getFirst();
        assertThat(delete.workspaceId()).isEqualTo(job.workspaceId());
        assertThat(access(delete).fence()).isEqualTo(2);
        assertThat(mutation(delete).getString("kind")).isEqualTo("destroy");
    }

    @Test
    void a_delete_whose_worker_is_lost_is_tried_again() {
        Assignment job = start();
        wrote(job, 1);
        stock.succeed(job);
        Assignment delete = delete(job.workspaceId());

        isLost();
        heartbeat();

        Assignment again = stock.take(1).getFirst();
        assertThat(again.jobId()).isEqualTo(delete.jobId());
        assertThat(access(again).fence()).isEqualTo(3);
    }

    @Test
    void a_delete_that_leaves_resources_in_the_state_has_failed() {
        Assignment job = start();
        wrote(job, 1);
        stock.succeed(job);
        Assignment delete = delete(job.workspaceId());

        stock.end(delete, new JobOutcome.Succeeded(Map.of()));

        Row workspace = workspace(job.workspaceId());
        assertThat(workspace.getOffsetDateTime("deleted_at")).isNull();
        assertThat(workspace.getString("build_status")).isEqualTo("failed");
        assertThat(workspace.getString("state_reason")).isEqualTo("destroy_incomplete");
        assertThat(stock.row("SELECT error_code FROM jobs WHERE id = $1", Tuple.of(delete.jobId()))
                        .getString("error_code"))
                .isEqualTo("destroy_incomplete");
    }

    /** S21. What the state lists is known, unknown, or known to its client alone. */
    @ParameterizedTest
    @CsvSource({"0, false, tombstoned", "1, false, unreliable", "-1, false, unreliable", "-1, true, tombstoned"})
    void a_delete_buries_a_state_only_where_it_is_known_to_list_nothing_or_the_client_encrypted_it(
            int managed, boolean encrypted, String status) {
        Assignment job = start();
        wrote(job, 1);
        stock.succeed(job);
        Assignment delete = delete(job.workspaceId());
        wrote(delete, 0);
        stock.sql(
                "UPDATE state_versions SET managed = nullif($2, -1), client_encrypted = $3 WHERE state_id = $1 AND version = 2",
                access(delete).state(),
                managed,
                encrypted);

        stock.end(delete, new JobOutcome.Succeeded(Map.of()));

        assertThat(state(delete).getString("status")).isEqualTo(status);
    }

    /** The only upload of the apply was refused, so that the destroy found nothing to do. */
    @ParameterizedTest
    @CsvSource({"true, unreliable", "false, tombstoned"})
    void a_delete_of_a_state_that_was_never_written_is_believed_unless_an_upload_of_a_writer_was_refused(
            boolean writers, String status) {
        Assignment job = start();
        stock.sql("""
                INSERT INTO state_rejects (id, state_id, mutation_id, reason, base_version, size, digest, content_type,
                                           key_id, wrapped_key, created_at)
                VALUES ($1, $2, CASE WHEN $5 THEN $3::uuid END, 'unsupported_state_format', 0, 1, decode(repeat('00', 32), 'hex'),
                        'application/json', 'default', '', $4)""", stock.ids.next(), access(job).state(), access(job).mutation(), Rows.utc(now()), writers);
        stock.end(job, new JobOutcome.Failed("apply_failed", "It failed.", ToolEnd.EXITED));
        Assignment delete = delete(job.workspaceId());

        stock.end(delete, new JobOutcome.Succeeded(Map.of()));

        assertThat(state(delete).getString("status")).isEqualTo(status);
    }

    @Test
    void a_delete_after_which_no_resources_are_listed_buries_the_state() {
        Assignment job = start();
        wrote(job, 1);
        stock.succeed(job);
        Assignment delete = delete(job.workspaceId());
        wrote(delete, 0);

        stock.end(delete, new JobOutcome.Succeeded(Map.of()));

        assertThat(state(job).getString("status")).isEqualTo("tombstoned");
        assertThat(workspace(job.workspaceId()).getOffsetDateTime("deleted_at")).isNotNull();
    }

    @Test
    void a_job_that_is_handed_back_leaves_a_reliable_state_and_is_leased_again() {
        Assignment job = start();
        wrote(job, 1);

        assertThat(await(stock.requeues.requeue(job.lease(), now()))).isTrue();

        assertThat(state(job).getString("status")).isEqualTo("reliable");
        assertThat(mutation(job).getString("outcome")).isEqualTo("aborted");
        Assignment again = stock.take(1).getFirst();
        assertThat(access(again).version()).isOne();
        assertThat(access(again).token()).isNotEqualTo(access(job).token());
    }

    @ParameterizedTest
    @CsvSource({"NOT_STARTED, nothing, new", "EXITED, accepted, reliable", "UNKNOWN, nothing, unreliable"})
    void a_job_that_is_requeued_because_of_its_place_ends_its_mutation(ToolEnd tool, String written, String status) {
        Assignment job = start();
        if (written.equals("accepted")) {
            wrote(job, 1);
        }

        stock.end(job, new JobOutcome.Failed("backend_unavailable", "No provider.", tool));

        assertThat(state(job).getString("status")).isEqualTo(status);
        assertThat(mutation(job).getString("outcome")).isEqualTo("aborted");
        stock.clock.forward(Duration.ofMinutes(10));
        heartbeat();
        assertThat(stock.take(1)).hasSize(status.equals("unreliable") ? 0 : 1);
    }

    @Test
    void a_start_that_is_canceled_after_a_restore_ends_its_mutation() {
        Assignment job = start();

        assertThat(await(QuarantineStore.cancelStarts(stock.pool, now()))).isOne();

        assertThat(state(job).getString("status")).isEqualTo("unreliable");
        assertThat(mutation(job).getString("outcome")).isEqualTo("canceled");
    }

    @Test
    void no_job_is_leased_while_another_mutation_of_its_state_is_open() {
        Assignment job = start();
        wrote(job, 1);
        stock.succeed(job);
        lockedByAPerson(job);
        stock.sql("UPDATE workspaces SET deletion_wanted_at = $1 WHERE id = $2", Rows.utc(now()), job.workspaceId());
        assertThat(await(stock.builds.deleteWanted(now()))).isOne();

        assertThat(stock.take(1)).isEmpty();

        stock.sql("UPDATE states SET status = 'reliable' WHERE workspace_id = $1", job.workspaceId());
        assertThat(stock.take(1)).hasSize(1);
    }

    private void lockedByAPerson(Assignment job) {
        stock.sql("UPDATE states SET status = 'in_flight' WHERE workspace_id = $1", job.workspaceId());
        stock.sql(
                "UPDATE workspaces SET state_status = 'in_flight', state_since = $1 WHERE id = $2",
                Rows.utc(now()),
                job.workspaceId());
    }

    @ParameterizedTest
    @CsvSource({"reliable, true", "in_flight, false", "unreliable, false", "corrupt, false", ", true"})
    void only_a_workspace_whose_state_is_reliable_is_handed_out(String status, boolean given) {
        Assignment job = start();
        stock.succeed(job);
        known(job.workspaceId(), status);

        assertThat(stock.claim(preset, anna).isPresent()).isEqualTo(given);
    }

    @CanIgnoreReturnValue
    private UUID known(UUID workspace, String status) {
        boolean lost = Set.of("unreliable", "corrupt").contains(String.valueOf(status));
        var done = await(stock.pool
                .preparedQuery(
                        "UPDATE workspaces SET state_status = $1, state_reason = $2, state_since = $3 WHERE id = $4")
                .execute(Tuple.of(
                        status, lost ? "worker_lost" : null, status == null ? null : Rows.utc(now()), workspace)));
        return workspace;
    }

    @Test
    void a_failed_destroy_that_wrote_nothing_makes_no_unreliable_state_reliable() {
        Assignment job = start();
        isLost();
        heartbeat();
        Assignment delete = delete(job.workspaceId());

        stock.end(delete, new JobOutcome.Failed("destroy_failed", "It failed.", ToolEnd.EXITED));

        assertThat(state(job).getString("status")).isEqualTo("unreliable");
        assertThat(state(job).getString("status_reason")).isEqualTo("worker_lost");
        assertThat(workspace(job.workspaceId()).getString("state_status")).isEqualTo("unreliable");
    }

    @Test
    void a_workspace_whose_state_was_deleted_can_be_deleted() {
        Assignment job = start();
        wrote(job, 1);
        stock.succeed(job);
        stock.sql(
                "UPDATE states SET status = 'tombstoned', tombstoned_at = $1 WHERE workspace_id = $2",
                Rows.utc(now()),
                job.workspaceId());
        known(job.workspaceId(), "unreliable");

        Assignment delete = delete(job.workspaceId());

        assertThat(access(delete).version()).isOne();
        stock.end(delete, new JobOutcome.Failed("destroy_failed", "It failed.", ToolEnd.EXITED));
        assertThat(state(job).getString("status")).isEqualTo("tombstoned");
        assertThat(workspace(job.workspaceId()).getString("build_status")).isEqualTo("failed");
    }

    @Test
    void a_job_whose_mutation_was_taken_away_says_nothing_of_the_workspace() {
        Assignment job = start();
        stock.sql(
                "UPDATE state_mutations SET ended_at = $1, outcome = 'forced', end_version = 0 WHERE id = $2",
                Rows.utc(now()),
                access(job).mutation());
        stock.sql(
                "UPDATE states SET status = 'unreliable', status_reason = 'forced' WHERE workspace_id = $1",
                job.workspaceId());
        UUID workspace = known(job.workspaceId(), "unreliable");

        stock.succeed(job);

        assertThat(state(job).getString("status")).isEqualTo("unreliable");
        assertThat(workspace(workspace).getString("state_status")).isEqualTo("unreliable");
        assertThat(stock.claim(preset, anna)).isEmpty();
    }

    @Test
    void a_waiting_job_that_would_build_on_an_unreliable_state_is_refused() {
        Assignment job = start();
        wrote(job, 1);
        stock.succeed(job);
        assertThat(await(stock.requeues.requeue(job.lease(), now()))).isFalse();
        stock.create(preset, 1);
        Assignment second = stock.take(1).getFirst();
        assertThat(await(stock.requeues.requeue(second.lease(), now()))).isTrue();
        stock.sql(
                "UPDATE states SET status = 'unreliable', status_reason = 'write_failed' WHERE workspace_id = $1",
                second.workspaceId());

        assertThat(stock.take(1)).isEmpty();
        assertThat(await(stock.cancels.failUnreliable(now()))).isOne();

        assertThat(workspace(second.workspaceId()).getString("build_status")).isEqualTo("failed");
    }
}
