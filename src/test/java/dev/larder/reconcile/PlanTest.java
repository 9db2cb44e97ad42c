package dev.larder.reconcile;

import static dev.larder.reconcile.PoolFixture.NOON;
import static dev.larder.reconcile.PoolFixture.poolWanting;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Failures;
import dev.larder.model.JobStatus;
import dev.larder.model.Pause;
import dev.larder.model.PauseScope;
import dev.larder.model.PresetStatus;
import dev.larder.model.Transition;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PlanTest {

    private static final Instant BEFORE_NOON = NOON.minusNanos(1);
    private static final Instant AFTER_NOON = NOON.plusNanos(1);

    // Counts

    @Test
    void counts_each_prebuild_by_its_latest_build() {
        var pool = poolWanting(1)
                .expired(2)
                .ready(3)
                .runningButNotReady(1)
                .building(1)
                .pending(1)
                .with(Transition.START, JobStatus.CANCELING)
                .with(Transition.START, JobStatus.FAILED)
                .with(Transition.STOP, JobStatus.RUNNING)
                .with(Transition.STOP, JobStatus.SUCCEEDED)
                .with(Transition.DELETE, JobStatus.PENDING)
                .with(Transition.DELETE, JobStatus.RUNNING)
                .with(Transition.DELETE, JobStatus.FAILED);

        assertThat(pool.planAtNoon().state()).isEqualTo(new PoolState(1, 6, 2, 3, 3, 2, 1, 2));
        assertThat(pool.inactive().planAtNoon().state()).isEqualTo(new PoolState(0, 6, 2, 0, 0, 2, 1, 2));
    }

    @Test
    void expired_is_older_than_the_ttl_and_not_yet_at_it() {
        var pool = poolWanting(1).ready(1, Duration.ofHours(1)).expiringAfter(Duration.ofHours(1));

        assertThat(pool.planAtNoon().state().expired()).isZero();
        assertThat(pool.planAt(AFTER_NOON).effects())
                .containsExactly(
                        new Action.Delete(List.of(pool.prebuild(0)), DeleteReason.EXPIRED), new Action.Create(1, 0));
    }

    @Test
    void the_oldest_of_too_many_are_deleted() {
        var pool = poolWanting(1).ready(1, Duration.ofMinutes(1)).ready(2, Duration.ofMinutes(9));

        assertThat(pool.planAtNoon().effects())
                .containsExactly(
                        new Action.Delete(List.of(pool.prebuild(1), pool.prebuild(2)), DeleteReason.EXTRANEOUS));
    }

    @Test
    void what_is_starting_counts_but_is_not_cancelled_when_it_is_too_much() {
        assertThat(poolWanting(1).pending(3).planAtNoon().effects()).isEmpty();
        assertThat(poolWanting(5)
                        .ready(1)
                        .building(1)
                        .pending(1)
                        .attempted(4)
                        .planAtNoon()
                        .effects())
                .containsExactly(new Action.Create(2, 4));
    }

    @Test
    void an_absurd_count_is_clamped_to_what_is_wanted_and_said() {
        var impossible = new PoolState(3, -4, 0, 0, 0, 0, 0, 0);
        var sane = new PoolState(3, 0, 0, 0, 0, 0, 0, 0);

        assertThat(impossible.missing()).isEqualTo(7);
        assertThat(impossible.absurd()).isTrue();
        assertThat(impossible.creatable()).isEqualTo(3);
        assertThat(sane.absurd()).isFalse();
        assertThat(sane.creatable()).isEqualTo(3);
    }

    // Desired

    @Test
    void says_which_schedule_decided() {
        var pool = poolWanting(1).in("Europe/Berlin").scheduled("* 1 * * *", 9).scheduled("* 13 * * 1-5", 4);

        assertThat(pool.planAtNoon().desired())
                .isEqualTo(new Desired(4, new Desired.Reason.BySchedule(1, "* 13 * * 1-5")));
        assertThat(pool.planAt(NOON.plus(Duration.ofHours(1))).desired())
                .isEqualTo(new Desired(1, new Desired.Reason.Base()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "UTC          | * 12 * * * | 0 13 * * *",
                "UTC          | * 12 * * * | nonsense",
                "UTC          | * 12 * * * | * 11-13 * * *",
                "Moon/Tycho   | * 12 * * * | * 13 * * *",
            })
    void uses_the_base_where_schedules_are_unusable(String zone, String first, String second) {
        var pool = poolWanting(1).in(zone).scheduled(first, 5).scheduled(second, 6);

        Desired desired = pool.planAtNoon().desired();

        assertThat(desired.instances()).isEqualTo(1);
        assertThat(desired.reason()).isInstanceOf(Desired.Reason.ScheduleUnusable.class);
    }

    // Backoff

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void backoff_holds_at_its_last_instant_and_no_longer(int failures) {
        Instant until = NOON;
        var pool = poolWanting(1).failed(failures, until.minus(Duration.ofMinutes(failures)));

        assertThat(pool.planAt(BEFORE_NOON).holds()).containsExactly(new Blocker.Backoff(until, failures));
        assertThat(pool.planAt(NOON).holds()).containsExactly(new Blocker.Backoff(until, failures));
        assertThat(pool.planAt(NOON).effects()).isEmpty();
        assertThat(pool.planAt(AFTER_NOON).holds()).isEmpty();
        assertThat(pool.planAt(AFTER_NOON).effects()).containsExactly(new Action.Create(1, 0));
    }

    @Test
    void backoff_holds_creation_only() {
        var pool = poolWanting(2).expired(1).failed(1, NOON);

        Plan plan = pool.planAtNoon();

        assertThat(plan.effects()).containsExactly(new Action.Delete(List.of(pool.prebuild(0)), DeleteReason.EXPIRED));
        assertThat(plan.holds()).containsExactly(new Blocker.Backoff(NOON.plusSeconds(60), 1));
    }

    @Test
    void a_pool_that_misses_nothing_is_not_held_back() {
        assertThat(poolWanting(1).ready(1).failed(3, NOON).planAtNoon().holds()).isEmpty();
    }

    @Test
    void only_the_newest_builds_as_many_as_are_wanted_now_cause_backoff() {
        var failures = new Failures(List.of(NOON.minusSeconds(1)), List.of(false, false, true), List.of());
        var second = new Failures(List.of(NOON.minusSeconds(1)), List.of(false, true), List.of());

        assertThat(poolWanting(1).failing(second).planAtNoon().holds()).isEmpty();
        assertThat(poolWanting(2).failing(second).planAtNoon().holds()).hasSize(1);
        assertThat(poolWanting(2).failing(failures).planAtNoon().holds()).isEmpty();
        assertThat(poolWanting(3).failing(failures).planAtNoon().holds()).hasSize(1);
    }

    @Test
    void failures_are_forgotten_once_the_lookback_has_passed_at_the_planned_instant() {
        var failures = new Failures(
                List.of(NOON.minusSeconds(1), NOON.minus(Duration.ofHours(1))), List.of(true, true), List.of());
        var pool = poolWanting(1).failing(failures);

        assertThat(pool.planAtNoon().holds()).containsExactly(new Blocker.Backoff(NOON.plusSeconds(119), 2));
        assertThat(pool.planAt(AFTER_NOON).holds()).containsExactly(new Blocker.Backoff(NOON.plusSeconds(59), 1));
        assertThat(pool.planAt(NOON.plus(Duration.ofHours(2))).creates()).isEqualTo(1);
    }

    @Test
    void a_failure_dated_in_the_future_does_not_count() {
        Duration hour = Duration.ofHours(1);

        assertThat(poolWanting(1).failed(2, NOON.plus(hour)).planAtNoon().creates())
                .isEqualTo(1);
        var one = new Failures(List.of(NOON.plus(hour), NOON), List.of(true, true), List.of());
        assertThat(poolWanting(1).failing(one).planAtNoon().holds())
                .containsExactly(new Blocker.Backoff(NOON.plusSeconds(60), 1));
    }

    @Test
    void a_failure_that_another_process_dated_a_moment_ahead_counts() {
        assertThat(poolWanting(1).failed(1, NOON.plusSeconds(5)).planAtNoon().holds())
                .containsExactly(new Blocker.Backoff(NOON.plusSeconds(65), 1));
        assertThat(poolWanting(1)
                        .failed(1, NOON.plusSeconds(5).plusMillis(1))
                        .planAtNoon()
                        .holds())
                .isEmpty();
    }

    // Hard limit

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "3 | true,true,true        | true",
                "3 | true,true,true,false  | true",
                "3 | true,true             | false",
                "3 | false,true,true,true  | false",
                "3 | true,true,false,true  | false",
                "1 | true                  | true",
                "0 | true,true,true        | false",
            })
    void the_hard_limit_is_reached_when_that_many_newest_attempts_all_failed(
            int limit, String newest, boolean reached) {
        Boolean[] attempts =
                List.of(newest.split(",")).stream().map(Boolean::valueOf).toArray(Boolean[]::new);
        var limits = new Limits(Duration.ofMinutes(1), Duration.ofHours(1), limit);

        Plan plan = Plan.of(poolWanting(1).attemptsFailed(attempts).snapshot(), NOON, limits);

        assertThat(plan.creates()).isEqualTo(reached ? 0 : 1);
        assertThat(plan.effects().stream().anyMatch(Action.MarkHardLimited.class::isInstance))
                .isEqualTo(reached);
        assertThat(plan.holds().stream().anyMatch(Blocker.HardLimited.class::isInstance))
                .isEqualTo(reached);
    }

    @Test
    void deletions_go_on_at_the_hard_limit() {
        var pool = poolWanting(1)
                .expired(1)
                .ready(2)
                .marked(PresetStatus.HARD_LIMITED, "enough")
                .attemptsFailed(true, true, true);

        assertThat(pool.planAtNoon().effects())
                .containsExactly(
                        new Action.Delete(List.of(pool.prebuild(0)), DeleteReason.EXPIRED),
                        new Action.Delete(List.of(pool.prebuild(1)), DeleteReason.EXTRANEOUS));
    }

    @Test
    void a_lifted_hard_limit_is_cleared_and_creation_resumes_in_the_same_plan() {
        var pool = poolWanting(2).marked(PresetStatus.HARD_LIMITED, "enough");

        assertThat(pool.planAtNoon().effects()).containsExactly(new Action.MarkHealthy(), new Action.Create(2, 0));
    }

    @Test
    void a_lifted_hard_limit_still_leaves_the_backoff() {
        var pool = poolWanting(2)
                .marked(PresetStatus.HARD_LIMITED, "enough")
                .failed(1, NOON)
                .attemptsFailed(false, true, true);

        assertThat(pool.planAtNoon().effects()).containsExactly(new Action.MarkHealthy());
        assertThat(pool.planAtNoon().holds()).containsExactly(new Blocker.Backoff(NOON.plusSeconds(60), 1));
    }

    // Validation

    @Test
    void a_preset_marked_as_invalid_for_another_reason_stays_so() {
        var pool = poolWanting(1).marked(PresetStatus.VALIDATION_FAILED, "no such region");

        assertThat(pool.planAtNoon().effects()).isEmpty();
        assertThat(pool.planAtNoon().holds()).containsExactly(new Blocker.ValidationFailed("no such region"));
    }

    @Test
    void an_inactive_preset_is_never_marked() {
        assertThat(poolWanting(1).inactive().missing("region").planAtNoon().effects())
                .isEmpty();
        assertThat(poolWanting(1)
                        .inactive()
                        .attemptsFailed(true, true, true)
                        .planAtNoon()
                        .effects())
                .isEmpty();
        assertThat(poolWanting(1)
                        .inactive()
                        .marked(PresetStatus.HARD_LIMITED, "enough")
                        .planAtNoon()
                        .effects())
                .isEmpty();
    }

    // Pauses

    @ParameterizedTest
    @ValueSource(strings = {"deployment", "organization", "template", "preset"})
    void a_pause_of_creation_holds_creation_only(String level) {
        var pool = poolWanting(2).expired(1).paused(level, PauseScope.CREATE, null);

        assertThat(pool.planAtNoon().effects())
                .containsExactly(new Action.Delete(List.of(pool.prebuild(0)), DeleteReason.EXPIRED));
        assertThat(pool.planAtNoon().holds())
                .containsExactly(new Blocker.Paused(new Pause(level, PauseScope.CREATE, null)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"deployment", "organization", "template", "preset"})
    void a_pause_of_all_holds_everything(String level) {
        var active = poolWanting(2).expired(1).missing("region").paused(level, PauseScope.ALL, null);
        var inactive = poolWanting(2).inactive().pending(1).ready(1).paused(level, PauseScope.ALL, null);

        assertThat(active.planAtNoon().effects()).isEmpty();
        assertThat(inactive.planAtNoon().effects()).isEmpty();
        assertThat(inactive.planAtNoon().holds())
                .containsExactly(new Blocker.Paused(new Pause(level, PauseScope.ALL, null)));
    }

    @Test
    void only_a_pause_of_the_whole_deployment_and_of_everything_counts_as_paused_everywhere() {
        assertThat(poolWanting(1)
                        .paused("deployment", PauseScope.ALL, null)
                        .planAtNoon()
                        .pausedEverywhere())
                .isTrue();
        assertThat(poolWanting(1)
                        .paused("deployment", PauseScope.CREATE, null)
                        .planAtNoon()
                        .pausedEverywhere())
                .isFalse();
        assertThat(poolWanting(1)
                        .paused("organization", PauseScope.ALL, null)
                        .planAtNoon()
                        .pausedEverywhere())
                .isFalse();
        assertThat(poolWanting(1).planAtNoon().pausedEverywhere()).isFalse();
    }

    @Test
    void a_pause_ends_at_its_end() {
        var pool = poolWanting(1).paused("preset", PauseScope.ALL, NOON);

        assertThat(pool.planAt(BEFORE_NOON).effects()).isEmpty();
        assertThat(pool.planAt(BEFORE_NOON).nextLook()).contains(NOON);
        assertThat(pool.planAtNoon().holds()).isEmpty();
        assertThat(pool.planAtNoon().creates()).isEqualTo(1);
    }

    // Next look

    @Test
    void looks_again_when_the_backoff_is_over() {
        var pool = poolWanting(1).failed(2, NOON);

        assertThat(pool.planAtNoon().nextLook()).contains(NOON.plusSeconds(120).plusMillis(1));
    }

    @Test
    void looks_again_when_a_counted_failure_is_forgotten_before_the_backoff_ends() {
        var failures = new Failures(List.of(NOON, NOON.minus(Duration.ofMinutes(59))), List.of(true), List.of());

        assertThat(poolWanting(1).failing(failures).planAtNoon().nextLook())
                .contains(NOON.plusSeconds(60).plusMillis(1));
    }

    @Test
    void looks_again_when_the_next_one_expires() {
        var pool = poolWanting(2)
                .ready(1, Duration.ofMinutes(10))
                .ready(1, Duration.ofMinutes(50))
                .expiringAfter(Duration.ofHours(1));

        assertThat(pool.planAtNoon().nextLook())
                .contains(NOON.plus(Duration.ofMinutes(10)).plusMillis(1));
    }

    @Test
    void looks_again_at_the_next_edge_of_a_schedule() {
        var pool = poolWanting(1).ready(1).in("Europe/Berlin").scheduled("* 9-17 * * 1-5", 5);

        assertThat(pool.planAtNoon().nextLook()).contains(Instant.parse("2026-11-20T17:00:00Z"));
        assertThat(pool.planAt(Instant.parse("2026-11-20T17:00:00Z")).nextLook())
                .contains(Instant.parse("2026-11-23T08:00:00Z"));
    }

    @Test
    void a_settled_pool_need_not_be_looked_at() {
        assertThat(poolWanting(1).ready(1).planAtNoon().nextLook()).isEmpty();
        assertThat(poolWanting(1)
                        .inactive()
                        .scheduled("* 9 * * *", 2)
                        .planAtNoon()
                        .nextLook())
                .isEmpty();
    }

    @Test
    void under_a_held_place_nothing_is_created_until_its_probe_is_due_and_then_one() {
        PoolFixture pool = poolWanting(3).placeHeldUntil(NOON);

        assertThat(pool.planAt(NOON).effects()).isEmpty();
        assertThat(pool.planAt(NOON).nextLook()).contains(NOON.plusMillis(1));
        assertThat(pool.planAt(NOON.plusMillis(1)).effects()).containsExactly(new Action.Create(1, 0));
    }

    @Test
    void under_a_held_place_what_starts_already_is_the_probe() {
        assertThat(poolWanting(3)
                        .placeHeldUntil(NOON.minusSeconds(1))
                        .pending(1)
                        .planAtNoon()
                        .effects())
                .isEmpty();
        assertThat(poolWanting(3)
                        .placeHeldUntil(NOON.minusSeconds(1))
                        .building(1)
                        .planAtNoon()
                        .effects())
                .isEmpty();
    }

    @Test
    void a_held_place_keeps_no_deletion_back_and_is_no_hold_of_a_satisfied_pool() {
        PoolFixture expired = poolWanting(1).placeHeldUntil(NOON).expired(1);
        PoolFixture satisfied = poolWanting(1).placeHeldUntil(NOON).ready(1);

        assertThat(expired.planAtNoon().effects()).singleElement().isInstanceOf(Action.Delete.class);
        assertThat(satisfied.planAtNoon().holds()).isEmpty();
    }

    @Test
    void a_backoff_outlasts_the_probe_of_a_held_place() {
        PoolFixture pool = poolWanting(1).failed(1, NOON.minusSeconds(30)).placeHeldUntil(NOON.minusSeconds(1));

        assertThat(pool.planAtNoon().effects()).isEmpty();
        assertThat(pool.planAtNoon().holds()).hasSize(2);
    }

    @Test
    void without_a_worker_prebuilds_are_queued_all_the_same_and_the_pool_says_why_they_wait() {
        PoolFixture pool = poolWanting(3).withoutWorker().pending(2);

        assertThat(pool.planAtNoon().effects()).containsExactly(new Action.Create(1, 0));
        assertThat(pool.planAtNoon().holds())
                .singleElement()
                .isInstanceOfSatisfying(
                        Blocker.NoWorker.class,
                        hold -> assertThat(hold.since()).isEqualTo(NOON.minus(Duration.ofMinutes(5))));
    }
}
