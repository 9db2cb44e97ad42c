package dev.larder.reconcile;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.Declaration.HandOut;
import dev.larder.model.Declaration.JobLimits;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.Declaration.Renewal;
import dev.larder.model.RolloutPolicy;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.Share;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whole rollouts, cycle by cycle, with a real database. */
class RolloutCyclesTest {

    private static final int WANTED = 4;
    private static final RolloutPolicy HELD = RollingWorldsTest.policy(Share.of(1), Share.of(0), 0, OnFailure.HOLD);

    private final Crank crank = new Crank(Crank.WakeUpMode.WORKING);
    private final Stock stock = crank.stock;
    private final RolloutScene rollouts = new RolloutScene(stock);

    @AfterEach
    void close() {
        crank.close();
    }

    @CanIgnoreReturnValue
    private UUID stocked(RolloutPolicy policy) {
        UUID preset = stock.declare("small", WANTED, policy);
        crank.cycle();
        stock.buildAll();
        crank.settle();
        return preset;
    }

    private int ready() {
        return stock.integer(
                "SELECT count(*)::integer AS n FROM workspaces WHERE prebuild AND ready_at IS NOT NULL"
                        + " AND transition = 'start' AND build_status = 'succeeded' AND deleted_at IS NULL",
                Tuple.tuple());
    }

    private int existing() {
        return stock.integer(
                "SELECT count(*)::integer AS n FROM workspaces WHERE prebuild AND transition = 'start'"
                        + " AND build_status IN ('pending', 'succeeded') AND deleted_at IS NULL",
                Tuple.tuple());
    }

    /** Of the last rollout, as it is shown. */
    private RolloutView.@Nullable VerdictView verdict() {
        return view().verdict();
    }

    private RolloutView view() {
        UUID last = stock.row("SELECT id FROM rollouts ORDER BY id DESC LIMIT 1", Tuple.tuple())
                .getUUID("id");
        return await(new RolloutReads(stock.pool).find(last, Optional.empty(), stock.clock.instant()))
                .orElseThrow();
    }

    /** Of a rollout with a verdict: the outcome and how many canaries it was given by. */
    private String outcome() {
        RolloutView.VerdictView verdict = Objects.requireNonNull(verdict());
        return verdict.outcome() + " " + verdict.canaries().size();
    }

    @Test
    void a_promotion_replaces_the_stock_one_by_one_and_never_takes_a_ready_one_that_is_wanted() {
        UUID before = stocked(HELD);
        stock.promoteNewVersion();
        UUID after = stock.preset("small");

        for (int cycle = 0; cycle < 12; cycle++) {
            crank.cycle();
            assertThat(ready()).as("ready after cycle %d", cycle).isGreaterThanOrEqualTo(WANTED);
            assertThat(existing()).as("existing after cycle %d", cycle).isLessThanOrEqualTo(WANTED + 1);
            stock.buildAll();
            stock.clock.forward(Duration.ofSeconds(10));
        }

        assertThat(rollouts.newest()).isEqualTo("promotion done");
        assertThat(crank.live(before)).isZero();
        assertThat(crank.live(after)).isEqualTo(WANTED);
        assertThat(crank.ever(after)).isEqualTo(WANTED);
        crank.staysSo();
    }

    @Test
    void starts_that_workers_begin_before_they_are_canceled_count_among_those_that_may_exist() {
        UUID before = stock.declare("small", WANTED, HELD);
        crank.cycle();
        stock.promoteNewVersion();
        UUID after = stock.preset("small");

        try (OpenTransaction worker = new OpenTransaction(stock)) {
            worker.does("SELECT FROM jobs FOR UPDATE");
            crank.cycle();
        }
        assertThat(crank.live(before)).isEqualTo(WANTED);
        assertThat(existing()).isLessThanOrEqualTo(WANTED + 1);

        for (int cycle = 0; cycle < 12; cycle++) {
            crank.cycle();
            assertThat(existing()).as("existing after cycle %d", cycle).isLessThanOrEqualTo(WANTED + 1);
            stock.buildAll();
        }
        assertThat(rollouts.newest()).isEqualTo("promotion done");
        assertThat(crank.live(after)).isEqualTo(WANTED);
    }

