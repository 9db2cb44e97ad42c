package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.access.QuotaStore;
import dev.larder.claim.ClaimReads.ClaimCounts;
import dev.larder.claim.ClaimReads.ClaimFilter;
import dev.larder.lifecycle.RolloutControl;
import dev.larder.lifecycle.RolloutStore;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.CanaryEvidence;
import dev.larder.model.CanaryEvidence.Failed;
import dev.larder.model.JobOutcome;
import dev.larder.model.SystemUser;
import dev.larder.model.Visibility;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Canary;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The system user claims a version before it is served (decision 0046). */
class TrialClaimsTest {

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");

    @AfterEach
    void close() {
        stock.close();
    }

    private Canary tried(String... scripts) {
        List.of(scripts).forEach(stock::withScript);
        return new Canary(stock, false, true);
    }

    private Row claim() {
        return stock.row("SELECT * FROM claims ORDER BY created_at DESC, id DESC LIMIT 1", Tuple.tuple());
    }

    /** The next step of the claim, taken by a worker. */
    @CanIgnoreReturnValue
    private Assignment step() {
        assertThat(await(stock.builds.beginClaimSteps(stock.clock.instant()))).isEqualTo(1);
        return stock.take(1).getFirst();
    }

    private void fit(Assignment job) {
        stock.end(job, new JobOutcome.Succeeded(Map.of()));
    }

    private CanaryEvidence evidence(Canary canary) {
        return canary.evidence(claim().getUUID("workspace_id"));
    }

    @Test
    void a_canary_is_claimed_prepared_released_and_destroyed() {
        Canary canary = tried("verify.sh", "claim.sh", "reset.sh");
        stock.sql("UPDATE presets SET max_uses = 5");
        canary.ready();

        canary.round();
        Row claimed = canary.workspace(claim().getUUID("workspace_id"));
        assertThat(claimed.getUUID("owner_id")).isEqualTo(SystemUser.ID);
        assertThat(claimed.getBoolean("prebuild")).isFalse();
        assertThat(evidence(canary).tried()).isFalse();
        Assignment verification = step();
        assertThat(verification.reason()).isEqualTo(Assignment.VERIFY);
        fit(verification);
        canary.round();
        assertThat(claim().getString("ended_reason"))
                .as("its claim step is to come")
                .isNull();
        Assignment preparation = step();
        assertThat(preparation.reason()).isEqualTo(Assignment.CLAIM);
        fit(preparation);
        canary.round();

        assertThat(claim().getString("ended_reason")).isEqualTo("released");
        assertThat(evidence(canary).tried()).isTrue();
        assertThat(canary.evidence()).hasSize(2).noneMatch(one -> one.failed().isPresent());
        stock.buildAll();
        assertThat(canary.workspace(claimed.getUUID("id")).getOffsetDateTime("deleted_at"))
                .isNotNull();
        assertThat(evidence(canary).tried()).as("when it is gone").isTrue();
        canary.round();
        assertThat(stock.count("claims")).as("once").isEqualTo(1);
    }

    @Test
    void a_version_without_steps_passes_when_it_was_claimed() {
        Canary canary = tried();
        canary.ready();

        canary.round();
        canary.round();

        assertThat(evidence(canary).tried()).isTrue();
        assertThat(stock.count("workspaces WHERE transition = 'delete'")).isEqualTo(1);
    }

    @Test
    void the_end_of_a_trial_claim_has_the_next_cycle_look_at_the_preset() {
        Canary canary = tried("claim.sh");
        canary.ready();
        canary.round();
        fit(step());
        stock.sql("DELETE FROM dirty_presets");

        canary.round();

        assertThat(claim().getString("ended_reason")).isEqualTo("released");
        assertThat(stock.count("dirty_presets WHERE preset_id = '" + canary.preset + "'"))
                .isPositive();
    }

    @Test
    void nothing_is_claimed_before_all_canaries_are_ready() {
        Canary canary = tried("claim.sh");
        stock.ready(canary.preset, 1);
        stock.create(canary.preset, 1);

        canary.round();
        assertThat(stock.count("claims")).isZero();

        stock.buildAll();
        canary.round();
        assertThat(stock.count("claims")).isEqualTo(1);
    }

    @Test
    void nothing_is_claimed_before_all_canaries_are_verified_where_that_is_asked() {
        stock.withScript("verify.sh");
        Canary canary = new Canary(stock, true, true);
        canary.ready();
        canary.round();
        canary.verify();
        List<Assignment> jobs = stock.take(2);
        fit(jobs.getFirst());
        canary.round();
        assertThat(stock.count("claims")).isZero();

        fit(jobs.getLast());
        canary.round();

        assertThat(stock.count("claims")).isEqualTo(1);
    }

