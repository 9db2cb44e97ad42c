package dev.larder.lifecycle;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.Claim;
import dev.larder.claim.Claim.Failure;
import dev.larder.claim.NewClaim;
import dev.larder.claim.WaitPolicy;
import dev.larder.database.Rows;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.JobOutcome;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Claimers;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is claimed is looked at before anybody gets it, where its version says how (design, section 3.6). */
class VerifyTest {

    private static final Duration BUDGET = Duration.ofSeconds(30);

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");
    private final Caller bob = stock.member("bob");
    private final UUID preset;

    VerifyTest() {
        stock.withScript("verify.sh");
        preset = stock.declare("small", 3);
    }

    @AfterEach
    void close() {
        stock.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    /** One that waits, if it must, as long as a claim that would not have waited may be tried for. */
    @CanIgnoreReturnValue
    private UUID claim(Caller who) {
        return take(claimers.ask(who).waiting(new WaitPolicy(0, now().plus(BUDGET), false, 1_000, 1_000)));
    }

    /** One that would not have waited. */
    private UUID claimNow(Caller who) {
        return take(claimers.ask(who));
    }

    private UUID take(NewClaim ask) {
        UUID claim = claimers.take(preset, ask).getFirst().id();
        stock.clock.forward(Duration.ofMillis(1));
        return claim;
    }

    /** The next verification, begun and taken by a worker. */
    private Assignment verification() {
        assertThat(await(stock.builds.beginClaimSteps(now()))).isPositive();
        return stock.take(1).getFirst();
    }

    private void isFit() {
        stock.end(verification(), new JobOutcome.Succeeded(Map.of()));
    }

    private void isUnfit() {
        stock.fail(verification());
    }

    @CanIgnoreReturnValue
    private int quarantineUnfit() {
        return await(stock.leases.returnUnfit(now()));
    }

    private Row workspace(UUID id) {
        return stock.row("SELECT * FROM workspaces WHERE id = $1", Tuple.of(id));
    }

    @Test
    void nobody_is_given_anything_before_it_is_verified() {
        stock.ready(preset, 1);

        Claim claim = stock.look(claim(anna));

        assertThat(claim.waits()).isTrue();
        assertThat(claim.isVerified()).isTrue();
        assertThat(claim.step()).isEmpty();
        assertThat(await(stock.waitingClaims.unsettled(Set.of(claim.id())))).containsExactly(claim.id());
    }

    @Test
    void the_verification_is_a_build_of_the_claimers_that_knows_the_outputs_and_has_ten_seconds() {
        UUID workspace = stock.ready(preset, 1).getFirst();
        claim(anna);

        Assignment job = verification();

        assertThat(job.reason()).isEqualTo(Assignment.VERIFY);
        assertThat(job.workspace().ownerId()).isEqualTo(anna.userId());
        assertThat(job.workspaceId()).isEqualTo(workspace);
        assertThat(job.workspace().outputs()).containsEntry("url", "test://" + workspace);
        assertThat(Duration.between(now(), job.deadlineAt())).isEqualTo(Duration.ofSeconds(10));
    }

    @Test
    void what_is_fit_is_the_claimers_with_the_outputs_of_its_start() {
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID claim = claim(anna);

        isFit();

        Claim active = stock.look(claim);
        assertThat(active.waits()).isFalse();
        assertThat(active.path()).isEqualTo("warm");
        assertThat(stock.claimReads.open(active.workspace().orElseThrow()))
                .contains("{\"url\":\"test://" + workspace + "\"}");
        assertThat(await(stock.waitingClaims.unsettled(Set.of(claim)))).isEmpty();
        assertThat(await(stock.builds.beginClaimSteps(now()))).isZero();
        assertThat(quarantineUnfit()).isZero();
    }

    @Test
    void the_claim_step_comes_after_the_verification() {
        stock.withClaimStep();
        stock.promoteNewVersion();
        UUID prepared = stock.preset("small");
        stock.ready(prepared, 1);
        UUID claim = stock.claim(prepared, anna).orElseThrow();

        isFit();

        assertThat(stock.look(claim).step().orElseThrow().status()).isEqualTo("pending");
        assertThat(verification().reason()).isEqualTo(Assignment.CLAIM);
    }

    @Test
    void what_is_unfit_is_set_aside_as_evidence_and_the_next_one_is_tried() {
        List<UUID> ready = stock.ready(preset, 2);
        UUID claim = claim(anna);
        isUnfit();

        assertThat(quarantineUnfit()).isEqualTo(1);

        Row evidence = workspace(ready.getFirst());
        assertThat(evidence.getBoolean("prebuild")).isTrue();
        assertThat(evidence.getString("build_status")).isEqualTo("failed");
        assertThat(evidence.getOffsetDateTime("deletion_wanted_at")).isNull();
        assertThat(stock.look(claim).workspace()).isEmpty();

        assertThat(Claimers.ids(claimers.serve(preset))).containsExactly(claim);
        isFit();

        Claim active = stock.look(claim);
        assertThat(active.workspace().orElseThrow().id()).isEqualTo(ready.getLast());
        assertThat(active.path()).isEqualTo("warm");
        assertThat(active.waits()).isFalse();
    }

    @Test
    void what_is_unfit_is_no_longer_claimable() {
        stock.ready(preset, 1);
        claim(anna);
        isUnfit();
        quarantineUnfit();

        assertThat(claimers.serve(preset)).isEmpty();
        assertThat(stock.claim(preset, bob)).isEmpty();
    }

    @Test
    void who_got_something_unfit_comes_before_who_arrived_later() {
        stock.ready(preset, 1);
        UUID first = claim(anna);
        UUID second = claimers.waits(preset, bob);
        isUnfit();
        quarantineUnfit();
        stock.ready(preset, 1);

        assertThat(Claimers.ids(claimers.serve(preset))).containsExactly(first);
        assertThat(claimers.stateOf(second)).isEqualTo("waiting");
    }

    @Test
    void setting_aside_tells_the_pool_that_something_is_missing() {
        stock.ready(preset, 1);
        claim(anna);
        isUnfit();
        stock.sql("DELETE FROM dirty_presets");

        quarantineUnfit();

        assertThat(stock.count("dirty_presets WHERE preset_id = '" + preset + "'"))
                .isEqualTo(1);
    }

    @Test
    void when_the_budget_is_used_up_the_claim_has_timed_out() {
        stock.ready(preset, 2);
        UUID claim = claim(anna);
        isUnfit();
        quarantineUnfit();

        stock.clock.forward(BUDGET);
        assertThat(await(stock.leases.timeOut(now()))).isEqualTo(1);

        assertThat(stock.look(claim).endedReason()).contains("timed_out");
        assertThat(claimers.serve(preset)).isEmpty();
    }

    @Test
    void who_waits_anyway_waits_until_the_deadline_of_their_own() {
        UUID claim = claimers.waits(preset, anna);
        Instant deadline = stock.look(claim).waitsUntil().orElseThrow();
        stock.ready(preset, 1);
        claimers.serve(preset);
        isUnfit();
        quarantineUnfit();

        assertThat(stock.look(claim).waitsUntil()).contains(deadline);
        assertThat(stock.look(claim).path()).isEqualTo("waited");
    }

    @Test
    void a_verification_that_nobody_began_in_time_is_withdrawn_and_its_workspace_in_stock_again() {
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID claim = claim(anna);
        await(stock.builds.beginClaimSteps(now()));

        stock.clock.forward(BUDGET.minusMillis(2));
        assertThat(await(stock.cancels.withdraw(now(), Instant.EPOCH))).isZero();
        stock.clock.forward(Duration.ofMillis(2));
        assertThat(await(stock.cancels.withdraw(now(), Instant.EPOCH))).isEqualTo(1);
        quarantineUnfit();

        assertThat(stock.look(claim).workspace()).isEmpty();
        assertThat(await(stock.leases.timeOut(now()))).isEqualTo(1);
        assertThat(claimers.workspaceOf(claim(bob))).isEqualTo(workspace);
    }

    @Test
    void what_was_found_to_be_gone_before_its_verification_began_is_given_to_nobody_else() {
        UUID workspace = stock.ready(preset, 1).getFirst();
        claim(anna);
        stock.sql("UPDATE workspaces SET missing_since = $2 WHERE id = $1", workspace, Rows.utc(now()));
        await(stock.builds.beginClaimSteps(now()));
        stock.clock.forward(BUDGET);
        assertThat(await(stock.cancels.withdraw(now(), Instant.EPOCH))).isEqualTo(1);

        quarantineUnfit();

        assertThat(workspace(workspace).getBoolean("prebuild")).isTrue();
        assertThat(stock.claim(preset, bob)).isEmpty();
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
    }

    @Test
    void a_verification_waits_for_a_worker_as_long_as_its_claimer_does() {
        UUID claim = claimers.waits(preset, anna);
        stock.ready(preset, 1);
        claimers.serve(preset);
        await(stock.builds.beginClaimSteps(now()));
        stock.clock.forward(Claimers.TIMEOUT.minusSeconds(1));

        assertThat(await(stock.leases.toDo(now())).unfit()).isTrue();
        assertThat(await(stock.cancels.withdraw(now(), Instant.EPOCH))).isZero();
        stock.clock.forward(Duration.ofSeconds(1));
        assertThat(await(stock.cancels.withdraw(now(), Instant.EPOCH))).isEqualTo(1);
        assertThat(quarantineUnfit()).isEqualTo(1);
        assertThat(await(stock.leases.timeOut(now()))).isEqualTo(1);
        assertThat(claimers.stateOf(claim)).isEqualTo("timed_out");
    }

    @Test
    void a_verification_that_a_worker_has_is_waited_for() {
        stock.ready(preset, 1);
        claim(anna);
        assertThat(verification().reason()).isEqualTo(Assignment.VERIFY);
        stock.clock.forward(Duration.ofSeconds(10));

        assertThat(await(stock.leases.toDo(now())).unfit()).isFalse();
    }

    @Test
    void exactly_this_workspace_is_given_or_nothing() {
        UUID workspace = stock.ready(preset, 2).getFirst();
        NewClaim ask = claimers.ask(anna);
        Claim claim = await(claimers.takingExactly(workspace, 1, ask, now())).orElseThrow();
        isUnfit();
        quarantineUnfit();

        Claim ended = stock.look(claim.id());
        assertThat(ended.endedReason()).contains("failed");
        assertThat(ended.failure().orElseThrow().code()).isEqualTo("verification_failed");
        assertThat(ended.workspace()).isEmpty();
    }

    @Test
    void a_claim_that_would_not_have_waited_ends_when_nothing_is_left_to_try() {
        stock.ready(preset, 2);
        UUID claim = claimNow(anna);
        isUnfit();
        quarantineUnfit();
        assertThat(claimers.stateOf(claim)).as("one is left").isEqualTo("waiting");
        claimers.serve(preset);
        isUnfit();

        quarantineUnfit();

        Claim ended = stock.look(claim);
        assertThat(ended.endedReason()).contains("failed");
        assertThat(ended.unfit()).isEqualTo(2);
        assertThat(ended.failure().orElseThrow())
                .isEqualTo(new Failure(
                        "verification_failed",
                        "The workspace failed its verification: start.sh ended with exit code 1."));
        assertThat(ended.workspace()).isEmpty();
        assertThat(claimers.serve(preset)).isEmpty();
    }

    @Test
    void a_claim_that_would_not_have_waited_tries_what_is_still_being_built() {
        stock.ready(preset, 1);
        UUID claim = claimNow(anna);
        stock.create(preset, 1);
        await(stock.builds.beginClaimSteps(now()));
        stock.take(2).stream()
                .filter(job -> job.reason().equals(Assignment.VERIFY))
                .forEach(stock::fail);

        quarantineUnfit();

        assertThat(claimers.stateOf(claim)).isEqualTo("waiting");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_claim_uses_up_no_more_than_so_many_of_a_large_stock(boolean impatient) {
        int most = impatient ? EndClaimStore.UNFIT_MAX : EndClaimStore.UNFIT_WAITING_MAX;
        stock.ready(preset, most + 2);
        UUID claim = impatient ? claimNow(anna) : claim(anna);

        for (int tries = 1; tries <= most + 1; tries++) {
            if (await(stock.builds.beginClaimSteps(now())) > 0) {
                stock.take(1).forEach(stock::fail);
            }
            quarantineUnfit();
            claimers.serve(preset);
        }

        assertThat(claimers.stateOf(claim)).isEqualTo("failed");
        assertThat(stock.look(claim).unfit()).isEqualTo(most);
        assertThat(stock.count("workspaces WHERE prebuild AND ready_at IS NOT NULL"))
                .as("left for others")
                .isEqualTo(2);
    }

    @Test
    void a_claim_that_is_to_be_built_cold_in_the_end_is_due_for_it_once_it_had_its_share_of_unfit_ones() {
        stock.ready(preset, EndClaimStore.UNFIT_WAITING_MAX + 1);
        NewClaim ask =
                claimers.ask(anna).waiting(new WaitPolicy(0, now().plus(Duration.ofHours(1)), true, 1_000, 1_000));
        UUID claim = take(ask);

        for (int tries = 1; tries <= EndClaimStore.UNFIT_WAITING_MAX; tries++) {
            assertThat(await(stock.leases.dueCold(now()))).isEmpty();
            isUnfit();
            quarantineUnfit();
            claimers.serve(preset);
        }

        assertThat(await(stock.leases.dueCold(now()))).containsExactly(claim);
    }

    @Test
    void a_claim_that_waited_for_a_fit_one_in_vain_says_so_at_its_end() {
        stock.ready(preset, 1);
        UUID claim = claim(anna);
        isUnfit();
        quarantineUnfit();
        assertThat(claimers.stateOf(claim)).isEqualTo("waiting");

        stock.clock.forward(BUDGET);
        await(stock.leases.timeOut(now()));

        assertThat(claimers.stateOf(claim)).isEqualTo("timed_out");
        assertThat(stock.look(claim).failure().orElseThrow().code()).isEqualTo("verification_failed");
        assertThat(stock.look(claim).unfit()).isEqualTo(1);
    }

    @Test
    void what_is_given_back_while_it_is_verified_goes_whatever_comes_out() {
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID claim = claim(anna);
        Assignment verification = verification();
        assertThat(stock.release(claim)).isTrue();

        stock.fail(verification);

        assertThat(quarantineUnfit()).isZero();
        assertThat(stock.look(claim).endedReason()).contains("released");
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
        assertThat(workspace(workspace).getString("transition")).isEqualTo("delete");
    }

    @Test
    void a_lease_begins_when_what_was_found_has_proved_fit() {
        stock.ready(preset, 1);
        NewClaim ask = stock.newClaims.one(anna, Optional.empty(), Optional.of(Duration.ofSeconds(5)));
        UUID claim = claimers.take(preset, ask).getFirst().id();
        Assignment verification = verification();
        stock.clock.forward(Duration.ofSeconds(6));

        assertThat(await(stock.leases.expire(now()))).isZero();
        stock.end(verification, new JobOutcome.Succeeded(Map.of()));

        assertThat(stock.look(claim).expiresAt()).contains(now().plusSeconds(5));
        stock.clock.forward(Duration.ofSeconds(5));
        assertThat(await(stock.leases.expire(now()))).isEqualTo(1);
    }

    @Test
    void what_is_deleted_by_hand_while_it_is_verified_lets_its_claimer_wait_for_the_next() {
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID claim = claim(anna);
        Assignment verification = verification();
        await(stock.builds.wantDeleted(workspace, OptionalInt.empty(), now()));

        assertThat(quarantineUnfit()).isEqualTo(1);
        stock.end(verification, new JobOutcome.Succeeded(Map.of()));

        assertThat(stock.look(claim).workspace()).isEmpty();
        assertThat(stock.look(claim).waits()).isTrue();
        assertThat(await(stock.leases.toDo(now())).unfit()).isFalse();
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
    }

    @Test
    void a_claim_given_up_in_the_moment_its_workspace_is_set_aside_is_given_up() {
        stock.ready(preset, 1);
        UUID claim = claim(anna);
        isUnfit();
        try (OpenTransaction janitor = new OpenTransaction(stock)) {
            assertThat(await(new EndClaimStore(janitor.pool()).returnUnfit(now())))
                    .isEqualTo(1);
            var released = Claimers.begin(stock.leases.release(claim, OptionalInt.empty(), now()));
            janitor.isWaitedForBy(1);
            janitor.commits();

            assertThat(Claimers.end(released)).isEqualTo(EndClaimStore.Return.NONE);
        }
        assertThat(await(stock.leases.cancel(claim, now()))).isTrue();
        assertThat(stock.look(claim).endedReason()).contains("canceled");
    }

    @Test
    void who_would_have_waited_or_had_one_built_still_does_when_what_was_in_stock_is_unfit() {
        stock.ready(preset, 1);
        Instant deadline = now().plus(Duration.ofMinutes(10));
        NewClaim ask = claimers.ask(anna).waiting(new WaitPolicy(50, deadline, true, 100, 100));
        UUID claim = claimers.take(preset, ask).getFirst().id();
        isUnfit();
        quarantineUnfit();

        assertThat(stock.look(claim).waitsUntil()).contains(deadline);
        assertThat(stock.row("SELECT priority, then_cold FROM claims WHERE id = $1", Tuple.of(claim))
                        .toJson()
                        .encode())
                .isEqualTo("{\"priority\":50,\"then_cold\":true}");
    }

    @Test
    void what_proves_unfit_again_and_again_puts_off_creation_and_reaches_the_hard_limit() {
        stock.ready(preset, 1);
        claim(anna);
        isUnfit();
        quarantineUnfit();
        for (int attempt = 2; attempt <= 3; attempt++) {
            stock.ready(preset, 1);
            claimers.serve(preset);
            isUnfit();
            quarantineUnfit();
        }

        var failures = await(stock.snapshots.of(List.of(preset), now(), Duration.ofHours(1), 3))
                .getFirst()
                .failures();

        assertThat(failures.failedAt()).hasSize(3);
        assertThat(failures.newestBuildsFailed()).containsExactly(true, true, true);
        assertThat(failures.newestAttemptsFailed()).containsExactly(true, true, true);
    }

    @Test
    void a_cold_one_was_started_a_moment_ago_and_is_not_verified() {
        UUID claim = stock.claimCold(preset, anna);
        stock.buildAll();

        assertThat(stock.look(claim).waits()).isFalse();
        assertThat(await(stock.builds.beginClaimSteps(now()))).isZero();
    }

    @Test
    void two_processes_set_one_aside_once() {
        UUID workspace = stock.ready(preset, 1).getFirst();
        claim(anna);
        isUnfit();

        assertThat(quarantineUnfit() + quarantineUnfit()).isEqualTo(1);
        assertThat(workspace(workspace).getInteger("version")).isEqualTo(1 + 1 + 1);
    }
}
