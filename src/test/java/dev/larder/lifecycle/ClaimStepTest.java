package dev.larder.lifecycle;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.Claim;
import dev.larder.claim.Claim.Workspace;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.JobOutcome;
import dev.larder.model.Visibility;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What has to be done to a workspace once somebody has it (design, section 3.5). */
class ClaimStepTest {

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");
    private final UUID preset;

    ClaimStepTest() {
        stock.withClaimStep();
        preset = stock.declare("small", 2);
    }

    @AfterEach
    void close() {
        stock.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    @CanIgnoreReturnValue
    private UUID claim() {
        return stock.claim(preset, anna).orElseThrow();
    }

    private Workspace workspace(UUID claim) {
        return stock.look(claim).workspace().orElseThrow();
    }

    private String step(UUID claim) {
        return stock.look(claim).step().orElseThrow().status();
    }

    @CanIgnoreReturnValue
    private int begin() {
        return await(stock.builds.beginClaimSteps(now()));
    }

    @Test
    void a_claim_answers_with_its_outputs_before_the_claim_build_begins() {
        UUID workspace = stock.ready(preset, 1).getFirst();

        Claim answered = stock.look(claim());

        assertThat(answered.step().orElseThrow().status()).isEqualTo("pending");
        assertThat(stock.claimReads.open(answered.workspace().orElseThrow()))
                .contains("{\"url\":\"test://" + workspace + "\"}");
    }

    @Test
    void the_claim_build_is_number_two_and_its_initiator_the_user() {
        stock.ready(preset, 1);
        UUID claim = claim();

        assertThat(begin()).isEqualTo(1);

        var build = await(stock.workspaces.builds(
                        workspace(claim).id(), Visibility.ALL, Optional.empty(), Optional.empty(), 1))
                .getFirst();
        assertThat(build.number()).isEqualTo(2);
        assertThat(build.transition()).isEqualTo("start");
        assertThat(build.reason()).isEqualTo("claim");
        assertThat(build.initiator()).isEqualTo("anna");
        assertThat(begin()).as("begun once").isZero();
    }

    @Test
    void its_state_is_seen_in_the_claim_until_the_workspace_is_ready_again() {
        stock.ready(preset, 1);
        UUID claim = claim();
        begin();
        assertThat(step(claim)).isEqualTo("pending");
        Assignment job = stock.take(1).getFirst();
        assertThat(step(claim)).isEqualTo("running");
        assertThat(workspace(claim).readyAt()).isEmpty();

        stock.end(job, new JobOutcome.Succeeded(Map.of()));

        assertThat(step(claim)).isEqualTo("succeeded");
        assertThat(workspace(claim).readyAt()).contains(now());
    }

    @Test
    void its_worker_is_given_the_outputs_and_the_user_and_an_answer_without_any_keeps_them() {
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID claim = claim();
        begin();

        Assignment job = stock.take(1).getFirst();
        stock.end(job, new JobOutcome.Succeeded(Map.of()));

        assertThat(job.reason()).isEqualTo(Assignment.CLAIM);
        assertThat(job.workspace().ownerName()).isEqualTo("anna");
        assertThat(job.workspace().outputs()).isEqualTo(Map.of("url", "test://" + workspace));
        assertThat(stock.claimReads.open(workspace(claim))).contains("{\"url\":\"test://" + workspace + "\"}");
    }

    @Test
    void an_answer_with_outputs_replaces_them() {
        stock.ready(preset, 1);
        UUID claim = claim();
        begin();

        stock.end(stock.take(1).getFirst(), new JobOutcome.Succeeded(Map.of("for", "anna")));

        assertThat(stock.claimReads.open(workspace(claim))).contains("{\"for\":\"anna\"}");
    }

    @Test
    void a_failing_one_leaves_the_workspace_with_the_user_failed_and_says_why() {
        stock.ready(preset, 1);
        UUID claim = claim();
        begin();

        stock.fail(stock.take(1).getFirst());

        Claim seen = stock.look(claim);
        assertThat(seen.step().orElseThrow().status()).isEqualTo("failed");
        assertThat(seen.step().orElseThrow().errorCode()).isEqualTo("script_failed");
        assertThat(seen.workspace().orElseThrow().buildStatus()).isEqualTo("failed");
        assertThat(seen.endedAt()).isEmpty();
        assertThat(stock.claimReads.open(seen.workspace().orElseThrow())).isPresent();
    }

    @Test
    void a_failing_one_does_not_count_as_a_failure_of_the_preset() {
        stock.ready(preset, 1);
        claim();
        begin();
        stock.fail(stock.take(1).getFirst());

        assertThat(stock.integer(
                        "SELECT count(*)::integer AS n FROM builds b JOIN jobs j ON j.build_id = b.id"
                                + " WHERE j.status = 'failed' AND b.attempt IS NOT NULL",
                        Tuple.tuple()))
                .isZero();
    }

    @Test
    void outputs_that_cannot_be_opened_fail_the_step_and_keep_nobody_from_deleting() {
        stock.ready(preset, 1);
        UUID claim = claim();
        begin();
        stock.sql(
                "UPDATE workspaces SET outputs_sealed = '\\x00' WHERE id = $1",
                workspace(claim).id());

        assertThat(stock.take(1)).isEmpty();
        assertThat(stock.look(claim).step().orElseThrow().errorCode()).isEqualTo("parameters_unreadable");
        assertThat(stock.release(claim)).isTrue();
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
        assertThat(stock.take(1)).hasSize(1);
    }

    @Test
    void users_wait_for_it_so_it_goes_before_prebuilds() {
        stock.ready(preset, 1);
        stock.create(preset, 1);
        stock.clock.forward(Duration.ofSeconds(1));
        claim();
        begin();

        assertThat(stock.take(1).getFirst().reason()).isEqualTo(Assignment.CLAIM);
    }

    @Test
    void a_cold_claim_is_prepared_as_well_once_it_is_built() {
        UUID claim = stock.claimCold(preset, anna);
        assertThat(step(claim)).isEqualTo("pending");
        assertThat(begin()).as("before it is built").isZero();
        stock.succeed(stock.take(1).getFirst());

        assertThat(begin()).isEqualTo(1);
        stock.buildAll();

        assertThat(step(claim)).isEqualTo("succeeded");
    }

    @Test
    void what_was_given_back_before_it_began_is_deleted_without_it() {
        stock.ready(preset, 1);
        UUID claim = claim();
        assertThat(stock.release(claim)).isTrue();

        assertThat(begin()).isZero();
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
        List<Assignment> done = stock.buildAll();

        assertThat(done).hasSize(1);
        assertThat(workspace(claim).times().deletedAt()).isPresent();
    }

    @Test
    void what_is_given_back_while_it_runs_is_deleted_after_it() {
        stock.ready(preset, 1);
        UUID claim = claim();
        begin();
        Assignment job = stock.take(1).getFirst();
        assertThat(stock.release(claim)).isTrue();
        assertThat(await(stock.builds.deleteWanted(now()))).isZero();

        stock.succeed(job);

        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
    }

    @Test
    void versions_without_one_have_none() {
        Stock plain = new Stock();
        UUID other = plain.declare("small", 1);
        plain.ready(other, 1);
        UUID claim = plain.claim(other, plain.owner).orElseThrow();

        assertThat(plain.look(claim).step()).isEmpty();
        assertThat(await(plain.builds.beginClaimSteps(plain.clock.instant()))).isZero();
        plain.close();
    }
}
