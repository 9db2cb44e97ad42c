package dev.larder.reconcile;

import static dev.larder.reconcile.PoolFixture.NOON;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.JobStatus;
import dev.larder.model.Prebuild;
import dev.larder.model.PresetStatus;
import dev.larder.model.RolloutPolicy.Strategy;
import dev.larder.model.Transition;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The situations of design 2.6, as far as a plan alone decides them, under each strategy, and each also after
 * 8 repeated cycles.
 */
@ParameterizedClass(name = "{0}")
@EnumSource(Strategy.class)
class SituationsTest {

    private final Strategy strategy;

    SituationsTest(Strategy strategy) {
        this.strategy = strategy;
    }

    private PoolFixture poolWanting(int instances) {
        return PoolFixture.poolWanting(instances).under(strategy);
    }

    private static final int REPEATS = 8;

    /** Performs the plan, then sees that no further cycle does anything. */
    private static Plan settle(PoolFixture pool) {
        WorldModel world = new WorldModel(pool.snapshot());
        Plan first = world.cycle();
        for (int i = 0; i < REPEATS; i++) {
            assertThat(world.cycle().effects()).as("cycle %d", i + 2).isEmpty();
        }
        return first;
    }

    private static List<UUID> deleted(Plan plan) {
        return plan.effects().stream()
                .flatMap(effect -> effect instanceof Action.Delete delete ? delete.ids().stream() : Stream.empty())
                .toList();
    }

    static Stream<Arguments> every_transition_and_status() {
        return Stream.of(Transition.values())
                .flatMap(transition -> Stream.of(JobStatus.values()).map(status -> Arguments.of(transition, status)));
    }

