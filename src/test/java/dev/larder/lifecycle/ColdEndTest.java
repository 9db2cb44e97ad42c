package dev.larder.lifecycle;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.Claim;
import dev.larder.claim.Claim.Failure;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.JobOutcome;
import dev.larder.testing.Claimers;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How a claim ends whose workspace was built for it and was not built (design, section 3.5). */
class ColdEndTest {

    private static final Duration PATIENCE = Duration.ofHours(1);

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");
    private final UUID preset = stock.declare("small", 0);
    private final UUID claim = stock.claimCold(preset, anna);
    private final UUID workspace = claimers.workspaceOf(claim);

    @AfterEach
    void close() {
        stock.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    private UUID job() {
        return stock.row("SELECT id FROM jobs WHERE workspace_id = $1 ORDER BY created_at LIMIT 1", Tuple.of(workspace))
                .getUUID("id");
    }

    private Row row() {
        return stock.row("SELECT * FROM workspaces WHERE id = $1", Tuple.of(workspace));
    }

    private Assignment begun() {
        return stock.take(1).getFirst();
    }

    private void cancel() {
        assertThat(await(stock.cancels.cancel(job(), List.of(stock.organization), Optional.empty(), now())))
                .isPresent();
    }

    private void assertEnds(String code, String detail) {
        assertThat(await(stock.leases.toDo(now())).failedCold()).isTrue();
        assertThat(await(stock.waitingClaims.unsettled(Set.of(claim))))
                .as("its followers are held until the claim itself has ended")
                .containsExactly(claim);

        assertThat(await(stock.leases.endFailedCold(now()))).isEqualTo(1);

        Claim ended = stock.look(claim);
        assertThat(ended.endedReason()).contains("failed");
        assertThat(ended.endedAt()).contains(now());
        assertThat(ended.failure()).contains(new Failure(code, detail));
        assertThat(await(stock.waitingClaims.unsettled(Set.of(claim)))).isEmpty();
        assertThat(stock.count("claims WHERE ended_at IS NULL"))
                .as("held of the quota")
                .isZero();
        assertThat(await(stock.leases.toDo(now())).failedCold()).isFalse();
        assertThat(await(stock.leases.endFailedCold(now()))).isZero();
    }

    private void assertIsDeletedByAWorker() {
        assertThat(await(stock.builds.deleteUsedUp(now()))).isEqualTo(1);
        stock.buildAll();
        assertThat(row().getOffsetDateTime("deleted_at")).isNotNull();
    }

    @Test
    void a_build_that_failed_ends_its_claim_with_the_builds_code_and_reason_and_its_workspace_is_deleted() {
        stock.fail(begun());

        assertEnds("script_failed", "start.sh ended with exit code 1.");

        assertIsDeletedByAWorker();
    }

    @Test
    void a_build_that_was_canceled_before_it_began_leaves_nothing_to_delete() {
        cancel();

        assertEnds("build_canceled", "The build was canceled before a worker began it.");

        assertThat(row().getOffsetDateTime("deleted_at")).isNotNull();
        assertThat(await(stock.builds.deleteWanted(now()))).isZero();
    }

    @Test
    void a_build_that_was_canceled_while_it_ran_ends_its_claim_when_it_has_stopped() {
        Assignment running = begun();
        cancel();
        assertThat(await(stock.leases.toDo(now())).failedCold()).isFalse();

        stock.end(running, new JobOutcome.Canceled());

        assertEnds("build_canceled", "The build was canceled.");
        assertIsDeletedByAWorker();
    }

    @Test
    void a_build_that_no_worker_began_in_time_is_withdrawn_and_ends_its_claim() {
        stock.clock.forward(PATIENCE.plusSeconds(1));

        assertThat(await(stock.cancels.withdraw(now(), now().minus(PATIENCE)))).isEqualTo(1);

        assertEnds("build_canceled", "The build was canceled before a worker began it.");
    }

    @Test
    void a_build_that_overran_its_deadline_without_a_word_ends_its_claim() {
        assertThat(begun().workspaceId()).isEqualTo(workspace);
        stock.clock.forward(Duration.ofMinutes(11));

        assertThat(await(stock.requeues.requeueLost(now(), Instant.EPOCH, now().minusSeconds(30), 3)))
                .isEqualTo(1);

        assertEnds("timed_out", "The job was not done by its deadline.");
    }

    @Test
    void what_waited_and_was_built_in_the_end_ends_the_same_way() {
        stock.buildAll();
        UUID waited = claimers.waitsThenCold(preset, anna);
        stock.clock.forward(Claimers.TIMEOUT);
        assertThat(await(stock.coldClaims.coldForWaiting(waited, now()))).isTrue();
        stock.fail(begun());

        assertThat(await(stock.leases.endFailedCold(now()))).isEqualTo(1);

        assertThat(claimers.stateOf(waited)).isEqualTo("failed");
        assertThat(claimers.stateOf(claim)).isEqualTo("held");
    }

    @Test
    void a_claim_that_was_given_back_before_its_build_failed_stays_released() {
        Assignment running = begun();
        assertThat(stock.release(claim)).isTrue();
        stock.fail(running);

        assertThat(await(stock.leases.endFailedCold(now()))).isZero();

        assertThat(claimers.stateOf(claim)).isEqualTo("released");
        assertIsDeletedByAWorker();
    }

    @Test
    void a_claim_step_that_failed_ends_nothing() {
        stock.buildAll();
        stock.withClaimStep();
        stock.promoteNewVersion();
        UUID prepared = stock.claimCold(stock.preset("small"), anna);
        stock.buildAll();
        assertThat(await(stock.builds.beginClaimSteps(now()))).isEqualTo(1);
        stock.fail(begun());

        assertThat(await(stock.leases.toDo(now())).failedCold()).isFalse();
        assertThat(await(stock.leases.endFailedCold(now()))).isZero();
        assertThat(claimers.stateOf(prepared)).isEqualTo("held");
        assertThat(stock.look(prepared).step().orElseThrow().status()).isEqualTo("failed");
        assertThat(await(stock.waitingClaims.unsettled(Set.of(prepared)))).isEmpty();
    }

    @Test
    void two_processes_end_it_once() {
        stock.fail(begun());
        UUID other = stock.claimCold(preset, anna);

        assertThat(await(stock.leases.endFailedCold(now())) + await(stock.leases.endFailedCold(now())))
                .isEqualTo(1);

        assertThat(claimers.stateOf(other)).isEqualTo("held");
    }
}
