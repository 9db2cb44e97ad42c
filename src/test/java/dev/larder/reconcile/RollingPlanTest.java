package dev.larder.reconcile;

import static dev.larder.reconcile.PoolFixture.NOON;
import static dev.larder.reconcile.PoolFixture.poolWanting;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.CreationStatus;
import dev.larder.model.JobStatus;
import dev.larder.model.PauseScope;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetSnapshot.Membership;
import dev.larder.model.PresetSnapshot.Service;
import dev.larder.model.PresetStatus;
import dev.larder.model.Rollout;
import dev.larder.model.RolloutCause;
import dev.larder.model.RolloutPolicy;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.RolloutRole;
import dev.larder.model.RolloutState;
import dev.larder.model.Share;
import dev.larder.model.Transition;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What a plan does to the presets of a line, one situation at a time. */
class RollingPlanTest {

    private static final Duration YOUNG = Duration.ofMinutes(5);
    private static final Rollout OPEN = LineWorld.rollout(RolloutState.PROGRESSING, NOON.minusSeconds(600));

    private static PoolFixture target(int wanted, Rollout rollout, RolloutRole role) {
        return poolWanting(wanted)
                .version(2)
                .rolling(RollingWorldsTest.policy(Share.of(1), Share.of(0), 1, OnFailure.HOLD))
                .serving(LineWorld.in(rollout, role));
    }

    private static PoolFixture target(int wanted) {
        return target(wanted, OPEN, RolloutRole.TARGET);
    }

    private static PoolFixture before(int wanted, Rollout rollout) {
        return poolWanting(wanted)
                .version(1)
                .rolling(RolloutPolicy.DEFAULT)
                .serving(LineWorld.in(rollout, RolloutRole.BEFORE));
    }

    private static PoolFixture before(int wanted) {
        return before(wanted, OPEN);
    }

    private static LinePlan plan(Instant at, PoolFixture... pools) {
        return LinePlan.of(
                new Line(Arrays.stream(pools).map(PoolFixture::snapshot).toList()), at, Limits.DEFAULT);
    }

    private static List<Action> of(LinePlan plan, int version) {
        return plan.effects().stream()
                .filter(effect -> effect.preset().identity().version() == version)
                .map(LinePlan.Effect::action)
                .toList();
    }

    private static Action replaced(UUID... ids) {
        return new Action.Delete(List.of(ids), DeleteReason.REPLACED);
    }

    @Test
    void the_surge_is_built_before_anything_old_goes() {
        LinePlan plan = plan(NOON, target(3), before(3).ready(3));

        assertThat(plan.effects()).extracting(LinePlan.Effect::action).containsExactly(new Action.Create(1, 0));
    }

    @Test
    void of_too_many_one_that_is_not_ready_goes_before_a_ready_one_but_not_where_stock_is_replaced_at_once() {
        PoolFixture rolling = PoolFixture.poolWanting(1)
                .rolling(RolloutPolicy.DEFAULT)
                .ready(1)
                .runningButNotReady(1);
        PoolFixture replacing = PoolFixture.poolWanting(1)
                .under(RolloutPolicy.Strategy.REPLACE)
                .ready(1)
                .runningButNotReady(1);

        assertThat(plan(NOON, rolling).effects())
                .extracting(LinePlan.Effect::action)
                .containsExactly(new Action.Delete(List.of(rolling.prebuild(1)), DeleteReason.EXTRANEOUS));
        assertThat(plan(NOON, replacing).effects())
                .extracting(LinePlan.Effect::action)
                .containsExactly(new Action.Delete(List.of(replacing.prebuild(0)), DeleteReason.EXTRANEOUS));
    }