    @Test
    void a_claim_step_that_the_template_fails_condemns_the_version() {
        Canary canary = tried("claim.sh");
        canary.ready();
        canary.round();

        Assignment job = step();
        stock.end(job, new JobOutcome.Failed("script_failed", "claim.sh ended with exit code 1."));
        canary.round();
        canary.round();

        assertThat(claim().getString("ended_reason")).isEqualTo("failed");
        assertThat(claim().getString("failure")).isEqualTo("claim.sh ended with exit code 1.");
        assertThat(evidence(canary).failed()).contains(new Failed(job.jobId(), "template", "script_failed"));
        assertThat(evidence(canary).ready()).isTrue();
        assertThat(evidence(canary).tried()).isFalse();
        assertThat(stock.count("claims")).as("no other is tried").isEqualTo(1);
        assertThat(stock.count("workspaces WHERE transition = 'delete'")).isEqualTo(1);
    }

    @Test
    void a_verification_of_the_claim_that_fails_condemns_the_version() {
        Canary canary = tried("verify.sh", "claim.sh");
        canary.ready();
        canary.round();

        Assignment job = step();
        stock.end(job, new JobOutcome.Failed("script_failed", "verify.sh ended with exit code 1."));
        assertThat(await(stock.leases.returnUnfit(canary.now()))).isEqualTo(1);
        canary.round();

        assertThat(claim().getString("failure_code")).isEqualTo("verification_failed");
        assertThat(evidence(canary).failed()).contains(new Failed(job.jobId(), "template", "script_failed"));
        Row unfit = canary.workspace(job.workspaceId());
        assertThat(unfit.getBoolean("prebuild")).as("evidence").isTrue();
        assertThat(unfit.getBoolean("trial")).isFalse();
        assertThat(stock.count("claims")).isEqualTo(1);
    }

    @Test
    void a_worker_that_dies_in_it_delays_and_another_canary_is_claimed() {
        Canary canary = tried("claim.sh");
        canary.ready();
        canary.round();
        Assignment job = step();

        stock.clock.forward(Duration.ofSeconds(1));
        var now = canary.now();
        assertThat(await(stock.requeues.requeueLost(now, now, now.minus(Duration.ofHours(1)), 1)))
                .isEqualTo(1);
        stock.sql("UPDATE workers SET last_seen_at = $1", now.atOffset(ZoneOffset.UTC));
        canary.round();

        assertThat(evidence(canary).failed()).contains(new Failed(job.jobId(), "worker", "worker_lost"));
        canary.round();
        assertThat(stock.count("claims")).as("one canary is to be built first").isEqualTo(1);
        stock.buildAll();
        stock.ready(canary.preset, 1);
        canary.round();
        fit(step());
        canary.round();
        assertThat(stock.count("claims")).isEqualTo(2);
        assertThat(evidence(canary).tried()).isTrue();
    }

    @Test
    void a_trial_that_is_not_done_by_the_deadline_of_the_canary_ends_with_it() {
        Canary canary = tried("claim.sh");
        canary.ready();
        canary.round();
        step();

        stock.clock.forward(Canary.DEADLINE.plusSeconds(1));
        assertThat(await(stock.leases.expire(canary.now()))).isEqualTo(1);
        canary.round();

        assertThat(claim().getString("ended_reason")).isEqualTo("expired");
        assertThat(evidence(canary).failed()).map(Failed::code).contains("trial_ended");
        assertThat(evidence(canary).isDelayed()).isTrue();
        stock.ready(canary.preset, 1);
        canary.round();
        assertThat(stock.count("claims")).as("none is begun after the deadline").isEqualTo(1);
    }

    @Test
    void a_trial_of_a_rollout_that_is_held_ends_and_the_next_phase_has_one_of_its_own() {
        Canary canary = tried("claim.sh");
        canary.ready();
        canary.round();
        RolloutStore rollouts = new RolloutStore(stock.pool, stock.ids);
        await(rollouts.hold(canary.rollout, "canary_failed", "It failed.", new JsonObject(), canary.now()));

        canary.round();
        assertThat(claim().getString("ended_reason")).isEqualTo("released");
        assertThat(canary.evidence()).noneMatch(CanaryEvidence::tried);

        stock.clock.forward(Duration.ofMinutes(1));
        await(new RolloutControl(stock.pool, stock.ids).resume(stock.owner, canary.rollout, canary.now()));
        stock.ready(canary.preset, 1);
        canary.round();
        assertThat(stock.count("claims WHERE ended_at IS NULL")).isEqualTo(1);
    }

