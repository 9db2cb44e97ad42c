package dev.larder.jobs;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.jobs.JobReads.JobFilter;
import dev.larder.lifecycle.CancelStore.Canceling;
import dev.larder.lifecycle.Handicap;
import dev.larder.model.Assignment;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobStatus;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import dev.larder.model.Parameter;
import dev.larder.model.PresetFilter;
import dev.larder.model.Transition;
import dev.larder.model.Visibility;
import dev.larder.model.WorkerEntry;
import dev.larder.testing.Planted;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class JobStoreTest {

    private static final int MAX_ATTEMPTS = 3;

    private final Stock stock = new Stock();

    @AfterEach
    void close() {
        stock.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    private Assignment leased() {
        UUID preset = stock.declare("small", 1);
        stock.create(preset, 1);
        return stock.take(1).getFirst();
    }

    private Optional<JobStatus> cancel(UUID job, List<UUID> organizations, Optional<JobStatus> expected) {
        return await(stock.cancels.cancel(job, organizations, expected, now())).map(Canceling::status);
    }

    private String status(Assignment assignment) {
        return await(stock.jobReader.find(assignment.jobId(), Visibility.ALL, stock.clock.instant()))
                .orElseThrow()
                .progress()
                .status();
    }

    private String workspaceStatus(Assignment assignment) {
        return await(stock.workspaces.find(assignment.workspaceId(), Visibility.ALL))
                .orElseThrow()
                .build()
                .buildStatus();
    }

    @Test
    void an_assignment_tells_a_worker_all_it_needs() {
        stock.withParameters(
                new Parameter("region", "string", false, true, false, "eu"),
                new Parameter("secret", "string", false, true, true, Planted.SECRET));

        Assignment assignment = leased();

        assertThat(assignment.transition()).isEqualTo(Transition.START);
        assertThat(assignment.backend()).isEqualTo("exec");
        assertThat(assignment.version().files()).containsOnlyKeys("start.sh");
        assertThat(assignment.parameters().values()).isEqualTo(Map.of("region", "eu", "secret", Planted.SECRET));
        assertThat(assignment.parameters().sensitive()).containsExactly("secret");
        assertThat(assignment.attempt()).isEqualTo(1);
        assertThat(assignment.deadlineAt()).isEqualTo(now().plus(Duration.ofMinutes(10)));
        assertThat(assignment.toString()).doesNotContain(Planted.SECRET);
    }

    @Test
    void a_workspace_is_running_as_long_as_a_worker_has_its_job() {
        Assignment assignment = leased();
        assertThat(status(assignment)).isEqualTo("running");
        assertThat(workspaceStatus(assignment)).isEqualTo("running");

        assertThat(await(stock.requeues.requeue(assignment.lease(), now()))).isTrue();
        assertThat(workspaceStatus(assignment)).isEqualTo("pending");

        stock.end(leasedAgain(), new JobOutcome.Succeeded(Map.of()));
        assertThat(workspaceStatus(assignment)).isEqualTo("succeeded");
    }

    @Test
    void a_lease_writes_its_job_and_nothing_else() {
        UUID preset = stock.declare("small", 3);
        stock.create(preset, 3);
        String before = workspaceRows();

        assertThat(stock.take(3)).hasSize(3);

        assertThat(workspaceRows()).isEqualTo(before);
    }

    /** Which row versions there are: each write makes another. */
    private String workspaceRows() {
        return stock.row(
                        "SELECT string_agg(ctid::text || xmin::text, ' ' ORDER BY id) AS n FROM workspaces",
                        Tuple.tuple())
                .getString("n");
    }

    @Test
    void two_workers_never_get_the_same_job() {
        UUID preset = stock.declare("small", 50);
        stock.create(preset, 50);
        List<Uni<JobStore.Batch>> takes = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            takes.add(stock.jobs.take(stock.worker, 5, now()));
        }

        List<UUID> taken = await(Uni.join().all(takes).andFailFast()).stream()
                .flatMap(batch -> batch.jobs().stream())
                .map(one -> one.assignment().jobId())
                .toList();

        assertThat(new HashSet<>(taken)).hasSameSizeAs(taken);
        assertThat(taken.size() + stock.take(50).size()).isEqualTo(50);
    }

    @Test
    void a_cancel_that_expects_another_state_changes_nothing() {
        UUID preset = stock.declare("small", 2);
        stock.create(preset, 2);
        Assignment running = stock.take(1).getFirst();
        UUID waiting = stock.row("SELECT id FROM jobs WHERE started_at IS NULL", Tuple.tuple())
                .getUUID("id");
        List<UUID> here = List.of(stock.organization);

        assertThat(cancel(running.jobId(), here, Optional.of(JobStatus.PENDING)))
                .contains(JobStatus.RUNNING);
        assertThat(cancel(waiting, here, Optional.of(JobStatus.RUNNING))).contains(JobStatus.PENDING);
        assertThat(stock.count("jobs WHERE canceled_at IS NOT NULL")).isZero();

        assertThat(cancel(running.jobId(), here, Optional.of(JobStatus.RUNNING)))
                .contains(JobStatus.CANCELING);
        assertThat(await(stock.cancels.cancel(running.jobId(), here, Optional.of(JobStatus.RUNNING), now())))
                .as("it is being canceled already")
                .contains(new Canceling(JobStatus.CANCELING, false));
        assertThat(cancel(waiting, here, Optional.of(JobStatus.PENDING))).contains(JobStatus.CANCELED);
    }

    @Test
    void deletions_of_prebuilds_come_before_starts_and_a_start_that_waited_long_comes_before_both() {
        UUID preset = stock.declare("small", 3);
        UUID old = stock.ready(preset, 1).getFirst();
        stock.create(preset, 1);
        assertThat(await(stock.pools.delete(List.of(old), "expired", now()))).isEqualTo(1);

        assertThat(stock.take(2).stream().map(Assignment::transition))
                .containsExactly(Transition.DELETE, Transition.START);

        stock.create(preset, 1);
        stock.clock.forward(Handicap.START.minus(Handicap.DELETE).plusSeconds(1));
        UUID another =
                stock.ready(stock.declare("other", 1), 0).stream().findFirst().orElse(old);
        assertThat(another).isEqualTo(old);
    }

    @Test
    void a_job_is_done_by_the_holder_of_its_lease_and_by_nobody_else() {
        Assignment assignment = leased();
        Assignment forged = stolen(assignment);

        assertThat(await(stock.ends.complete(forged.lease(), new JobOutcome.Succeeded(Map.of()), now())))
                .isEmpty();
        assertThat(status(assignment)).isEqualTo("running");

        stock.succeed(assignment);
        assertThat(status(assignment)).isEqualTo("succeeded");
        assertThat(workspaceStatus(assignment)).isEqualTo("succeeded");
        assertThat(await(stock.ends.complete(assignment.lease(), new JobOutcome.Failed("late", "late"), now())))
                .isEmpty();
        assertThat(status(assignment)).isEqualTo("succeeded");
    }

    private static Assignment stolen(Assignment a) {
        Lease lease = new Lease(
                a.jobId(), UUID.randomUUID(), a.attempt(), a.workspaceId(), a.transition(), a.reason(), false);
        return new Assignment(lease, a.deadlineAt(), a.buildNumber(), a.target());
    }

    @Test
    void a_failed_start_keeps_its_reason_and_its_workspace() {
        Assignment assignment = leased();

        stock.fail(assignment);

        var seen = await(stock.jobReader.find(assignment.jobId(), Visibility.ALL, stock.clock.instant()))
                .orElseThrow();
        assertThat(seen.progress().status()).isEqualTo("failed");
        assertThat(seen.fault().errorCode()).isEqualTo("script_failed");
        assertThat(workspaceStatus(assignment)).isEqualTo("failed");
    }

    @Test
    void the_job_of_a_silent_worker_is_requeued_and_its_late_result_dropped() {
        Assignment first = leased();

        assertThat(await(stock.requeues.requeueLost(now(), now().plusMillis(1), now(), MAX_ATTEMPTS)))
                .isEqualTo(1);

        assertThat(status(first)).isEqualTo("pending");
        assertThat(workspaceStatus(first)).isEqualTo("pending");
        Assignment second = stock.take(1).getFirst();
        assertThat(second.attempt()).isEqualTo(2);
        assertThat(await(stock.ends.complete(first.lease(), new JobOutcome.Succeeded(Map.of()), now())))
                .isEmpty();
        stock.succeed(second);
        assertThat(status(first)).isEqualTo("succeeded");
    }

    @Test
    void a_worker_that_was_heard_of_keeps_its_jobs() {
        Assignment assignment = leased();
        stock.clock.forward(Duration.ofSeconds(15));
        assertThat(await(stock.workers.heartbeat(stock.worker, now()))).isPresent();

        Instant silent = WorkerStore.silentSince(now(), Duration.ofSeconds(5));
        assertThat(await(stock.requeues.requeueLost(now(), silent, now(), MAX_ATTEMPTS)))
                .isZero();

        stock.clock.forward(Duration.ofSeconds(15).plusMillis(1));
        silent = WorkerStore.silentSince(now(), Duration.ofSeconds(5));
        assertThat(await(stock.requeues.requeueLost(now(), silent, now(), MAX_ATTEMPTS)))
                .isEqualTo(1);
        assertThat(status(assignment)).isEqualTo("pending");
    }

    @Test
    void a_job_that_lost_as_many_workers_as_allowed_fails() {
        Assignment last = leased();
        for (int attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
            assertThat(await(stock.requeues.requeueLost(now(), now().plusMillis(1), now(), MAX_ATTEMPTS)))
                    .isEqualTo(1);
            last = stock.take(1).getFirst();
        }

        assertThat(await(stock.requeues.requeueLost(now(), now().plusMillis(1), now(), MAX_ATTEMPTS)))
                .isEqualTo(1);

        assertThat(status(last)).isEqualTo("failed");
        assertThat(workspaceStatus(last)).isEqualTo("failed");
    }

    @Test
    void a_job_over_its_deadline_fails_without_another_try() {
        Assignment assignment = leased();

        assertThat(await(stock.requeues.requeueLost(
                        now(), Instant.EPOCH, assignment.deadlineAt().plusMillis(1), MAX_ATTEMPTS)))
                .isEqualTo(1);

        assertThat(status(assignment)).isEqualTo("failed");
    }

    @Test
    void a_start_that_merely_waited_is_withdrawn_and_leaves_no_trace_in_the_pool() {
        UUID preset = stock.declare("small", 1);
        stock.create(preset, 1);

        assertThat(await(stock.cancels.withdraw(now(), now()))).isZero();
        assertThat(await(stock.cancels.withdraw(now(), now().plusMillis(1)))).isEqualTo(1);

        assertThat(stock.count("jobs WHERE status = 'canceled'")).isEqualTo(1);
        assertThat(stock.count("workspaces WHERE deleted_at IS NULL")).isZero();
    }

    private static final JobFilter PENDING =
            new JobFilter(PresetFilter.ALL, Optional.of(JobStatus.PENDING), Optional.empty(), Optional.empty());

    @Test
    void a_waiting_job_is_canceled_at_once_and_a_running_one_is_asked_to_stop() {
        UUID preset = stock.declare("small", 2);
        stock.create(preset, 2);
        Assignment running = stock.take(1).getFirst();
        UUID waiting = await(stock.jobReader.list(Visibility.ALL, PENDING, Optional.empty(), 10))
                .rows()
                .getFirst()
                .id();
        List<UUID> here = List.of(stock.organization);

        assertThat(cancel(waiting, here, Optional.empty())).contains(JobStatus.CANCELED);
        assertThat(cancel(running.jobId(), here, Optional.empty())).contains(JobStatus.CANCELING);
        assertThat(cancel(running.jobId(), here, Optional.empty())).contains(JobStatus.CANCELING);
        assertThat(cancel(running.jobId(), List.of(UUID.randomUUID()), Optional.empty()))
                .isEmpty();

        assertThat(await(stock.workers.heartbeat(stock.worker, now()))
                        .orElseThrow()
                        .canceling())
                .containsExactly(running.jobId());
        stock.end(running, new JobOutcome.Succeeded(Map.of()));
        assertThat(status(running)).isEqualTo("canceled");
        assertThat(cancel(running.jobId(), here, Optional.empty())).isEmpty();
    }

    @Test
    void a_job_handed_back_is_waiting_again_and_one_being_canceled_is_not() {
        Assignment assignment = leased();

        assertThat(await(stock.requeues.requeue(assignment.lease(), now()))).isTrue();
        assertThat(status(assignment)).isEqualTo("pending");

        Assignment again = stock.take(1).getFirst();
        assertThat(cancel(again.jobId(), List.of(stock.organization), Optional.empty()))
                .contains(JobStatus.CANCELING);
        assertThat(await(stock.requeues.requeue(again.lease(), now()))).isFalse();
        await(stock.workers.stop(stock.worker, now()));
        assertThat(await(stock.requeues.requeueLost(now(), Instant.EPOCH, Instant.EPOCH, MAX_ATTEMPTS)))
                .isEqualTo(1);
        assertThat(status(again)).isEqualTo("canceled");
    }

    @Test
    void a_hand_back_uses_up_no_attempt_and_a_lost_worker_does() {
        for (int restart = 0; restart < MAX_ATTEMPTS; restart++) {
            assertThat(await(stock.requeues.requeue(leasedAgain().lease(), now())))
                    .isTrue();
        }
        Assignment lost = leasedAgain();

        assertThat(await(stock.requeues.requeueLost(now(), now().plusMillis(1), now(), MAX_ATTEMPTS)))
                .isEqualTo(1);

        assertThat(status(lost)).isEqualTo("pending");
        assertThat(lost.attempt()).isEqualTo(MAX_ATTEMPTS + 1);
    }

    private Assignment leasedAgain() {
        List<Assignment> again = stock.take(1);
        return again.isEmpty() ? leased() : again.getFirst();
    }

    @Test
    void why_an_attempt_came_to_nothing_is_the_last_line_of_its_log() {
        Assignment first = leased();
        await(stock.requeues.requeue(first.lease(), now()));
        Assignment second = stock.take(1).getFirst();
        await(stock.requeues.requeueLost(now(), now().plusMillis(1), now(), MAX_ATTEMPTS));
        await(stock.workers.heartbeat(stock.worker, now()));
        Assignment third = stock.take(1).getFirst();
        await(stock.requeues.requeueForgotten(stock.worker, Set.of(third.jobId()), now(), MAX_ATTEMPTS));

        assertThat(second.jobId()).isEqualTo(first.jobId()).isEqualTo(third.jobId());
        assertThat(await(stock.jobReader.log(first.jobId(), -1, 10)))
                .extracting(row -> row.seq() + " " + row.line().line())
                .containsExactly(
                        "1999999 Its worker was ending and gave it back.",
                        "2999999 Its worker was not heard of any more.",
                        "3999999 Its worker did not know of it.");
    }

    @Test
    void a_batch_says_whether_there_may_be_more() {
        UUID preset = stock.declare("small", 3);
        stock.create(preset, 3);

        assertThat(await(stock.jobs.take(stock.worker, 2, now())).more()).isTrue();
        assertThat(await(stock.jobs.take(stock.worker, 2, now())).more()).isFalse();
        assertThat(await(stock.jobs.take(stock.worker, 2, now())).more()).isFalse();
    }

    @Test
    void there_may_be_more_where_all_that_the_reserve_leaves_to_prebuilds_was_given() {
        UUID worker =
                await(stock.workers.register(new WorkerEntry("reserving", Map.of(), List.of("exec"), 3, 1), now()));
        stock.create(stock.declare("small", 5), 5);

        assertThat(await(stock.jobs.take(worker, 3, now())).more()).isTrue();
    }

    @Test
    void what_cannot_be_opened_is_counted_and_hides_nothing() {
        stock.withParameters(new Parameter("secret", "string", false, true, true, Planted.SECRET));
        stock.create(stock.declare("small", 2), 2);
        stock.sql("UPDATE version_parameters SET default_sealed = '\\x0102'");

        JobStore.Batch batch = await(stock.jobs.take(stock.worker, 1, now()));

        assertThat(batch.jobs()).isEmpty();
        assertThat(batch.unreadable()).isEqualTo(1);
        assertThat(batch.more()).isTrue();
    }

    @Test
    void prebuilds_never_take_the_reserved_slots_and_a_user_finds_one() {
        UUID worker =
                await(stock.workers.register(new WorkerEntry("reserving", Map.of(), List.of("exec"), 3, 1), now()));
        UUID preset = stock.declare("small", 5);
        stock.create(preset, 5);

        assertThat(await(stock.jobs.take(worker, 3, now())).jobs()).hasSize(2);
        assertThat(await(stock.jobs.take(worker, 1, now())).jobs()).isEmpty();
        UUID claim = stock.claimCold(preset, stock.owner);
        assertThat(await(stock.jobs.take(worker, 1, now())).jobs())
                .singleElement()
                .extracting(taken -> taken.assignment().workspace().prebuild())
                .isEqualTo(false);
        assertThat(claim).isNotNull();
    }

    @Test
    void a_user_may_have_all_slots_of_a_worker_with_a_reserve() {
        UUID worker =
                await(stock.workers.register(new WorkerEntry("reserving", Map.of(), List.of("exec"), 3, 1), now()));
        UUID preset = stock.declare("small", 0);
        for (int i = 0; i < 3; i++) {
            assertThat(stock.claimCold(preset, stock.owner)).isNotNull();
        }

        int first = await(stock.jobs.take(worker, 3, now())).jobs().size();
        int then = await(stock.jobs.take(worker, 3 - first, now())).jobs().size();

        assertThat(first + then).isEqualTo(3);
    }

    @Test
    void a_log_grows_in_order_and_only_by_the_hand_of_the_lease_holder() {
        Assignment assignment = leased();
        LogLine line = new LogLine(now(), "stdout", "hello \0 world");

        await(stock.jobs.append(assignment.lease(), 0, List.of(line, line)));
        await(stock.jobs.append(stolen(assignment).lease(), 2, List.of(line)));

        var log = await(stock.jobReader.log(assignment.jobId(), -1, 10));
        assertThat(log).hasSize(2);
        assertThat(log.getFirst().line().line()).isEqualTo("hello \uFFFD world");
    }

    @Test
    void a_worker_takes_only_what_its_tags_and_backends_fit() {
        stock.declare("small", 1);
        stock.create(stock.preset("small"), 1);
        UUID tagged = await(
                stock.workers.register(new WorkerEntry("tagged", Map.of("gpu", "yes"), List.of("exec"), 1), now()));
        UUID other = await(stock.workers.register(new WorkerEntry("other", Map.of(), List.of("postgres"), 1), now()));

        assertThat(await(stock.jobs.take(tagged, 1, now())).jobs()).isEmpty();
        assertThat(await(stock.jobs.take(other, 1, now())).jobs()).isEmpty();
        assertThat(stock.take(1)).hasSize(1);
    }

    @Test
    void a_tagged_job_goes_to_a_worker_that_has_its_tags_among_others() {
        stock.withTags(Map.of("gpu", "yes"));
        stock.create(stock.declare("small", 1), 1);
        UUID wrong =
                await(stock.workers.register(new WorkerEntry("wrong", Map.of("gpu", "no"), List.of("exec"), 1), now()));
        UUID right = await(stock.workers.register(
                new WorkerEntry("right", Map.of("gpu", "yes", "os", "linux"), List.of("exec"), 1), now()));

        assertThat(stock.take(1)).isEmpty();
        assertThat(await(stock.jobs.take(wrong, 1, now())).jobs()).isEmpty();
        assertThat(await(stock.jobs.take(right, 1, now())).jobs()).hasSize(1);
    }

    @Test
    void a_job_whose_secret_cannot_be_opened_fails_and_the_others_are_leased() {
        stock.withParameters(new Parameter("secret", "string", false, true, true, Planted.SECRET));
        UUID unreadable = stock.declare("small", 1);
        stock.create(unreadable, 1);
        stock.sql("UPDATE version_parameters SET default_sealed = '\\x0102'");
        stock.clock.forward(Duration.ofMillis(1));
        stock.withParameters();
        UUID readable = stock.declare("large", 1);
        stock.create(readable, 1);

        List<Assignment> taken = stock.take(10);

        assertThat(taken)
                .singleElement()
                .satisfies(one -> assertThat(one.version().presetName()).isEqualTo("large"));
        assertThat(stock.count("jobs WHERE status = 'failed' AND error_code = 'parameters_unreadable'"))
                .isEqualTo(1);
        assertThat(stock.count("workspaces WHERE build_status = 'failed'")).isEqualTo(1);
    }

    @Test
    void a_lease_that_its_living_worker_does_not_know_of_is_taken_back() {
        Assignment forgotten = leased();

        assertThat(await(stock.requeues.requeueForgotten(
                        UUID.randomUUID(), Set.of(forgotten.jobId()), now(), MAX_ATTEMPTS)))
                .isZero();
        assertThat(await(stock.requeues.requeueForgotten(stock.worker, Set.of(UUID.randomUUID()), now(), MAX_ATTEMPTS)))
                .isZero();
        assertThat(await(stock.requeues.requeueForgotten(stock.worker, Set.of(forgotten.jobId()), now(), MAX_ATTEMPTS)))
                .isEqualTo(1);

        assertThat(status(forgotten)).isEqualTo("pending");
        assertThat(stock.take(1))
                .singleElement()
                .satisfies(again -> assertThat(again.attempt()).isEqualTo(2));
    }

    @Test
    void what_a_backend_says_may_hold_what_postgres_cannot() {
        Assignment assignment = leased();

        stock.end(assignment, new JobOutcome.Failed("script_failed", "a\0b"));

        assertThat(status(assignment)).isEqualTo("failed");
    }

    @Test
    void a_start_that_was_begun_once_and_is_withdrawn_is_deleted() {
        Assignment begun = leased();
        assertThat(await(stock.requeues.requeue(begun.lease(), now()))).isTrue();

        assertThat(await(stock.cancels.withdraw(now(), now().plusMillis(1)))).isEqualTo(1);

        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
        assertThat(stock.take(1))
                .singleElement()
                .satisfies(next -> assertThat(next.transition()).isEqualTo(Transition.DELETE));
    }

    @Test
    void a_start_that_was_begun_once_and_is_canceled_while_it_waits_is_deleted() {
        Assignment begun = leased();
        assertThat(await(stock.requeues.requeue(begun.lease(), now()))).isTrue();

        assertThat(cancel(begun.jobId(), List.of(stock.organization), Optional.empty()))
                .contains(JobStatus.CANCELED);

        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
    }

    @Test
    void a_start_that_was_begun_once_and_is_not_wanted_any_more_is_deleted() {
        Assignment begun = leased();
        assertThat(await(stock.requeues.requeue(begun.lease(), now()))).isTrue();

        assertThat(await(stock.pools.dropNeverStarted(List.of(begun.workspaceId()), now())))
                .isEqualTo(1);

        assertThat(stock.count("workspaces WHERE deleted_at IS NULL")).isEqualTo(1);
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
        stock.buildAll();
        assertThat(stock.count("workspaces WHERE deleted_at IS NULL")).isZero();
    }

    @Test
    void a_prebuild_that_somebody_deletes_by_hand_is_made_up_for_at_once() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();
        stock.sql("DELETE FROM dirty_presets");

        assertThat(await(stock.builds.wantDeleted(workspace, OptionalInt.empty(), now())))
                .isTrue();
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);

        assertThat(stock.count("dirty_presets")).isEqualTo(1);
    }

    @Test
    void a_deletion_that_the_reconciler_began_and_that_failed_is_begun_again_later() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();
        assertThat(await(stock.pools.delete(List.of(workspace), "expired", now())))
                .isEqualTo(1);
        stock.fail(stock.take(1).getFirst());

        assertThat(await(stock.builds.deleteWanted(now()))).isZero();
        // Build 2 failed: two minutes of rest.
        stock.clock.forward(Duration.ofMinutes(2).plusMillis(1));
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
        stock.succeed(stock.take(1).getFirst());

        assertThat(stock.count("workspaces WHERE deleted_at IS NULL")).isZero();
    }
}