    @Test
    void an_old_one_goes_for_each_fresh_one_that_is_ready_and_the_next_is_built() {
        PoolFixture old = before(3).ready(3);

        LinePlan plan = plan(NOON, target(3).ready(1), old);

        assertThat(of(plan, 1)).containsExactly(replaced(old.prebuild(0)));
        assertThat(of(plan, 2)).containsExactly(new Action.Create(1, 0));
        assertThat(plan.effects().getFirst().action()).isEqualTo(replaced(old.prebuild(0)));
    }

    @Test
    void where_claims_take_fresh_ones_as_fast_as_they_are_built_an_old_one_goes_for_each_build_time() {
        Rollout delivered = new Rollout(
                OPEN.id(), OPEN.cause(), OPEN.state(), OPEN.phaseAt(), OPEN.deadlineAt(), OPEN.toldAt(), false, true);
        PoolFixture old = before(3, delivered).ready(2);

        LinePlan outrun = plan(NOON, target(3, delivered, RolloutRole.TARGET).pending(2), old);

        assertThat(of(outrun, 1)).containsExactly(replaced(old.prebuild(0)));
        assertThat(of(outrun, 2)).containsExactly(new Action.Create(1, 0));
        PoolFixture left = before(3, delivered).ready(1);
        LinePlan taken = plan(NOON, target(3, delivered, RolloutRole.TARGET).ready(1), left);
        assertThat(of(taken, 1)).as("claims have just taken some").containsExactly(replaced(left.prebuild(0)));
        assertThat(of(taken, 2)).containsExactly(new Action.Create(2, 0));
        assertThat(plan(NOON, target(3).pending(2), before(3).ready(2)).effects())
                .as("nothing was built since the last one went")
                .isEmpty();
        assertThat(of(
                        plan(
                                NOON,
                                target(3, delivered, RolloutRole.TARGET).pending(1),
                                before(3, delivered).ready(3)),
                        1))
                .as("no claim took one")
                .isEmpty();
    }

    @Test
    void of_the_old_ones_those_that_are_not_ready_go_first_and_expired_ones_whatever_else_there_is() {
        PoolFixture old = before(2).ready(2).expired(1).runningButNotReady(1);

        LinePlan plan = plan(NOON, target(2), old);

        assertThat(of(plan, 1))
                .containsExactly(
                        new Action.Delete(List.of(old.prebuild(2)), DeleteReason.EXPIRED), replaced(old.prebuild(3)));
    }

    @Test
    void starts_of_the_version_before_that_no_worker_has_begun_make_room_for_the_new_version() {
        PoolFixture old = before(2).ready(1).pending(1);

        LinePlan plan = plan(NOON, target(2), old);

        assertThat(of(plan, 1)).containsExactly(new Action.CancelPending(List.of(old.prebuild(1))));
        assertThat(of(plan, 2)).containsExactly(new Action.Create(2, 0));
    }

    @Test
    void a_scale_down_takes_the_version_before_first_and_nothing_wanted_takes_all() {
        PoolFixture old = before(1).ready(2);
        PoolFixture fresh = target(0).ready(1);

        assertThat(of(plan(NOON, target(1).ready(1), old), 1))
                .containsExactly(replaced(old.prebuild(0), old.prebuild(1)));
        assertThat(plan(NOON, fresh, old).effects())
                .extracting(LinePlan.Effect::action)
                .containsExactlyInAnyOrder(
                        replaced(old.prebuild(0), old.prebuild(1)),
                        new Action.Delete(List.of(fresh.prebuild(0)), DeleteReason.EXTRANEOUS));
    }

    @Test
    void while_the_new_version_waits_after_failures_the_one_before_is_refilled() {
        LinePlan plan = plan(NOON, target(3).failed(1, NOON), before(3).ready(1));

        assertThat(of(plan, 2)).isEmpty();
        assertThat(of(plan, 1)).containsExactly(new Action.Create(2, 0));
    }