    @Test
    void what_a_version_still_builds_that_was_rolled_back_counts_in_each_look_at_the_active_one() {
        UUID before = stocked(HELD);
        for (int claimed = 0; claimed < WANTED; claimed++) {
            assertThat(stock.claim(before, stock.owner)).isPresent();
        }
        stock.promoteNewVersion();
        crank.cycle();
        assertThat(stock.take(1_000)).hasSizeGreaterThanOrEqualTo(WANTED);
        rollouts.rollBackByUser();
        stock.sql("DELETE FROM dirty_presets");
        stock.sql("INSERT INTO dirty_presets (preset_id) VALUES ($1)", before);

        Cycle.Report looked = crank.dirtyCycle();

        assertThat(looked.planned()).isNotEmpty();
        assertThat(existing()).isLessThanOrEqualTo(WANTED + 1);
    }

    @Test
    void a_broken_version_is_held_and_told_once_and_the_one_before_is_refilled_as_claims_take_it() {
        UUID before = stocked(HELD);
        stock.promoteNewVersion();
        UUID after = stock.preset("small");
        for (int cycle = 0; cycle < 12; cycle++) {
            crank.cycle();
            rollouts.buildsFailOf(after);
            stock.clock.forward(Duration.ofMinutes(5));
        }

        assertThat(rollouts.newest()).isEqualTo("promotion held hard_limited");
        assertThat(verdict()).as("no canary was judged").isNull();
        assertThat(stock.count("notifications WHERE kind = 'rollout_held'")).isEqualTo(1);
        assertThat(crank.live(before)).isEqualTo(WANTED);
        assertThat(stock.claim(before, stock.owner)).isPresent();
        assertThat(crank.settle().actions()).isEqualTo(Map.of("create", 1));
        assertThat(crank.ever(before)).isEqualTo(WANTED + 1);

        stock.clock.forward(Duration.ofDays(1));
        crank.cycle();
        assertThat(stock.count("notifications WHERE kind = 'rollout_held'")).isEqualTo(2);
    }

    @Test
    void a_canary_is_built_beside_the_stock_and_serves_once_it_has_passed() {
        UUID before = stocked(new RolloutPolicy(
                HELD.strategy(),
                HELD.bounds(),
                Optional.of(new RolloutPolicy.Canary(2, false, false, Duration.ofMinutes(30))),
                OnFailure.HOLD,
                true,
                0,
                Duration.ofHours(1)));
        stock.promoteNewVersion();
        UUID after = stock.preset("small");

        assertThat(crank.settle().actions()).isEqualTo(Map.of("create", 2));
        assertThat(rollouts.newest()).isEqualTo("promotion canary");
        assertThat(crank.live(before)).isEqualTo(WANTED);
        stock.buildAll();
        assertThat(crank.cycle().actions())
                .containsEntry("rollout_pass_canary", 1)
                .containsEntry("delete", 2);

        assertThat(rollouts.newest()).isEqualTo("promotion progressing");
        assertThat(crank.live(after)).isGreaterThanOrEqualTo(2);
    }

    @Test
    void a_canary_that_fails_is_held_at_once_with_the_job_that_failed() {
        UUID before = stocked(new RolloutPolicy(
                HELD.strategy(),
                HELD.bounds(),
                Optional.of(new RolloutPolicy.Canary(1, false, false, Duration.ofMinutes(30))),
                OnFailure.HOLD,
                true,
                0,
                Duration.ofHours(1)));
        stock.promoteNewVersion();
        UUID after = stock.preset("small");
        crank.cycle();
        rollouts.buildsFailOf(after);

        crank.settle();

        assertThat(rollouts.newest()).isEqualTo("promotion held canary_failed");
        assertThat(outcome()).isEqualTo("failed 1");
        assertThat(stock.row("SELECT verdict -> 'jobs' ->> 0 AS n FROM rollouts", Tuple.tuple())
                        .getString("n"))
                .isNotBlank();
        assertThat(crank.ever(after)).isEqualTo(1);
        assertThat(crank.live(before)).isEqualTo(WANTED);

        rollouts.rollBackByUser();
        assertThat(rollouts.newest()).isEqualTo("promotion rolled_back by_user");
        assertThat(outcome()).isEqualTo("failed 1");
    }

