package dev.larder.lifecycle;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Assignment;
import dev.larder.model.CanaryEvidence;
import dev.larder.model.CanaryEvidence.Failed;
import dev.larder.model.JobOutcome;
import dev.larder.testing.Canary;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The prebuilds that a version is tried with are verified before it is served (decision 0046). */
class CanaryVerificationTest {

    private final Stock stock = new Stock();

    @AfterEach
    void close() {
        stock.close();
    }

    private Canary verified() {
        stock.withScript("verify.sh");
        return new Canary(stock, true, false);
    }

    private static JobOutcome fit() {
        return new JobOutcome.Succeeded(Map.of());
    }

    @Test
    void a_canary_is_verified_once_and_keeps_the_outputs_of_its_start() {
        Canary canary = verified();
        List<UUID> ready = canary.ready();
        byte[] outputs =
                canary.workspace(ready.getFirst()).getBuffer("outputs_sealed").getBytes();

        assertThat(canary.verify()).isEqualTo(2);
        assertThat(canary.evidence()).allMatch(one -> one.ready() && !one.verified());
        List<Assignment> jobs = stock.take(2);
        jobs.forEach(job -> stock.end(job, fit()));

        assertThat(jobs).extracting(Assignment::reason).containsOnly(Assignment.VERIFY);
        assertThat(jobs.getFirst().deadlineAt()).isEqualTo(canary.now().plus(Duration.ofMinutes(10)));
        Row workspace = canary.workspace(ready.getFirst());
        assertThat(workspace.getBuffer("outputs_sealed").getBytes()).isEqualTo(outputs);
        assertThat(workspace.getBoolean("prebuild")).isTrue();
        assertThat(workspace.getOffsetDateTime("ready_at")).isNotNull();
        assertThat(workspace.getInteger("build_number")).isEqualTo(2);
        assertThat(canary.evidence()).allMatch(CanaryEvidence::verified);
        assertThat(canary.verify()).as("once").isZero();
    }

    @Test
    void a_verification_that_the_template_fails_condemns_and_leaves_evidence() {
        Canary canary = verified();
        canary.ready();
        canary.verify();

        Assignment job = stock.take(1).getFirst();
        UUID unfit = job.workspaceId();
        stock.fail(job);

        assertThat(canary.workspace(unfit).getString("build_status")).isEqualTo("failed");
        assertThat(canary.evidence(unfit).failed()).contains(new Failed(job.jobId(), "template", "script_failed"));
        assertThat(canary.evidence(unfit).condemns()).isTrue();
        assertThat(canary.evidence(unfit).verified()).isFalse();
        assertThat(canary.verify()).as("once").isZero();
    }

    @Test
    void a_verification_that_the_place_fails_delays() {
        Canary canary = verified();
        canary.ready();
        canary.verify();

        Assignment job = stock.take(1).getFirst();
        stock.end(job, new JobOutcome.Failed("backend_unavailable", "It does not answer."));

        CanaryEvidence evidence = canary.evidence(job.workspaceId());
        assertThat(evidence.failed()).contains(new Failed(job.jobId(), "place", "backend_unavailable"));
        assertThat(evidence.isDelayed()).isTrue();
    }

    @Test
    void a_worker_that_is_lost_in_it_gives_it_back_and_at_last_delays() {
        Canary canary = verified();
        canary.ready();
        canary.verify();
        Assignment first = stock.take(1).getFirst();

        lose(2);

        Assignment second = stock.take(1).getFirst();
        assertThat(second.jobId()).isEqualTo(first.jobId());
        assertThat(second.attempt()).isEqualTo(2);

        lose(2);

        assertThat(canary.evidence(first.workspaceId()).failed())
                .contains(new Failed(first.jobId(), "worker", "worker_lost"));
    }

    private void lose(int attempts) {
        stock.clock.forward(Duration.ofSeconds(1));
        var now = stock.clock.instant();
        assertThat(await(stock.requeues.requeueLost(now, now, now.minus(Duration.ofHours(1)), attempts)))
                .isEqualTo(1);
        stock.sql("UPDATE workers SET last_seen_at = $1", now.atOffset(ZoneOffset.UTC));
    }

    @Test
    void a_verification_that_no_worker_begins_is_withdrawn_and_delays() {
        Canary canary = verified();
        UUID first = canary.ready().getFirst();
        canary.verify();
        stock.clock.forward(Duration.ofMinutes(20));

        assertThat(await(stock.cancels.withdraw(canary.now(), canary.now().minus(Duration.ofMinutes(10)))))
                .isEqualTo(2);

        assertThat(canary.evidence(first).failed()).map(Failed::code).contains("build_canceled");
        assertThat(canary.evidence(first).isDelayed()).isTrue();
    }

    @Test
    void what_is_not_asked_for_or_not_there_is_not_verified() {
        stock.withScript("verify.sh");
        Canary canary = new Canary(stock, false, false);
        canary.ready();

        assertThat(canary.verify()).isZero();
        stock.sql("UPDATE presets SET canary_verify = true, rollout_role = 'target' WHERE id = $1", canary.preset);
        assertThat(canary.verify()).as("it is served").isZero();
    }

    @Test
    void a_version_without_a_verification_has_nothing_to_verify() {
        Canary canary = new Canary(stock, true, false);
        canary.ready();

        assertThat(canary.verify()).isZero();
        assertThat(canary.evidence()).hasSize(2).allMatch(CanaryEvidence::verified);
    }

    @Test
    void a_start_that_fails_is_evidence_and_one_under_way_is_none() {
        Canary canary = verified();
        stock.create(canary.preset, 2);
        assertThat(canary.evidence()).hasSize(2).allMatch(one -> !one.ready() && !one.verified() && !one.tried());

        Assignment job = stock.take(1).getFirst();
        stock.fail(job);

        assertThat(canary.evidence(job.workspaceId()))
                .isEqualTo(new CanaryEvidence(
                        job.workspaceId(),
                        false,
                        Optional.of(new Failed(job.jobId(), "template", "script_failed")),
                        false,
                        false));
    }

    @Test
    void a_failure_of_the_phase_before_counts_no_more_and_what_stands_counts() {
        Canary canary = verified();
        UUID stands = stock.ready(canary.preset, 1).getFirst();
        stock.create(canary.preset, 1);
        stock.fail(stock.take(1).getFirst());
        stock.clock.forward(Duration.ofMinutes(1));

        stock.sql("UPDATE rollouts SET phase_at = $1", canary.now().atOffset(ZoneOffset.UTC));

        assertThat(canary.evidence()).extracting(CanaryEvidence::workspace).containsExactly(stands);
    }

    @Test
    void a_canary_that_was_removed_is_to_be_built_again() {
        Canary canary = verified();
        UUID removed = canary.ready().getFirst();

        assertThat(await(stock.builds.wantDeleted(removed, OptionalInt.empty(), canary.now())))
                .isTrue();

        assertThat(canary.evidence(removed).failed()).map(Failed::code).contains("canary_removed");
        assertThat(canary.evidence(removed).isDelayed()).isTrue();
    }
}