    @Test
    void while_no_worker_takes_the_new_version_the_one_before_is_refilled_and_a_surge_of_starts_stays_in_the_queue() {
        PoolFixture waiting = target(3).pending(3).withoutWorker();

        LinePlan missing = plan(NOON, waiting, before(3).ready(1));
        LinePlan held = plan(
                NOON,
                target(3).pending(1).placeHeldUntil(NOON.plusSeconds(60)),
                before(3).ready(1));

        assertThat(of(missing, 2))
                .containsExactly(new Action.CancelPending(List.of(waiting.prebuild(1), waiting.prebuild(2))));
        assertThat(of(missing, 1)).containsExactly(new Action.Create(2, 0));
        assertThat(of(held, 2)).isEmpty();
        assertThat(of(held, 1)).containsExactly(new Action.Create(2, 0));
        assertThat(plan(
                                NOON,
                                target(3).pending(1).withoutWorker(),
                                before(3).ready(1).pending(2))
                        .effects())
                .as("the second plan")
                .isEmpty();
    }

    @Test
    void without_surge_one_start_waits_for_a_worker_in_place_of_what_may_be_unavailable() {
        RolloutPolicy oneLess = RollingWorldsTest.policy(Share.of(0), Share.of(1), 0, OnFailure.HOLD);
        PoolFixture old = before(3).ready(3);

        LinePlan first = plan(NOON, target(3).rolling(oneLess).withoutWorker(), old);

        assertThat(of(first, 1)).containsExactly(replaced(old.prebuild(0)));
        assertThat(of(first, 2)).containsExactly(new Action.Create(1, 0));
        assertThat(plan(
                                NOON,
                                target(3).rolling(oneLess).pending(1).withoutWorker(),
                                before(3).ready(2))
                        .effects())
                .isEmpty();
    }

    @Test
    void where_no_worker_takes_either_version_the_new_one_waits() {
        LinePlan plan = plan(
                NOON, target(3).pending(3).withoutWorker(), before(3).ready(1).withoutWorker());

        assertThat(plan.effects()).isEmpty();
    }

    @Test
    void starts_of_a_held_version_that_no_worker_has_begun_make_room_for_the_version_before() {
        Rollout held = OPEN.in(RolloutState.HELD, NOON, NOON);
        PoolFixture waiting = target(3, held, RolloutRole.TARGET).pending(2);

        LinePlan plan = plan(NOON, waiting, before(3, held).ready(1));

        assertThat(of(plan, 2))
                .containsExactly(new Action.CancelPending(List.of(waiting.prebuild(0), waiting.prebuild(1))));
        assertThat(of(plan, 1)).containsExactly(new Action.Create(2, 0));
    }

    @Test
    void what_may_be_unavailable_is_not_taken_while_the_new_version_cannot_be_built() {
        RolloutPolicy oneLess = RollingWorldsTest.policy(Share.of(0), Share.of(1), 0, OnFailure.HOLD);

        assertThat(of(plan(NOON, target(3).rolling(oneLess), before(3).ready(3)), 1))
                .hasSize(1);
        assertThat(plan(
                                NOON,
                                target(3).rolling(oneLess).failed(1, NOON),
                                before(3).ready(3))
                        .effects())
                .isEmpty();
    }

    @Test
    void a_new_version_that_never_was_ready_is_held_at_its_hard_limit_and_the_one_before_is_refilled() {
        LinePlan plan =
                plan(NOON, target(3).attemptsFailed(true, true, true), before(3).ready(1));

        assertThat(plan.step()).contains(new RolloutStep.Hold("hard_limited", "the newest 3 attempts all failed"));
        assertThat(of(plan, 1)).containsExactly(new Action.Create(2, 0));
    }

    @Test
    void a_rollout_is_held_when_nothing_became_ready_by_its_deadline() {
        Instant deadline = OPEN.deadlineAt();

        assertThat(plan(deadline, target(1).pending(1), before(1).ready(1)).step())
                .isEmpty();
        LinePlan late =
                plan(deadline.plusMillis(1), target(1).pending(1), before(1).ready(1));
        assertThat(late.step()).contains(new RolloutStep.Hold("deadline", "nothing more became ready by the deadline"));
        assertThat(plan(NOON, target(1).pending(1), before(1).ready(1)).nextLook())
                .contains(deadline.plusMillis(1));
    }

