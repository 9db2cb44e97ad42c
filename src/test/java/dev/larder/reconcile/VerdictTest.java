package dev.larder.reconcile;

import static dev.larder.reconcile.PoolFixture.NOON;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.CanaryEvidence;
import dev.larder.model.Rollout;
import dev.larder.model.RolloutPolicy.Canary;
import dev.larder.model.RolloutState;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VerdictTest {

    private static final UUID WORKSPACE = new UUID(0x7000L, 0x8000_0000_0000_0009L);
    private static final UUID JOB = new UUID(0x7000L, 0x8000_0000_0000_000aL);
    private static final Canary TWO = canary(2, false, false);
    private static final Rollout ROLLOUT = LineWorld.rollout(RolloutState.CANARY, NOON);

    private static Canary canary(int instances, boolean verify, boolean trialClaim) {
        return new Canary(instances, verify, trialClaim, Duration.ofHours(1));
    }

    private static Verdict verdict(Canary declared, Instant at, CanaryEvidence... canaries) {
        return Verdict.of(declared, List.of(canaries), ROLLOUT.deadlineAt(), at);
    }

    private static CanaryEvidence ready(boolean verified, boolean tried) {
        return new CanaryEvidence(WORKSPACE, true, Optional.empty(), verified, tried);
    }

    private static CanaryEvidence failed(boolean ready, String blame) {
        return new CanaryEvidence(
                WORKSPACE, ready, Optional.of(new CanaryEvidence.Failed(JOB, blame, "script_failed")), false, false);
    }

    @Test
    void as_many_ready_ones_as_declared_pass() {
        assertThat(verdict(TWO, NOON, ready(false, false), CanaryEvidence.begun(WORKSPACE)))
                .isEqualTo(new Verdict.Undecided("1 of 2 are ready"));
        assertThat(verdict(TWO, NOON, ready(false, false), ready(false, false))).isEqualTo(new Verdict.Passed());
    }

    @Test
    void each_is_verified_where_that_is_asked() {
        Canary verified = canary(2, true, false);

        assertThat(verdict(verified, NOON, ready(true, false), ready(false, false)))
                .isEqualTo(new Verdict.Undecided("1 of 2 are verified"));
        assertThat(verdict(verified, NOON, ready(true, false), ready(true, false)))
                .isEqualTo(new Verdict.Passed());
    }

    @Test
    void one_trial_claim_is_enough_where_it_is_asked() {
        Canary tried = canary(2, false, true);

        assertThat(verdict(tried, NOON, ready(true, false), ready(true, false)))
                .isEqualTo(new Verdict.Undecided("the trial claim has not ended"));
        assertThat(verdict(tried, NOON, ready(true, false), ready(true, true))).isEqualTo(new Verdict.Passed());
    }

    @Test
    void a_failure_of_the_version_condemns_it_at_once_and_names_the_job() {
        assertThat(verdict(TWO, NOON, ready(true, true), failed(true, "template")))
                .isEqualTo(new Verdict.Failed("canary_failed", "job " + JOB + " failed with script_failed"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"place", "quota", "worker", "passing"})
    void a_failure_of_another_kind_delays_and_never_condemns(String blame) {
        assertThat(verdict(TWO, NOON, ready(true, true), failed(false, blame)))
                .isEqualTo(new Verdict.Undecided("1 of 2 are ready"));
        assertThat(verdict(TWO, NOON, ready(true, true), failed(false, blame), ready(true, true)))
                .isEqualTo(new Verdict.Passed());
    }

    @Test
    void the_deadline_is_inclusive_and_one_that_passed_in_time_passes_after_it() {
        Instant deadline = ROLLOUT.deadlineAt();

        assertThat(verdict(TWO, deadline, ready(true, true))).isInstanceOf(Verdict.Undecided.class);
        assertThat(verdict(TWO, deadline.plusMillis(1), ready(true, true)))
                .isEqualTo(new Verdict.Failed(
                        "canary_deadline", "the canary did not pass by its deadline: 1 of 2 are ready"));
        assertThat(verdict(TWO, deadline.plusMillis(1), ready(true, true), ready(true, true)))
                .isEqualTo(new Verdict.Passed());
    }
}