    @Test
    void a_trial_of_a_rollout_that_was_superseded_or_rolled_back_ends_with_it() {
        Canary canary = tried("claim.sh");
        canary.ready();
        canary.round();
        await(new RolloutControl(stock.pool, stock.ids).rollBack(stock.owner, canary.rollout, canary.now()));

        canary.round();
        await(stock.builds.deleteWanted(canary.now()));

        assertThat(stock.count("claims WHERE ended_at IS NULL")).isZero();
        assertThat(stock.count("workspaces WHERE trial AND transition = 'delete'"))
                .isEqualTo(1);
    }

    @Test
    void nothing_is_claimed_of_a_rollout_that_waits_is_served_or_does_not_ask() {
        Canary canary = tried("claim.sh");
        canary.ready();

        stock.sql("UPDATE rollouts SET paused_at = now()");
        canary.round();
        stock.sql("UPDATE rollouts SET paused_at = NULL");
        stock.sql("UPDATE presets SET canary_trial_claim = false WHERE id = $1", canary.preset);
        canary.round();
        stock.sql("UPDATE presets SET canary_trial_claim = true WHERE id = $1", canary.preset);
        await(new RolloutStore(stock.pool, stock.ids).passCanary(canary.rollout, new JsonObject(), canary.now()));
        canary.round();

        assertThat(stock.count("claims")).isZero();
    }

    @Test
    void two_servers_make_one_claim() {
        Canary canary = tried("claim.sh");
        canary.ready();

        var both =
                Uni.join().all(canary.trials.runOnce(), canary.trials.runOnce()).andFailFast();
        await(both);

        assertThat(stock.count("claims")).isEqualTo(1);
    }

    @Test
    void a_canary_is_handed_out_to_no_client() {
        Canary canary = tried();
        UUID ready = canary.ready().getFirst();
        NewClaim ask = stock.newClaims.one(anna, Optional.empty(), Optional.empty());

        var exactly = await(stock.exactClaims.takeExactly(ready, 1, ask, canary.now()));

        assertThat(exactly).isEqualTo(new ClaimQuotaStore.UnderQuota.Within<>(Optional.empty()));
    }

    @Test
    void it_counts_in_no_quota_and_no_figure_and_no_member_sees_it() {
        stock.sql("UPDATE organizations SET claims_max = 1, claims_max_per_user = 1");
        Canary canary = tried("claim.sh");
        canary.ready();

        canary.round();

        assertThat(stock.count("claims WHERE ended_at IS NULL")).isEqualTo(1);
        assertThat(await(new QuotaStore(stock.pool, stock.ids).find(stock.organization))
                        .held())
                .isZero();
        assertThat(await(stock.claimReads.claimCounts())).isEqualTo(new ClaimCounts(0, 0));
        var within = await(stock.quotas.within(
                canary.preset,
                anna.userId(),
                1,
                0,
                (connection, left) -> Uni.createFrom().item(left)));
        assertThat(within).isEqualTo(new ClaimQuotaStore.UnderQuota.Within<>(1));
        assertThat(seen(anna)).isEmpty();
        assertThat(seen(stock.owner)).extracting(Claim::userId).containsExactly(SystemUser.ID);
    }

    private List<Claim> seen(Caller caller) {
        return await(stock.claimReads.list(Visibility.of(caller), ClaimFilter.ALL, Optional.empty(), 10))
                .rows();
    }

    @Test
    void the_system_user_owns_no_claimed_workspace_but_by_a_trial() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();
        String claimed = "UPDATE workspaces SET prebuild = false, claimed_at = now(), owner_id = $2 WHERE id = $1";

        assertThatThrownBy(() -> stock.sql(claimed, workspace, SystemUser.ID)).hasMessageContaining("workspaces_owner");
        assertThatThrownBy(
                        () -> stock.sql("UPDATE workspaces SET owner_id = $2 WHERE id = $1", workspace, anna.userId()))
                .hasMessageContaining("workspaces_owner");
        stock.sql(claimed, workspace, anna.userId());
        assertThatThrownBy(() -> stock.sql("UPDATE workspaces SET trial = true WHERE id = $1", workspace))
                .hasMessageContaining("workspaces_owner");
    }
}