    @Test
    void a_deadline_does_not_condemn_a_version_of_which_as_many_as_wanted_are_ready() {
        Instant late = NOON.plus(Duration.ofHours(2));
        PoolFixture removed = before(2).with(Transition.DELETE, JobStatus.RUNNING);

        assertThat(plan(late, target(2).ready(2), removed).step()).isEmpty();
        assertThat(plan(late, target(2).ready(1), removed).step()).isPresent();
        assertThat(plan(late, target(2).ready(1), before(2)).step()).contains(new RolloutStep.Finish());
    }

    @Test
    void no_deadline_holds_in_a_pause_at_any_level_and_it_counts_from_the_end_of_one_that_ended_by_its_time() {
        Rollout tried = OPEN.in(RolloutState.CANARY, NOON, NOON.plusSeconds(60));
        Instant late = NOON.plus(Duration.ofHours(5));
        for (String level : List.of("deployment", "organization", "template", "preset")) {
            PoolFixture canary = target(3, tried, RolloutRole.CANARY).paused(level, PauseScope.CREATE, late);
            PoolFixture served = target(3).paused(level, PauseScope.CREATE, late);

            assertThat(plan(late.minusMillis(1), canary, before(3, tried).ready(3))
                            .step())
                    .isEmpty();
            assertThat(plan(late.minusMillis(1), served, before(3).ready(3)).step())
                    .isEmpty();
            Instant canaryEnds = late.plus(Duration.ofMinutes(30));
            Instant servedEnds = late.plus(Duration.ofHours(1));
            assertThat(plan(canaryEnds, canary, before(3, tried).ready(3)).step())
                    .isEmpty();
            assertThat(plan(canaryEnds.plusMillis(1), canary, before(3, tried).ready(3))
                            .step())
                    .isPresent();
            assertThat(plan(servedEnds, served, before(3).ready(3)).step()).isEmpty();
            assertThat(plan(servedEnds.plusMillis(1), served, before(3).ready(3))
                            .step())
                    .isPresent();
        }
    }

    @Test
    void stale_stock_does_not_count_for_the_deadline_of_a_renewal() {
        Rollout renewal = new Rollout(
                OPEN.id(), RolloutCause.INVALIDATION, OPEN.state(), NOON, NOON.plusSeconds(60), NOON, false, false);
        Instant late = NOON.plus(Duration.ofHours(2));

        assertThat(plan(late, target(2, renewal, RolloutRole.TARGET).ready(2).staleFrom(NOON))
                        .step())
                .isPresent();
    }

    @Test
    void each_ready_one_gives_the_rollout_its_time_anew() {
        PoolFixture fresh = target(2).ready(1, YOUNG);
        Instant again = NOON.minus(YOUNG).plusSeconds(30).plus(Duration.ofHours(1));

        assertThat(plan(again, fresh, before(2).ready(2)).step()).isEmpty();
        assertThat(plan(again.plusMillis(1), fresh, before(2).ready(2)).step()).isPresent();
    }

    @Test
    void a_canary_is_built_beside_the_version_before_which_stays_as_it_is() {
        Rollout tried = OPEN.in(RolloutState.CANARY, NOON, NOON.plusSeconds(60));

        LinePlan plan = plan(
                NOON, target(3, tried, RolloutRole.CANARY), before(3, tried).ready(2));

        assertThat(of(plan, 2)).containsExactly(new Action.Create(1, 0));
        assertThat(of(plan, 1)).containsExactly(new Action.Create(1, 0));
        assertThat(plan.members().getFirst().plan().state().eligible()).isZero();
    }

