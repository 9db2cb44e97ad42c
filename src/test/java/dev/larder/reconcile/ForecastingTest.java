package dev.larder.reconcile;

import static dev.larder.reconcile.PoolFixture.NOON;
import static dev.larder.reconcile.PoolFixture.poolWanting;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Forecast;
import dev.larder.model.PauseScope;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetSnapshot.Service;
import dev.larder.model.Rollout;
import dev.larder.model.RolloutPolicy;
import dev.larder.model.RolloutPolicy.Canary;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.RolloutPolicy.Strategy;
import dev.larder.model.RolloutRole;
import dev.larder.model.RolloutState;
import dev.larder.model.Share;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What the next cycles do to a line, step by step. Builds of {@link PoolFixture} took thirty seconds. */
class ForecastingTest {

    private static RolloutPolicy rolling(int surge, int unavailable) {
        return RollingWorldsTest.policy(Share.of(surge), Share.of(unavailable), 0, OnFailure.HOLD);
    }

    private static RolloutPolicy tried(boolean trialClaim) {
        RolloutPolicy plain = rolling(1, 0);
        return new RolloutPolicy(
                Strategy.ROLLING,
                plain.bounds(),
                Optional.of(new Canary(1, true, trialClaim, Duration.ofMinutes(30))),
                OnFailure.HOLD,
                true,
                0,
                plain.deadline());
    }

    private static Service as(RolloutRole role) {
        RolloutState state = role == RolloutRole.CANARY ? RolloutState.CANARY : RolloutState.PROGRESSING;
        return LineWorld.in(LineWorld.rollout(state, NOON), role);
    }

    private static PresetSnapshot before(PoolFixture pool) {
        return pool.serving(as(RolloutRole.BEFORE)).snapshot();
    }

    private static PoolFixture second(int wanted, RolloutPolicy policy) {
        return poolWanting(wanted).version(2).rolling(policy).serving(as(RolloutRole.TARGET));
    }

    private static Forecast forecast(PresetSnapshot... members) {
        return Forecasting.of(Line.of(List.of(members)).getFirst(), NOON, Limits.DEFAULT);
    }

    private static List<String> told(Forecast forecast) {
        return forecast.steps().stream()
                .map(step -> "%s: %s %s of version %d, %d ready"
                        .formatted(step.after(), step.kind(), step.count(), step.version(), step.ready()))
                .toList();
    }

    @Test
    void a_rollout_replaces_one_after_another_and_never_has_fewer_than_are_wanted() {
        Forecast forecast = forecast(
                before(poolWanting(2).ready(2)), second(2, rolling(1, 0)).snapshot());

        assertThat(told(forecast))
                .containsExactly(
                        "0s: create 1 of version 2, 2 ready",
                        "30s: hand_out null of version 2, 3 ready",
                        "30s: delete 1 of version 1, 2 ready",
                        "30s: create 1 of version 2, 2 ready",
                        "1m: delete 1 of version 1, 2 ready",
                        "1m: finish_rollout null of version 2, 2 ready");
        assertThat(forecast.outcome()).isEqualTo("done");
        assertThat(forecast.duration()).isEqualTo("1m");
        assertThat(forecast.lowestReady()).isEqualTo(new Forecast.Lowest(2, "0s"));
        assertThat(forecast.measuredFrom()).isEqualTo(new Forecast.Measured("30s", 2, 1));
    }

    @Test
    void more_surge_takes_less_time() {
        PresetSnapshot old = before(poolWanting(6).ready(6));

        assertThat(forecast(old, second(6, rolling(1, 0)).snapshot()).duration())
                .isEqualTo("3m");
        assertThat(forecast(old, second(6, rolling(3, 0)).snapshot()).duration())
                .isEqualTo("1m");
    }

    @Test
    void what_may_be_unavailable_is_the_lowest_stock() {
        Forecast forecast = forecast(
                before(poolWanting(6).ready(6)), second(6, rolling(0, 2)).snapshot());

        assertThat(forecast.lowestReady().ready()).isEqualTo(4);
        assertThat(forecast.outcome()).isEqualTo("done");
    }

    @Test
    void without_a_rollout_the_stock_of_the_version_before_goes_first() {
        PresetSnapshot old = poolWanting(3).ready(3).inactive().snapshot();
        Forecast forecast = forecast(old, poolWanting(3).version(2).snapshot());

        assertThat(told(forecast))
                .containsExactly(
                        "0s: delete 3 of version 1, 0 ready",
                        "0s: create 3 of version 2, 0 ready",
                        "30s: hand_out null of version 2, 3 ready");
        assertThat(forecast.lowestReady()).isEqualTo(new Forecast.Lowest(0, "0s"));
        assertThat(forecast.duration()).isEqualTo("30s");
    }