    @Test
    void a_canary_that_was_not_built_by_its_deadline_has_failed() {
        stocked(RollingWorldsTest.policy(Share.of(1), Share.of(0), 2, OnFailure.HOLD));
        stock.promoteNewVersion();
        crank.cycle();
        stock.clock.forward(Duration.ofDays(1));

        crank.cycle();

        assertThat(rollouts.newest()).isEqualTo("promotion held canary_deadline");
        assertThat(outcome()).isEqualTo("failed 2");
    }

    @Test
    void a_rollout_that_is_held_after_its_canary_passed_keeps_that_verdict() {
        stocked(new RolloutPolicy(
                HELD.strategy(),
                HELD.bounds(),
                Optional.of(new RolloutPolicy.Canary(2, false, false, Duration.ofMinutes(30))),
                OnFailure.HOLD,
                true,
                0,
                Duration.ofHours(1)));
        stock.promoteNewVersion();
        crank.cycle();
        stock.buildAll();
        crank.cycle();
        assertThat(outcome()).isEqualTo("passed 2");

        stock.clock.forward(Duration.ofDays(1));
        crank.cycle();
        assertThat(rollouts.newest()).isEqualTo("promotion held deadline");
        assertThat(outcome()).isEqualTo("passed 2");

        rollouts.rollBackByUser();
        assertThat(outcome()).isEqualTo("passed 2");
    }

    @Test
    void a_failed_canary_with_rollback_leaves_nothing_of_the_new_version() {
        UUID before = stocked(RollingWorldsTest.policy(Share.of(1), Share.of(0), 2, OnFailure.ROLLBACK));
        stock.promoteNewVersion();
        UUID after = stock.preset("small");
        crank.cycle();
        List<Assignment> taken = stock.take(2);
        stock.succeed(taken.getFirst());
        stock.fail(taken.getLast());

        assertThat(crank.cycle().more()).isTrue();
        crank.dirtyCycle();
        stock.buildAll();

        assertThat(rollouts.newest()).isEqualTo("promotion rolled_back canary_failed");
        assertThat(outcome()).isEqualTo("failed 2");
        assertThat(stock.preset("small")).isEqualTo(before);
        assertThat(stock.count("workspaces WHERE preset_id = '" + after
                        + "' AND deleted_at IS NULL AND build_status <> 'failed'"))
                .isZero();
        assertThat(crank.live(before)).isEqualTo(WANTED);
    }

    @Test
    void stock_that_was_invalidated_softly_stays_until_it_is_replaced() {
        UUID preset = stocked(HELD);
        stock.clock.forward(Duration.ofSeconds(1));
        stock.sql("UPDATE presets SET stale_from = $2 WHERE id = $1", preset, Crank.utc(stock.clock.instant()));
        for (int cycle = 0; cycle < 12; cycle++) {
            crank.cycle();
            assertThat(ready()).as("ready after cycle %d", cycle).isGreaterThanOrEqualTo(WANTED);
            stock.clock.forward(Duration.ofSeconds(10));
            stock.buildAll();
        }

        assertThat(rollouts.newest()).isEqualTo("invalidation done");
        assertThat(crank.ever(preset)).isEqualTo(2 * WANTED);
        assertThat(crank.live(preset)).isEqualTo(WANTED);
    }

    private static final Duration TTL = Duration.ofHours(1);

    /** Built in two minutes. */
    private UUID expiring() {
        UUID preset = stock.declare("small", WANTED, TTL, List.of());
        crank.cycle();
        stock.clock.forward(Duration.ofMinutes(2));
        stock.buildAll();
        crank.settle();
        return preset;
    }

    /** Two waves of two minutes each before the last one expires, as a quarter of four is the surge. */
    private void isRenewedAhead() {
        stock.clock.forward(TTL.minus(Duration.ofMinutes(2 + 2 * WANTED)).minusSeconds(1));
        assertThat(crank.cycle().actions()).as("before it is due").isEmpty();
        stock.clock.forward(Duration.ofSeconds(1));
        assertThat(crank.cycle().actions()).isEqualTo(Map.of("rollout_begin", 1, "create", 1));
    }

    @Test
    void expiry_is_renewed_ahead_also_where_every_prebuild_had_a_further_build() {
        UUID preset = expiring();
        stock.sql("""
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id, created_at)
                SELECT gen_random_uuid(), workspace_id, 2, transition, initiator_id, 'drift_check', version_id, preset_id, created_at
                  FROM builds WHERE preset_id = $1""", preset);
        stock.sql("UPDATE workspaces SET build_number = 2, ready_at = $2 WHERE preset_id = $1", preset, now());

        isRenewedAhead();
    }