    @Test
    void a_pause_of_the_rollout_keeps_both_versions_and_the_new_one_refills() {
        Rollout paused = new Rollout(
                OPEN.id(), OPEN.cause(), OPEN.state(), OPEN.phaseAt(), OPEN.deadlineAt(), OPEN.toldAt(), true, false);

        LinePlan full = plan(
                OPEN.deadlineAt().plusMillis(1),
                target(3, paused, RolloutRole.TARGET).ready(1),
                before(3, paused).ready(2));
        LinePlan lacking = plan(
                NOON,
                target(3, paused, RolloutRole.TARGET).ready(1),
                before(3, paused).ready(1));

        assertThat(full.isEmpty()).isTrue();
        assertThat(of(lacking, 2)).containsExactly(new Action.Create(1, 0));
        assertThat(of(lacking, 1)).isEmpty();
    }

    @Test
    void a_pause_of_the_preset_stands_above_the_rollout() {
        LinePlan created = plan(
                NOON,
                target(3).ready(1).paused("preset", PauseScope.CREATE, null),
                before(3).ready(3));
        LinePlan all = plan(
                NOON,
                target(3).ready(1).paused("preset", PauseScope.ALL, null),
                before(3).ready(3).expired(1));

        assertThat(of(created, 2)).isEmpty();
        assertThat(of(created, 1)).hasSize(1);
        assertThat(all.isEmpty()).isTrue();
    }

    @Test
    void a_held_rollout_is_told_of_again_each_day() {
        Rollout held = OPEN.in(RolloutState.HELD, NOON, NOON);
        PoolFixture fresh = target(1, held, RolloutRole.TARGET);
        PoolFixture old = before(1, held).ready(1, YOUNG);
        Instant tomorrow = NOON.plus(Duration.ofDays(1));

        assertThat(plan(tomorrow.minusMillis(1), fresh, old).step()).isEmpty();
        assertThat(plan(tomorrow, fresh, old).step()).contains(new RolloutStep.Remind());
        assertThat(plan(NOON, fresh, old).nextLook()).contains(tomorrow);
    }

    @Test
    void a_rollout_is_done_when_nothing_of_the_version_before_is_left_and_a_fresh_one_runs() {
        assertThat(plan(NOON, target(3), before(3)).step()).isEmpty();
        assertThat(plan(NOON, target(3).ready(1), before(3)).step()).contains(new RolloutStep.Finish());
        assertThat(plan(NOON, target(0), before(0)).step()).contains(new RolloutStep.Finish());
    }

    @Test
    void what_was_stopped_for_good_is_not_left_of_the_version_before() {
        PoolFixture stopping = before(3).with(Transition.STOP, JobStatus.PENDING);
        PoolFixture stopped = before(3).with(Transition.STOP, JobStatus.SUCCEEDED);

        assertThat(plan(NOON, target(3).ready(3), stopping).step()).isEmpty();
        assertThat(plan(NOON, target(3).ready(3), stopped).step()).contains(new RolloutStep.Finish());
    }

    private static final Rollout HELD = OPEN.in(RolloutState.HELD, NOON, NOON.plusSeconds(60));

    private static Plan planOf(LinePlan plan, PoolFixture pool) {
        return plan.of(pool.snapshot().id()).orElseThrow().plan();
    }

    @Test
    void a_held_version_says_that_it_is_held_and_the_one_before_that_it_is_refilled() {
        PoolFixture held = target(2, HELD, RolloutRole.TARGET);
        PoolFixture refilled = before(2, HELD);

        LinePlan plan = plan(NOON, held, refilled);

        assertThat(planOf(plan, held).holds()).containsExactly(new Blocker.RolloutHeld());
        assertThat(planOf(plan, refilled).desired()).isEqualTo(new Desired(2, new Desired.Reason.Refilled()));
        assertThat(PlannedStatuses.standing(planOf(plan, refilled))).isEqualTo(CreationStatus.GOES_ON);
        assertThat(of(plan, 1)).containsExactly(new Action.Create(2, 0));
    }