    @Test
    void a_canary_passes_before_anything_is_replaced() {
        PresetSnapshot canary =
                second(2, tried(false)).serving(as(RolloutRole.CANARY)).snapshot();
        Forecast forecast = forecast(before(poolWanting(2).rolling(tried(false)).ready(2)), canary);

        assertThat(told(forecast))
                .startsWith(
                        "0s: create 1 of version 2, 2 ready",
                        "30s: pass_canary null of version 2, 2 ready",
                        "30s: delete 1 of version 1, 2 ready");
        assertThat(forecast.outcome()).isEqualTo("done");
    }

    @Test
    void a_canary_that_is_claimed_on_trial_is_gone_when_its_version_is_handed_out() {
        PresetSnapshot canary =
                second(2, tried(true)).serving(as(RolloutRole.CANARY)).snapshot();
        Forecast forecast = forecast(before(poolWanting(2).rolling(tried(true)).ready(2)), canary);

        assertThat(told(forecast))
                .startsWith(
                        "0s: create 1 of version 2, 2 ready",
                        "30s: pass_canary null of version 2, 2 ready",
                        "30s: create 1 of version 2, 2 ready",
                        "1m: hand_out null of version 2, 3 ready");
        assertThat(forecast.outcome()).isEqualTo("done");
    }

    @Test
    void builds_take_a_minute_where_none_was_measured() {
        Forecast forecast = forecast(poolWanting(1).snapshot());

        assertThat(forecast.measuredFrom()).isEqualTo(new Forecast.Measured("1m", 0, null));
        assertThat(forecast.duration()).isEqualTo("1m");
    }

    @Test
    void nine_of_ten_builds_take_as_long_as_is_assumed_or_less() {
        PoolFixture pool = poolWanting(11).ready(10);
        assertThat(forecast(pool.snapshot()).measuredFrom().buildTime()).isEqualTo("30s");
    }

    @Test
    void a_full_pool_has_no_steps() {
        Forecast forecast = forecast(poolWanting(2).ready(2).snapshot());

        assertThat(forecast.steps()).isEmpty();
        assertThat(forecast.outcome()).isEqualTo("done");
        assertThat(forecast.duration()).isEqualTo("0s");
    }

    @Test
    void a_paused_pool_waits_and_says_for_what() {
        Forecast forecast = forecast(
                poolWanting(2).paused("preset", PauseScope.CREATE, null).snapshot());

        assertThat(forecast.outcome()).isEqualTo("waits");
        assertThat(forecast.detail()).isEqualTo("paused: preset, create");
        assertThat(forecast.steps()).isEmpty();
    }

    @Test
    void builds_that_no_worker_takes_are_waited_for() {
        Forecast forecast = forecast(poolWanting(2).withoutWorker().snapshot());

        assertThat(told(forecast)).containsExactly("0s: create 2 of version 1, 0 ready");
        assertThat(forecast.outcome()).isEqualTo("waits");
        assertThat(forecast.detail()).startsWith("no_worker: ");
    }

    @Test
    void a_pause_that_ends_by_its_time_is_waited_for() {
        Instant end = NOON.plus(Duration.ofMinutes(10));
        Forecast forecast =
                forecast(poolWanting(1).paused("preset", PauseScope.CREATE, end).snapshot());

        assertThat(told(forecast))
                .containsExactly("10m: create 1 of version 1, 0 ready", "11m: hand_out null of version 1, 1 ready");
        assertThat(forecast.outcome()).isEqualTo("done");
    }

    @Test
    void creation_goes_on_when_a_backoff_ends() {
        Forecast forecast = forecast(poolWanting(1).failed(1, NOON).snapshot());

        assertThat(told(forecast)).first().asString().isEqualTo("1m: create 1 of version 1, 0 ready");
        assertThat(forecast.outcome()).isEqualTo("done");
    }

    @Test
    void a_preset_that_cannot_be_built_is_marked_once_and_its_rollout_is_held() {
        Forecast forecast = forecast(
                before(poolWanting(2).ready(2)),
                second(2, rolling(1, 0)).missing("size").snapshot());

        assertThat(told(forecast))
                .containsExactly(
                        "0s: hold_rollout null of version 2, 2 ready",
                        "0s: mark_validation_failed null of version 2, 2 ready");
        assertThat(forecast.outcome()).isEqualTo("held");
        assertThat(forecast.lowestReady().ready()).isEqualTo(2);
    }

    @Test
    void a_version_that_no_worker_builds_is_held_at_its_deadline() {
        Forecast forecast = forecast(
                before(poolWanting(2).ready(2)),
                second(2, rolling(1, 0)).withoutWorker().snapshot());

        assertThat(told(forecast))
                .startsWith("0s: create 1 of version 2, 2 ready", "1h: hold_rollout null of version 2, 2 ready");
        assertThat(forecast.outcome()).isEqualTo("held");
    }