    @Test
    void expiry_is_renewed_ahead_by_past_builds_where_the_first_ones_of_the_stock_are_forgotten() {
        UUID preset = expiring();
        stock.sql("UPDATE builds SET number = 7 WHERE preset_id = $1", preset);
        stock.sql("UPDATE workspaces SET build_number = 7, ready_at = $2 WHERE preset_id = $1", preset, now());

        isRenewedAhead();
    }

    @Test
    void expiry_is_renewed_ahead_by_builds_of_the_version_before_where_this_one_has_none_left() {
        UUID before = expiring();
        stock.replacing().promoteNewVersion();
        UUID after = stock.preset("small");
        stock.sql(
                "UPDATE workspaces SET build_number = 7, ready_at = $3, preset_id = $2,"
                        + " version_id = (SELECT version_id FROM presets WHERE id = $2) WHERE preset_id = $1",
                before,
                after,
                now());
        stock.sql("UPDATE presets SET rollout_strategy = 'rolling' WHERE id = $1", after);

        isRenewedAhead();
    }

    private OffsetDateTime now() {
        return Crank.utc(stock.clock.instant());
    }

    @Test
    void a_pool_that_was_filled_at_once_expires_at_different_times_where_the_preset_says_so() {
        Duration ttl = Duration.ofHours(10);
        UUID preset = stock.declare(new PresetDeclaration(
                "small",
                Map.of(),
                Optional.of(40),
                Optional.of(ttl),
                null,
                List.of(),
                HandOut.DEFAULT,
                new Renewal(
                        JobLimits.NONE,
                        new RolloutPolicy(
                                HELD.strategy(),
                                HELD.bounds(),
                                Optional.empty(),
                                OnFailure.HOLD,
                                true,
                                20,
                                Duration.ofHours(1)))));
        crank.cycle();

        Row drawn = stock.row(
                "SELECT count(DISTINCT stock_until)::integer AS n, min(stock_until) AS first, max(stock_until) AS last"
                        + " FROM workspaces WHERE preset_id = $1",
                Tuple.of(preset));
        Instant now = stock.clock.instant();
        assertThat(drawn.getInteger("n")).isGreaterThan(20);
        assertThat(drawn.getOffsetDateTime("first").toInstant())
                .isBetween(now.plus(ttl.multipliedBy(8).dividedBy(10)), now.plus(ttl));
        assertThat(drawn.getOffsetDateTime("last").toInstant()).isBeforeOrEqualTo(now.plus(ttl));
    }

    @Test
    void a_mark_of_one_version_looks_at_the_whole_line() {
        UUID before = stocked(HELD);
        stock.promoteNewVersion();
        UUID after = stock.preset("small");
        stock.sql("DELETE FROM dirty_presets");
        stock.sql("INSERT INTO dirty_presets (preset_id) VALUES ($1)", before);

        assertThat(crank.dirtyCycle().actions()).isEqualTo(Map.of("create", 1));

        assertThat(crank.live(after)).isEqualTo(1);
        assertThat(await(crank.reconciler().plans(List.of(after), stock.clock.instant())))
                .singleElement()
                .satisfies(one -> assertThat(one.preset().id()).isEqualTo(after));
    }

    @Test
    void a_later_build_does_not_make_a_rollout_forget_when_one_was_ready() {
        stocked(HELD);
        stock.promoteNewVersion();
        UUID after = stock.preset("small");
        crank.cycle();
        stock.clock.forward(Duration.ofSeconds(10));
        stock.buildAll();
        Instant built = stock.clock.instant();
        stock.sql("UPDATE workspaces SET ready_at = NULL WHERE preset_id = $1", after);

        assertThat(await(crank.reconciler().plans(List.of(after), built)))
                .singleElement()
                .satisfies(one -> assertThat(
                                one.preset().membership().orElseThrow().newestReadyAt())
                        .isEqualTo(built));
    }