    @Test
    void a_held_version_is_built_where_the_one_before_cannot_be_and_nothing_is_replaced() {
        PoolFixture held = target(2, HELD, RolloutRole.TARGET);
        PoolFixture failed = before(2, HELD)
                .ready(1)
                .attemptsFailed(true, true, true)
                .marked(PresetStatus.HARD_LIMITED, "its newest attempts failed");
        PoolFixture unserved = before(2, HELD).ready(1).withoutWorker();

        LinePlan plan = plan(NOON, held, failed);

        assertThat(of(plan, 2)).containsExactly(new Action.Create(1, 0));
        assertThat(of(plan, 1)).isEmpty();
        assertThat(planOf(plan, held).holds()).isEmpty();
        assertThat(planOf(plan, failed).holds()).containsExactly(new Blocker.HardLimited("its newest attempts failed"));
        assertThat(of(plan(NOON, held, unserved), 2)).containsExactly(new Action.Create(1, 0));
    }

    @Test
    void where_neither_version_can_be_built_each_says_why() {
        PoolFixture held = target(2, HELD, RolloutRole.TARGET)
                .attemptsFailed(true, true, true)
                .marked(PresetStatus.HARD_LIMITED, "the new one fails");
        PoolFixture before = before(2, HELD).marked(PresetStatus.VALIDATION_FAILED, "the old one has no value");
        PoolFixture canary = target(2, HELD, RolloutRole.CANARY);

        LinePlan plan = plan(NOON, held, before);

        assertThat(plan.effects()).isEmpty();
        assertThat(planOf(plan, held).holds()).containsExactly(new Blocker.HardLimited("the new one fails"));
        assertThat(planOf(plan, before).holds())
                .containsExactly(new Blocker.ValidationFailed("the old one has no value"));
        LinePlan tried = plan(NOON, canary, before);
        assertThat(tried.effects()).as("a canary is not served").isEmpty();
        assertThat(planOf(tried, canary).holds()).containsExactly(new Blocker.RolloutHeld());
    }

    @Test
    void the_version_that_the_rollout_began_from_is_refilled_whatever_its_number() {
        Rollout held = OPEN.in(RolloutState.HELD, NOON, NOON.plusSeconds(60));
        PoolFixture origin = before(2, held)
                .serving(new Service(
                        false, true, Optional.of(new Membership(RolloutRole.BEFORE, held, null, List.of(), true))));
        PoolFixture newer = before(2, held).version(3).ready(1);

        LinePlan plan = plan(NOON, newer, target(2, held, RolloutRole.TARGET), origin);
        LinePlan inCanary = plan(
                NOON,
                newer,
                target(2, OPEN.in(RolloutState.CANARY, NOON, NOON.plusSeconds(60)), RolloutRole.CANARY),
                origin);

        assertThat(of(plan, 1)).containsExactly(new Action.Create(1, 0));
        assertThat(of(plan, 3)).isEmpty();
        assertThat(of(inCanary, 1)).containsExactly(new Action.Create(2, 0));
        assertThat(of(inCanary, 3)).isEmpty();
    }

    @Test
    void a_promotion_is_done_although_something_of_the_new_version_expires_soon() {
        Duration almost = YOUNG.plusSeconds(30);
        PoolFixture expiring = target(2).ready(2).expiringAfter(almost);
        PoolFixture alone = poolWanting(2)
                .version(2)
                .rolling(RolloutPolicy.DEFAULT)
                .ready(2)
                .expiringAfter(almost);

        assertThat(plan(NOON, expiring, before(2)).step()).contains(new RolloutStep.Finish());
        assertThat(plan(NOON, alone).step()).contains(new RolloutStep.Begin(RolloutCause.EXPIRY));
    }