    @Test
    void with_on_failure_rollback_the_same_version_is_rolled_back() {
        RolloutPolicy policy = RollingWorldsTest.policy(Share.of(1), Share.of(0), 0, OnFailure.ROLLBACK);
        Forecast forecast = forecast(
                before(poolWanting(2).ready(2)),
                second(2, policy).withoutWorker().snapshot());

        assertThat(told(forecast)).last().asString().isEqualTo("1h: roll_back null of version 2, 2 ready");
        assertThat(forecast.outcome()).isEqualTo("rolled_back");
    }

    @Test
    void a_held_rollout_is_reminded_of_and_has_no_steps() {
        Service held =
                LineWorld.in(LineWorld.rollout(RolloutState.HELD, NOON.minus(Duration.ofDays(3))), RolloutRole.TARGET);
        PresetSnapshot target =
                poolWanting(2).version(2).rolling(rolling(1, 0)).serving(held).snapshot();
        Forecast forecast = forecast(before(poolWanting(2).ready(2)), target);

        assertThat(forecast.steps()).isEmpty();
        assertThat(forecast.outcome()).isEqualTo("held");
    }

    @Test
    void a_paused_rollout_waits() {
        Rollout open = LineWorld.rollout(RolloutState.PROGRESSING, NOON);
        Rollout paused = new Rollout(
                open.id(), open.cause(), open.state(), open.phaseAt(), open.deadlineAt(), open.toldAt(), true, false);
        PresetSnapshot old = poolWanting(2)
                .ready(2)
                .serving(LineWorld.in(paused, RolloutRole.BEFORE))
                .snapshot();
        PresetSnapshot target = second(2, rolling(1, 0))
                .serving(LineWorld.in(paused, RolloutRole.TARGET))
                .snapshot();
        Forecast forecast = forecast(old, target);

        assertThat(forecast.steps()).isEmpty();
        assertThat(forecast.detail()).isEqualTo("the rollout is paused");
    }

    @Test
    void a_schedule_that_begins_on_the_way_changes_how_many_are_wanted() {
        PresetSnapshot target =
                second(4, rolling(1, 0)).scheduled("* 13-14 * * *", 1).snapshot();
        Line line = Line.of(List.of(before(poolWanting(4).ready(4)), target)).getFirst();
        Forecast forecast = Forecasting.of(line, NOON.plus(Duration.ofMinutes(59)), Limits.DEFAULT);

        assertThat(told(forecast)).contains("1m: finish_rollout null of version 2, 1 ready");
        assertThat(forecast.lowestReady()).isEqualTo(new Forecast.Lowest(1, "1m"));
    }

    @Test
    void what_expires_ahead_of_its_time_is_renewed_once() {
        PresetSnapshot pool = poolWanting(2)
                .rolling(rolling(1, 0))
                .expiringAfter(Duration.ofMinutes(10))
                .ready(2, Duration.ofSeconds(595))
                .snapshot();
        Forecast forecast = forecast(pool);

        assertThat(forecast.steps())
                .filteredOn(step -> step.kind().endsWith("_rollout"))
                .extracting(Forecast.Step::kind)
                .containsExactly("begin_rollout", "finish_rollout");
        assertThat(forecast.outcome()).isEqualTo("done");
    }

    @Test
    void a_thousand_by_the_default_surge_are_followed_to_their_end() {
        Forecast forecast = forecast(
                before(poolWanting(1_000).ready(1_000)),
                second(1_000, RolloutPolicy.DEFAULT).snapshot());

        assertThat(forecast.outcome()).isEqualTo("done");
        assertThat(forecast.duration()).isEqualTo("2m");
        assertThat(forecast.lowestReady().ready()).isEqualTo(1_000);
    }

    @Test
    void a_thousand_one_at_a_time_are_cut() {
        Forecast forecast = forecast(
                before(poolWanting(1_000).ready(1_000)),
                second(1_000, rolling(1, 0)).snapshot());

        assertThat(forecast.outcome()).isEqualTo("cut");
        assertThat(forecast.steps()).hasSizeGreaterThan(50);
    }

    @Test
    void a_pool_whose_prebuilds_expire_before_they_are_ready_is_marked() {
        PresetSnapshot slow =
                poolWanting(1).expiringAfter(Duration.ofSeconds(10)).snapshot();
        Forecast forecast = forecast(slow);

        assertThat(forecast.outcome()).isEqualTo("waits");
        assertThat(forecast.steps()).extracting(Forecast.Step::kind).contains("mark_validation_failed");
    }
}