    @Test
    void a_rollout_ends_although_claims_take_fresh_ones_as_fast_as_they_are_built() {
        stocked(HELD);
        stock.promoteNewVersion();
        Caller anna = stock.member("anna");

        int rounds = 0;
        while (stock.count("rollouts WHERE ended_at IS NULL") > 0) {
            assertThat(++rounds).as("rounds").isLessThan(10 * WANTED);
            stock.clock.forward(Duration.ofSeconds(10));
            stock.buildAll();
            UUID target = stock.preset("small");
            for (int taken = 0; taken < 2; taken++) {
                assertThat(stock.claim(target, anna).or(() -> claimOfOld(anna)))
                        .as("a claim")
                        .isPresent();
            }
            crank.cycle();
            assertThat(existing()).isLessThanOrEqualTo(WANTED + 1);
        }

        assertThat(stock.count("rollouts WHERE state = 'done'")).isEqualTo(1);
    }

    @Test
    void where_too_few_are_ready_and_claims_take_no_fresh_ones_old_ones_stay() {
        UUID before = stocked(HELD);
        assertThat(stock.claim(before, stock.owner)).isPresent();
        assertThat(stock.claim(before, stock.owner)).isPresent();
        stock.promoteNewVersion();
        crank.cycle();
        stock.clock.forward(Duration.ofSeconds(10));
        stock.succeed(stock.take(1).getFirst());

        crank.cycle();

        assertThat(ready()).isEqualTo(WANTED - 2 + 1);
    }

    @Test
    void a_held_rollout_refills_the_version_that_it_began_from() {
        UUID first = stocked(HELD);
        stock.promoteNewVersion();
        UUID second = stock.preset("small");
        crank.cycle();
        stock.buildAll();
        crank.cycle();
        rollouts.rollBackByUser();
        crank.settle();
        stock.buildAll();
        crank.settle();
        stock.promoteNewVersion();
        UUID third = stock.preset("small");
        stock.sql("UPDATE rollouts SET state = 'held', reason = 'deadline' WHERE ended_at IS NULL");
        // As after a promotion of the third from the first, while stock of the second is still served.
        stock.sql(
                "UPDATE presets SET rollout_role = 'before', rollout_id = (SELECT id FROM rollouts WHERE ended_at IS NULL)"
                        + " WHERE id = $1",
                second);
        crank.settle();
        int before = crank.ever(first);

        assertThat(stock.claim(first, stock.owner)).isPresent();
        crank.settle();

        assertThat(crank.ever(first)).isEqualTo(before + 1);
        assertThat(crank.ever(third)).isZero();
    }

    @Test
    void a_held_rollout_whose_old_stock_has_gone_refills_the_version_before_or_else_says_why_it_cannot() {
        UUID before = stocked(HELD);
        stock.promoteNewVersion();
        UUID after = stock.preset("small");
        crank.cycle();
        stock.clock.forward(Duration.ofHours(2));
        crank.cycle();
        assertThat(rollouts.newest()).isEqualTo("promotion held deadline");

        stock.sql("UPDATE presets SET last_invalidated_at = $2 WHERE id = $1", before, now());
        crank.settle();
        stock.buildAll();
        crank.settle();
        assertThat(crank.live(before))
                .as("its stock expired and was built anew")
                .isEqualTo(WANTED);

        stock.sql(
                "UPDATE presets SET status = 'validation_failed', status_reason = 'it has no value',"
                        + " last_invalidated_at = $2 WHERE id = $1",
                before,
                now().plusSeconds(1));
        stock.clock.forward(Duration.ofSeconds(2));
        crank.settle();
        assertThat(crank.live(after))
                .as("the new version is late, and is built")
                .isEqualTo(WANTED);
        assertThat(rollouts.newest()).isEqualTo("promotion held deadline");
        RolloutView.Side from = Objects.requireNonNull(view().change().from());
        assertThat(from.status() + ": " + from.statusReason()).isEqualTo("validation_failed: it has no value");

        stock.clock.forward(Duration.ofDays(1));
        crank.cycle();
        assertThat(stock.row(
                                "SELECT detail ->> 'detail' AS n FROM notifications WHERE kind = 'rollout_held'"
                                        + " ORDER BY id DESC LIMIT 1",
                                Tuple.tuple())
                        .getString("n"))
                .isEqualTo("nothing more became ready by the deadline; version 1 is not built either: it has no value");
    }

    private Optional<UUID> claimOfOld(Caller caller) {
        return stock.claim(
                stock.row("SELECT id FROM presets WHERE rollout_role = 'before'", Tuple.tuple())
                        .getUUID("id"),
                caller);
    }
}