    @Test
    void a_promotion_is_done_although_claims_have_taken_all_that_the_new_version_had() {
        PoolFixture taken = target(2).serving(readyAt(OPEN, NOON.minusSeconds(10)));

        assertThat(plan(NOON, taken, before(2)).step()).contains(new RolloutStep.Finish());
    }

    /** The target, of which one became ready at that time. */
    private static Service readyAt(Rollout rollout, Instant ready) {
        return new Service(true, true, Optional.of(new Membership(RolloutRole.TARGET, rollout, ready, List.of())));
    }

    @Test
    void a_rollout_whose_version_is_not_active_any_more_is_superseded_and_nothing_of_it_stays() {
        PoolFixture old = before(1).ready(1);
        PoolFixture withdrawn = target(1)
                .ready(1)
                .serving(new Service(
                        false, false, LineWorld.in(OPEN, RolloutRole.TARGET).membership()));

        LinePlan plan = plan(NOON, withdrawn, old);

        assertThat(plan.step()).contains(new RolloutStep.Supersede("target_not_active"));
        assertThat(of(plan, 1)).containsExactly(new Action.Delete(List.of(old.prebuild(0)), DeleteReason.INACTIVE));
        assertThat(of(plan, 2)).hasSize(1);
    }

    // Renewal of one version's stock

    private static PoolFixture rolling(int wanted) {
        return poolWanting(wanted).rolling(RolloutPolicy.DEFAULT);
    }

    @Test
    void what_was_invalidated_softly_stays_until_a_fresh_one_is_ready() {
        PoolFixture stale = rolling(2).ready(2).staleFrom(NOON);

        LinePlan plan = plan(NOON, stale);

        assertThat(plan.step()).contains(new RolloutStep.Begin(RolloutCause.INVALIDATION));
        assertThat(plan.effects()).extracting(LinePlan.Effect::action).containsExactly(new Action.Create(1, 0));
        assertThat(plan.members().getFirst().plan().state().eligible()).isEqualTo(2);
    }

    @Test
    void under_replace_nothing_is_begun_ahead() {
        PoolFixture stale = poolWanting(2).ready(2).staleFrom(NOON).expiringAfter(Duration.ofMinutes(6));

        assertThat(plan(NOON, stale).isEmpty()).isTrue();
    }

    @Test
    void a_replacement_is_begun_a_build_before_the_old_one_expires_and_the_waves_before_it_earlier() {
        // Built in 30 s, created at 11:55:00 and a second later each, with a surge of one.
        PoolFixture pool = rolling(3).ready(3).expiringAfter(Duration.ofMinutes(8));
        Instant lastEnds = NOON.minus(YOUNG).plusSeconds(2).plus(Duration.ofMinutes(8));
        Instant firstWave = lastEnds.minusSeconds(90);

        assertThat(plan(firstWave.minusMillis(1), pool).isEmpty()).isTrue();
        assertThat(plan(firstWave.minusMillis(1), pool).nextLook()).contains(firstWave);
        assertThat(plan(firstWave, pool).step()).contains(new RolloutStep.Begin(RolloutCause.EXPIRY));
        assertThat(plan(firstWave, pool).effects())
                .extracting(LinePlan.Effect::action)
                .containsExactly(new Action.Create(1, 0));
    }

    @Test
    void later_builds_of_a_prebuild_do_not_hide_how_long_its_first_start_took() {
        // Created at 11:55:00 and a second later each; checked since, and back in stock.
        PoolFixture checked = rolling(2).checked(2, Duration.ofSeconds(30)).expiringAfter(Duration.ofMinutes(8));
        Instant lastEnds = NOON.minus(YOUNG).plusSeconds(1).plus(Duration.ofMinutes(8));

        assertThat(plan(lastEnds.minusSeconds(60).minusMillis(1), checked).isEmpty())
                .isTrue();
        assertThat(plan(lastEnds.minusSeconds(60), checked).step())
                .contains(new RolloutStep.Begin(RolloutCause.EXPIRY));
    }