    @Test
    void nothing_happens_to_a_preset_that_wants_nothing_and_has_nothing() {
        assertThat(settle(poolWanting(0)).effects()).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("every_transition_and_status")
    void nothing_is_created_for_an_inactive_version(Transition transition, JobStatus status) {
        assertThat(settle(poolWanting(1).inactive().with(transition, status)).creates())
                .isZero();
    }

    @ParameterizedTest
    @EnumSource(names = {"SUCCEEDED", "PENDING", "RUNNING"})
    void nothing_is_created_where_one_start_succeeded_or_is_under_way(JobStatus status) {
        assertThat(settle(poolWanting(1).with(Transition.START, status)).effects())
                .isEmpty();
    }

    @ParameterizedTest
    @MethodSource("every_transition_and_status")
    void one_is_created_where_the_latest_build_is_a_stop_or_delete(Transition transition, JobStatus status) {
        if (transition != Transition.START) {
            assertThat(settle(poolWanting(1).with(transition, status)).effects())
                    .containsExactly(new Action.Create(1, 0));
        }
    }

    @ParameterizedTest
    @MethodSource("every_transition_and_status")
    void only_a_succeeded_start_is_ever_deleted(Transition transition, JobStatus status) {
        boolean running = transition == Transition.START && status == JobStatus.SUCCEEDED;

        assertThat(deleted(settle(poolWanting(0).with(transition, status)))).hasSize(running ? 1 : 0);
        assertThat(deleted(settle(poolWanting(0).inactive().with(transition, status))))
                .hasSize(running ? 1 : 0);
    }

    @Test
    void a_pending_first_start_of_an_inactive_version_is_cancelled() {
        var pool = poolWanting(1).inactive().pending(2).building(1);

        assertThat(settle(pool).effects())
                .containsExactly(new Action.CancelPending(List.of(pool.prebuild(0), pool.prebuild(1))));
    }

    @Test
    void a_pending_later_start_of_an_inactive_version_is_left_alone() {
        var pool =
                poolWanting(1).inactive().with(1, Duration.ofMinutes(1), 3, Transition.START, JobStatus.PENDING, false);

        assertThat(settle(pool).effects()).isEmpty();
    }

    @Test
    void running_ones_of_an_inactive_preset_are_deleted_oldest_first_and_none_is_created() {
        var pool = poolWanting(2)
                .inactive()
                .ready(1, Duration.ofMinutes(5))
                .expired(1)
                .runningButNotReady(1);

        Plan plan = settle(pool);

        assertThat(plan.effects())
                .containsExactly(new Action.Delete(
                        List.of(pool.prebuild(1), pool.prebuild(0), pool.prebuild(2)), DeleteReason.INACTIVE));
        assertThat(plan.desired()).isEqualTo(new Desired(0, new Desired.Reason.Inactive()));
    }

    @Test
    void a_preset_is_filled_regardless_of_its_served_sibling() {
        UUID served = new UUID(0x7000L, 0x8000_0000_0000_00AAL);

        assertThat(settle(poolWanting(2).named(served).ready(2)).effects()).isEmpty();
        assertThat(settle(poolWanting(3)).effects()).containsExactly(new Action.Create(3, 0));
    }

    @Test
    void nothing_is_created_where_a_required_parameter_is_missing_but_an_outdated_one_is_still_deleted() {
        var pool = poolWanting(2).missing("region").expired(1);

        Plan plan = settle(pool);

        assertThat(plan.effects())
                .containsExactly(
                        new Action.Delete(List.of(pool.prebuild(0)), DeleteReason.EXPIRED),
                        new Action.MarkValidationFailed("required parameter without a value: region"));
        assertThat(plan.holds())
                .containsExactly(new Blocker.ValidationFailed("required parameter without a value: region"));
    }

    @Test
    void a_running_one_of_an_inactive_version_is_deleted_even_where_a_required_parameter_is_missing() {
        var pool = poolWanting(2).inactive().missing("region").ready(1);

        assertThat(settle(pool).effects())
                .containsExactly(new Action.Delete(List.of(pool.prebuild(0)), DeleteReason.INACTIVE));
    }

    @Test
    void two_failures_of_two_wait_two_intervals_and_one_more_waits_three() {
        var world = new WorldModel(poolWanting(2).snapshot());
        assertThat(world.cycle().creates()).isEqualTo(2);
        world.waits(Duration.ofSeconds(20));
        world.buildsFail();
        Instant failed = world.now();

        Blocker wait = new Blocker.Backoff(failed.plus(Duration.ofMinutes(2)), 2);
        assertThat(world.cycle().holds()).containsExactly(wait);
        world.waits(Duration.ofSeconds(60));
        assertThat(world.cycle().holds()).containsExactly(wait);
        world.waits(Duration.ofSeconds(60));
        assertThat(world.cycle().holds()).containsExactly(wait);
        world.waits(Duration.ofMillis(1));
        assertThat(world.cycle().creates()).isEqualTo(2);

        world.waits(Duration.ofSeconds(5));
        world.buildsFail();
        assertThat(world.cycle().holds())
                .containsExactly(new Blocker.Backoff(world.now().plus(Duration.ofMinutes(4)), 4));
    }

    @Test
    void one_more_failure_waits_one_more_interval() {
        assertThat(poolWanting(2).failed(3, NOON).planAtNoon().holds())
                .containsExactly(new Blocker.Backoff(NOON.plus(Duration.ofMinutes(3)), 3));
    }

    @Test
    void the_hard_limit_stops_creation_and_is_told_once_however_many_cycles_follow() {
        var world = new WorldModel(poolWanting(1).snapshot());
        for (int attempt = 1; attempt <= Limits.DEFAULT.hardLimit(); attempt++) {
            assertThat(world.cycle().creates()).as("attempt %d", attempt).isEqualTo(1);
            world.buildsFail();
            world.waits(Duration.ofMinutes(10));
        }

        Plan marking = world.cycle();
        List<Plan> later = new ArrayList<>();
        for (int i = 0; i < REPEATS; i++) {
            world.waits(Duration.ofMinutes(30));
            later.add(world.cycle());
        }

        assertThat(marking.effects())
                .containsExactly(new Action.MarkHardLimited("the newest 3 attempts all failed", 3));
        assertThat(later).allSatisfy(plan -> {
            assertThat(plan.effects()).isEmpty();
            assertThat(plan.holds()).containsExactly(new Blocker.HardLimited("the newest 3 attempts all failed"));
        });
    }

    @Test
    void short_of_the_hard_limit_creation_is_retried() {
        var world = new WorldModel(poolWanting(1).snapshot());
        for (int attempt = 1; attempt < Limits.DEFAULT.hardLimit(); attempt++) {
            assertThat(world.cycle().creates()).isEqualTo(1);
            world.buildsFail();
            world.waits(Duration.ofMinutes(10));
        }

        assertThat(world.cycle().creates()).isEqualTo(1);
    }

    @Test
    void a_hard_limited_preset_that_becomes_inactive_loses_its_running_ones_and_its_hold() {
        var pool = poolWanting(2)
                .ready(1)
                .marked(PresetStatus.HARD_LIMITED, "enough")
                .attemptsFailed(true, true, true);
        var world = new WorldModel(pool.snapshot());
        assertThat(world.cycle().holds()).containsExactly(new Blocker.HardLimited("enough"));

        world.changes(WorldModel::deactivated);
        Plan plan = world.cycle();

        assertThat(plan.effects()).containsExactly(new Action.Delete(List.of(pool.prebuild(0)), DeleteReason.INACTIVE));
        assertThat(plan.holds()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"2,2,0, 0,0,0", "2,2,1, 1,0,1", "2,2,2, 2,0,2", "4,2,2, 2,0,0", "4,2,1, 1,1,0"})
    void running_desired_and_expired_decide_what_is_deleted_and_created(
            int running, int desired, int expired, int deleteExpired, int deleteExtraneous, int create) {
        var pool = poolWanting(desired).expired(expired).ready(running - expired);

        Plan plan = settle(pool);

        assertThat(deleted(plan, DeleteReason.EXPIRED)).hasSize(deleteExpired);
        assertThat(deleted(plan, DeleteReason.EXTRANEOUS)).hasSize(deleteExtraneous);
        assertThat(plan.creates()).isEqualTo(create);
    }

    private static List<UUID> deleted(Plan plan, DeleteReason because) {
        return plan.effects().stream()
                .flatMap(effect ->
                        effect instanceof Action.Delete(List<UUID> ids, DeleteReason reason) && reason == because
                                ? ids.stream()
                                : Stream.empty())
                .toList();
    }

    @ParameterizedTest
    @CsvSource({"1,1,1", "3,2,1", "7,3,1", "11,1,4", "15,1,5"})
    void two_presets_follow_their_two_schedules_each(int hour, int first, int second) {
        Instant monday = Instant.parse("2026-11-23T00:00:00Z").plus(Duration.ofHours(hour));
        var one = poolWanting(1).in("UTC").scheduled("* 2-4 * * 1", 2).scheduled("* 6-8 * * 1", 3);
        var two = poolWanting(1).in("UTC").scheduled("* 10-12 * * 1", 4).scheduled("* 14-16 * * 1", 5);

        assertThat(one.planAt(monday).creates()).isEqualTo(first);
        assertThat(two.planAt(monday).creates()).isEqualTo(second);
    }

    @Test
    void a_claim_that_comes_before_the_delete_wins() {
        var world = new WorldModel(poolWanting(0).ready(2).snapshot());
        Plan decided = world.plan();
        Prebuild oldest = world.snapshot().prebuilds().getFirst();
        world.claimsOldestReady();

        world.perform(decided);

        assertThat(world.isClaimed(oldest.id())).isTrue();
        assertThat(world.snapshot().prebuilds())
                .singleElement()
                .satisfies(left -> assertThat(left.underWay(Transition.DELETE)).isTrue());
    }

    @Test
    void a_creation_decided_before_another_one_creates_nothing() {
        var world = new WorldModel(poolWanting(2).snapshot());
        Plan stale = world.plan();
        assertThat(world.cycle().creates()).isEqualTo(2);

        world.perform(stale);

        assertThat(world.snapshot().prebuilds()).hasSize(2);
    }

    @Test
    void what_is_claimed_is_replaced() {
        var world = new WorldModel(poolWanting(2).ready(2).snapshot());

        world.claimsOldestReady();
        assertThat(world.cycle().creates()).isEqualTo(1);
        world.buildsSucceed();
        assertThat(world.cycle().effects()).isEmpty();
        assertThat(world.plan().state().eligible()).isEqualTo(2);
    }

    @Test
    void removing_the_failed_ones_lifts_the_hard_limit() {
        var world = new WorldModel(poolWanting(1).snapshot());
        for (int attempt = 1; attempt <= 3; attempt++) {
            assertThat(world.cycle().creates()).isEqualTo(1);
            world.buildsFail();
            world.waits(Duration.ofMinutes(10));
        }
        assertThat(world.cycle().creates()).isZero();

        world.removesFailed();
        Plan plan = world.cycle();

        assertThat(plan.effects()).containsExactly(new Action.MarkHealthy(), new Action.Create(1, 3));
    }
}