    @Test
    void where_no_prebuild_tells_how_long_a_build_takes_past_builds_do() {
        PoolFixture unknown = rolling(1).checked(1, null).expiringAfter(Duration.ofMinutes(8));
        PresetSnapshot told = unknown.snapshot().withUsualBuild(Duration.ofSeconds(40));
        Instant ends = NOON.minus(YOUNG).plus(Duration.ofMinutes(8));

        assertThat(plan(ends.minusSeconds(1), unknown).isEmpty()).isTrue();
        assertThat(BuildTimes.asksForPastBuilds(unknown.snapshot())).isTrue();
        assertThat(Staleness.of(told, ends.minusSeconds(40)).cause()).contains(RolloutCause.EXPIRY);
        assertThat(Staleness.of(told, ends.minusSeconds(41)).cause()).isEmpty();
    }

    @Test
    void no_replacement_is_begun_before_half_of_the_time_in_stock_is_over() {
        PoolFixture pool = rolling(1).ready(1).expiringAfter(Duration.ofSeconds(40));
        Instant created = NOON.minus(YOUNG);

        assertThat(plan(created.plusSeconds(20).minusMillis(1), pool).isEmpty()).isTrue();
        assertThat(plan(created.plusSeconds(20), pool).step()).contains(new RolloutStep.Begin(RolloutCause.EXPIRY));
    }

    @Test
    void without_surge_a_ttl_is_as_it_was() {
        PoolFixture pool = poolWanting(2)
                .rolling(RollingWorldsTest.policy(Share.of(0), Share.of(1), 0, OnFailure.HOLD))
                .ready(2)
                .expiringAfter(Duration.ofMinutes(6));

        assertThat(plan(NOON, pool).isEmpty()).isTrue();
        assertThat(plan(NOON.plusSeconds(61), pool).effects())
                .extracting(LinePlan.Effect::action)
                .containsExactly(
                        new Action.Delete(List.of(pool.prebuild(0)), DeleteReason.EXPIRED), new Action.Create(1, 0));
    }

    @Test
    void a_renewal_that_is_held_goes_on_and_is_done_when_nothing_is_stale() {
        Rollout held =
                new Rollout(OPEN.id(), RolloutCause.INVALIDATION, RolloutState.HELD, NOON, NOON, NOON, false, false);

        LinePlan goesOn =
                plan(NOON, target(2, held, RolloutRole.TARGET).ready(2).staleFrom(NOON));
        LinePlan done = plan(NOON, target(2, held, RolloutRole.TARGET).ready(2));

        assertThat(of(goesOn, 2)).containsExactly(new Action.Create(1, 0));
        assertThat(done.step()).contains(new RolloutStep.Finish());
    }

    @Test
    void a_renewal_that_is_held_ends_when_something_became_ready_although_more_is_stale() {
        Rollout held = new Rollout(OPEN.id(), RolloutCause.EXPIRY, RolloutState.HELD, NOON, NOON, NOON, false, false);
        PoolFixture stale = target(2, held, RolloutRole.TARGET).ready(2).staleFrom(NOON);

        assertThat(plan(NOON.plusSeconds(1), stale).step()).isEmpty();
        assertThat(plan(NOON.plusSeconds(1), stale.serving(readyAt(held, NOON.plusSeconds(1))))
                        .step())
                .contains(new RolloutStep.Finish());
    }

    @Test
    void a_hard_limited_canary_says_nothing_to_the_version_before() {
        Rollout tried = OPEN.in(RolloutState.CANARY, NOON, NOON.plusSeconds(60));

        LinePlan plan = plan(
                NOON,
                target(1, tried, RolloutRole.CANARY).marked(PresetStatus.HARD_LIMITED, "it was"),
                before(1, tried));

        assertThat(of(plan, 1)).containsExactly(new Action.Create(1, 0));
    }
}
