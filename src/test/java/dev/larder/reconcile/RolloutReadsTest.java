package dev.larder.reconcile;

import static dev.larder.testing.Stock.NOON;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.Total;
import dev.larder.lifecycle.RolloutChange;
import dev.larder.lifecycle.RolloutControl;
import dev.larder.model.LevelPause;
import dev.larder.model.PresetFilter;
import dev.larder.model.RolloutCause;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.RolloutState;
import dev.larder.model.Schedule;
import dev.larder.reconcile.RolloutReads.Filter;
import dev.larder.reconcile.RolloutView.CanaryView;
import dev.larder.reconcile.RolloutView.Counts;
import dev.larder.reconcile.RolloutView.Ending;
import dev.larder.reconcile.RolloutView.VerdictView;
import dev.larder.testing.CleanupTypes;
import dev.larder.testing.Plans;
import dev.larder.testing.RolloutRows;
import dev.larder.testing.Stock;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is shown of rollouts, on a real database. */
class RolloutReadsTest {

    private static final Filter ALL =
            new Filter(PresetFilter.ALL, Optional.empty(), Optional.empty(), Optional.empty());

    private final Stock stock = new Stock();
    private final RolloutRows rollouts = new RolloutRows(stock);
    private final RolloutReads reads = new RolloutReads(stock.pool);

    @AfterEach
    void close() {
        stock.close();
    }

    private RolloutView look(UUID rollout) {
        return await(reads.find(rollout, Optional.empty(), stock.clock.instant()))
                .orElseThrow();
    }

    private List<UUID> ids(Filter filter) {
        var query = RolloutReads.query(Optional.empty(), filter);
        List<UUID> ids = await(reads.list(query, stock.clock.instant(), Optional.empty(), 50)).rows().stream()
                .map(RolloutView::id)
                .toList();
        assertThat(await(reads.total(query))).isEqualTo(new Total(ids.size(), true));
        return ids;
    }

    private static Filter of(String template, String preset) {
        return new Filter(
                new PresetFilter(Optional.empty(), Optional.of(template), Optional.of(preset)),
                Optional.empty(),
                Optional.empty(),
                Optional.empty());
    }

    private String templateId() {
        return stock.row("SELECT id FROM templates WHERE name = 'database'", Tuple.tuple())
                .getUUID("id")
                .toString();
    }

    private static Filter in(String state) {
        return new Filter(PresetFilter.ALL, Optional.of(state), Optional.empty(), Optional.empty());
    }

    private static Filter because(String cause) {
        return new Filter(PresetFilter.ALL, Optional.empty(), Optional.of(cause), Optional.empty());
    }

    private static Filter since(Instant since) {
        return new Filter(PresetFilter.ALL, Optional.empty(), Optional.empty(), Optional.of(since));
    }

    @Test
    void a_promotion_says_from_which_version_to_which_and_counts_old_and_new_apart() {
        UUID before = stock.declare("small", 4);
        stock.ready(before, 3);
        stock.promoteNewVersion();
        UUID after = stock.preset("small");
        UUID rollout = rollouts.promotion(after, "progressing");
        stock.ready(after, 2);
        stock.create(after, 1);
        stock.fail(stock.take(1).getFirst());
        stock.create(after, 1);

        RolloutView view = look(rollout);

        assertThat(view.line()).isEqualTo(new RolloutView.Line("acme", "database", "small"));
        assertThat(view.change().cause()).isEqualTo("promotion");
        assertThat(view.change().from()).isEqualTo(new RolloutView.Side(1, before, "healthy", null));
        assertThat(view.change().to()).isEqualTo(new RolloutView.Side(2, after, "healthy", null));
        assertThat(view.change().initiator()).isEqualTo("root");
        assertThat(view.counts()).isEqualTo(new Counts(4, 3, 3, 2, 1, 1));
        assertThat(view.verdict()).isNull();
    }

    @Test
    void an_old_prebuild_that_is_being_deleted_is_left_and_not_ready_and_a_claimed_one_is_neither() {
        UUID before = stock.declare("small", 3);
        List<UUID> old = stock.ready(before, 3);
        assertThat(stock.claim(before, stock.member("anna"))).isPresent();
        stock.promoteNewVersion();
        UUID rollout = rollouts.promotion(stock.preset("small"), "progressing");
        assertThat(await(stock.pools.delete(List.of(old.getLast()), "inactive", stock.clock.instant())))
                .isEqualTo(1);

        assertThat(look(rollout).counts()).isEqualTo(new Counts(3, 1, 2, 0, 0, 0));
    }

    @Test
    void a_renewal_counts_what_was_there_before_the_invalidation_as_old() {
        UUID preset = stock.declare("small", 2);
        stock.ready(preset, 2);
        stock.clock.forward(Duration.ofMinutes(1));
        stock.sql("UPDATE presets SET stale_from = $2 WHERE id = $1", preset, RolloutRows.utc(stock.clock.instant()));
        UUID rollout = rollouts.renewal(preset, RolloutCause.INVALIDATION);
        stock.ready(preset, 1);

        RolloutView view = look(rollout);

        assertThat(view.change().from()).isNull();
        assertThat(view.change().to()).isEqualTo(new RolloutView.Side(1, preset, "healthy", null));
        assertThat(view.counts()).isEqualTo(new Counts(2, 2, 2, 1, 0, 0));
    }

    @Test
    void an_expiry_counts_what_was_built_since_it_began_and_does_not_guess_what_it_replaces() {
        UUID preset = stock.declare("small", 4, Duration.ofHours(4), List.of());
        stock.ready(preset, 1);
        stock.clock.forward(Duration.ofHours(3));
        stock.ready(preset, 1);
        UUID rollout = rollouts.renewal(preset, RolloutCause.EXPIRY);
        stock.ready(preset, 1);
        stock.create(preset, 1);

        assertThat(look(rollout).counts()).isEqualTo(new Counts(4, null, null, 1, 1, 0));
    }

    @Test
    void a_prebuild_that_an_expiry_found_being_built_moves_its_deadline_too() {
        UUID preset = stock.declare("small", 1, Duration.ofHours(4), List.of());
        stock.create(preset, 1);
        UUID rollout = rollouts.renewal(preset, RolloutCause.EXPIRY);
        stock.clock.forward(Duration.ofMinutes(10));
        stock.buildAll();

        assertThat(look(rollout).ending())
                .isEqualTo(new Ending("reconciler", stock.clock.instant().plus(Duration.ofHours(1)), "hold"));
    }

    @Test
    void a_lost_prebuild_is_old_in_a_renewal() {
        UUID preset = stock.declare("small", 2);
        List<UUID> ready = stock.ready(preset, 2);
        UUID rollout = rollouts.renewal(preset, RolloutCause.INVALIDATION);
        stock.sql(
                "UPDATE workspaces SET state_status = 'unreliable', state_reason = 'worker_lost', state_since = now() WHERE id = $1",
                ready.getFirst());

        assertThat(look(rollout).counts()).isEqualTo(new Counts(2, 0, 1, 1, 0, 0));
    }

    @Test
    void what_is_wanted_follows_the_schedules_of_the_version_before_while_the_new_one_is_a_canary() {
        UUID before = stock.declare("small", 1, null, List.of(new Schedule("* 12 * * *", 5)));
        UUID after = stock.declare("small", 2, null, List.of());
        UUID rollout = rollouts.promotion(after, "canary");

        assertThat(look(rollout).counts().wanted()).isEqualTo(5);

        rollouts.state(rollout, "held");
        assertThat(look(rollout).counts().wanted()).as("a held canary").isEqualTo(5);

        stock.sql("UPDATE presets SET rollout_role = 'target' WHERE id = $1", after);
        assertThat(look(rollout).counts().wanted()).isEqualTo(2);
    }

    @Test
    void the_reconciler_ends_an_open_state_at_its_deadline_and_a_person_a_held_or_paused_one() {
        UUID before = stock.declare("small", 1);
        stock.promoteNewVersion();
        UUID after = stock.preset("small");
        UUID rollout = rollouts.promotion(after, "canary");
        Instant deadline = NOON.plus(Duration.ofHours(1));

        assertThat(look(rollout).ending()).isEqualTo(new Ending("reconciler", deadline, "hold"));

        stock.sql("UPDATE presets SET on_rollout_failure = 'rollback' WHERE id = $1", after);
        assertThat(look(rollout).ending()).isEqualTo(new Ending("reconciler", deadline, "rollback"));

        stock.sql("UPDATE rollouts SET paused_at = created_at WHERE id = $1", rollout);
        assertThat(look(rollout).ending()).isEqualTo(new Ending("template_admin", null, null));
        assertThat(look(rollout).times().pausedAt()).isEqualTo(NOON);

        stock.sql("UPDATE rollouts SET paused_at = NULL WHERE id = $1", rollout);
        rollouts.state(rollout, "held");
        assertThat(look(rollout).ending()).isEqualTo(new Ending("template_admin", null, null));
        assertThat(look(rollout).phase().reason()).isEqualTo("deadline");

        rollouts.state(rollout, "superseded");
        assertThat(look(rollout).ending()).isNull();
        assertThat(look(rollout).counts()).isNull();
    }

    @Test
    void each_new_prebuild_that_becomes_ready_moves_the_deadline_of_a_progressing_rollout() {
        UUID before = stock.declare("small", 2);
        stock.promoteNewVersion();
        UUID after = stock.preset("small");
        UUID rollout = rollouts.promotion(after, "progressing");
        stock.clock.forward(Duration.ofMinutes(30));
        stock.ready(after, 1);

        assertThat(look(rollout).ending())
                .isEqualTo(new Ending("reconciler", NOON.plus(Duration.ofMinutes(90)), "hold"));
    }

    @Test
    void a_person_ends_a_renewal_only_where_it_is_paused_for_it_goes_on_while_it_is_held() {
        Instant at = NOON;
        for (RolloutCause cause : RolloutCause.values()) {
            Ending held = Ending.of(RolloutState.HELD, false, cause, OnFailure.HOLD, at, null);
            Ending paused = Ending.of(RolloutState.HELD, true, cause, OnFailure.HOLD, at, null);
            String owner = cause == RolloutCause.PROMOTION ? "template_admin" : "reconciler";
            assertThat(held).as("held, %s", cause).isEqualTo(new Ending(owner, null, null));
            assertThat(paused).as("paused, %s", cause).isEqualTo(new Ending("template_admin", null, null));
        }
    }

    @Test
    void a_renewal_is_never_rolled_back() {
        UUID preset = stock.declare("small", 1);
        stock.sql("UPDATE presets SET on_rollout_failure = 'rollback' WHERE id = $1", preset);

        assertThat(look(rollouts.renewal(preset, RolloutCause.INVALIDATION))
                        .ending()
                        .then())
                .isEqualTo("hold");
    }

    @Test
    void a_verdict_shows_each_canary_and_the_job_that_failed() {
        stock.declare("small", 1);
        stock.promoteNewVersion();
        UUID rollout = rollouts.promotion(stock.preset("small"), "canary");
        UUID workspace = stock.ids.next();
        UUID job = stock.ids.next();
        JsonObject verdict = new JsonObject()
                .put("outcome", "failed")
                .put(
                        "canaries",
                        new JsonArray()
                                .add(new JsonObject()
                                        .put("workspace", workspace.toString())
                                        .put("ready", false)
                                        .put("verified", false)
                                        .put("tried", false)
                                        .put("job", job.toString())
                                        .put("blame", "template")
                                        .put("code", "script_failed")));
        stock.sql("UPDATE rollouts SET verdict = $2 WHERE id = $1", rollout, verdict);
        rollouts.state(rollout, "held");

        assertThat(look(rollout).verdict())
                .isEqualTo(new VerdictView(
                        "failed",
                        List.of(new CanaryView(workspace, false, false, false, job, "template", "script_failed"))));
    }

    @Test
    void the_last_verdict_is_shown_in_every_later_state_and_a_resumed_canary_is_undecided() {
        for (RolloutState state : RolloutState.values()) {
            for (String stored : List.of("passed", "failed", "skipped")) {
                String shown = state == RolloutState.CANARY ? "undecided" : stored;
                assertThat(VerdictView.of(state, stored, List.of()).outcome())
                        .as("%s, %s", state, stored)
                        .isEqualTo(shown);
            }
        }
    }

    @Test
    void a_skipped_canary_shows_no_verdict_but_that_it_was_skipped() {
        stock.declare("small", 1);
        stock.promoteNewVersion();
        UUID rollout = rollouts.promotion(stock.preset("small"), "canary");

        assertThat(await(new RolloutControl(stock.pool, stock.ids)
                        .skipCanary(stock.owner, rollout, stock.clock.instant())))
                .isEqualTo(new RolloutChange.Changed(rollout));

        assertThat(look(rollout).verdict()).isEqualTo(new VerdictView("skipped", List.of()));
    }

    @Test
    void a_follower_is_told_an_equal_state_once_in_15_seconds_and_each_change_at_once() {
        stock.declare("small", 1);
        stock.promoteNewVersion();
        UUID rollout = rollouts.promotion(stock.preset("small"), "progressing");
        LastTold told = new LastTold(Duration.ofSeconds(15));

        assertThat(told.isNothing()).isTrue();
        assertThat(told.isDue(look(rollout), NOON)).isTrue();
        assertThat(told.isDue(look(rollout), NOON)).as("the same").isFalse();
        assertThat(told.untilAgain(NOON.plusSeconds(5))).isEqualTo(Duration.ofSeconds(10));

        stock.sql("UPDATE rollouts SET paused_at = created_at WHERE id = $1", rollout);
        assertThat(told.isDue(look(rollout), NOON.plusSeconds(5))).as("paused").isTrue();
        pause("organizations", "all", null);
        stock.sql("UPDATE rollouts SET paused_at = NULL WHERE id = $1", rollout);
        assertThat(told.isDue(look(rollout), NOON.plusSeconds(6)))
                .as("a pause above")
                .isTrue();

        assertThat(told.isDue(look(rollout), NOON.plusSeconds(20))).isFalse();
        assertThat(told.isDue(look(rollout), NOON.plusSeconds(21)))
                .as("silence")
                .isTrue();
        assertThat(told.untilAgain(NOON.plusSeconds(40))).isPositive();
    }

    @Test
    void rollouts_are_listed_newest_first_and_each_filter_narrows_them() {
        stock.declare("small", 1);
        UUID large = stock.declare("large", 1);
        UUID small = stock.preset("small");
        UUID done = rollouts.promotion(small, "progressing");
        rollouts.state(done, "done");
        stock.clock.forward(Duration.ofMillis(1));
        UUID first = rollouts.renewal(large, RolloutCause.EXPIRY);
        rollouts.state(first, "done");
        stock.clock.forward(Duration.ofHours(2));
        Instant before = stock.clock.instant();
        UUID second = rollouts.renewal(small, RolloutCause.INVALIDATION);
        stock.clock.forward(Duration.ofMillis(1));
        stock.promoteNewVersion();
        UUID held = rollouts.promotion(stock.preset("large"), "held");
        UUID other = rollouts.promotion(stock.preset("small"), "progressing");

        assertThat(ids(ALL))
                .containsExactlyInAnyOrder(held, other, second, first, done)
                .endsWith(second, first, done);
        assertThat(ids(of("database", "large"))).containsExactly(held, first);
        assertThat(ids(of("database", "other"))).isEmpty();
        assertThat(ids(of("other", "large"))).isEmpty();
        assertThat(ids(of(templateId(), "large"))).containsExactly(held, first);
        assertThat(ids(of("database", stock.preset("large").toString()))).containsExactly(held);
        assertThat(ids(of(templateId(), templateId()))).isEmpty();
        assertThat(ids(in("held"))).containsExactly(held);
        assertThat(ids(in("superseded"))).containsExactly(second);
        assertThat(ids(because("expiry"))).containsExactly(first);
        assertThat(ids(since(before))).hasSize(3).doesNotContain(first, done);
    }

    @Test
    void a_renewal_that_has_ended_is_shown_while_its_preset_is_tried_again_by_a_promotion_back() {
        UUID preset = stock.declare("small", 3);
        UUID renewal = rollouts.renewal(preset, RolloutCause.INVALIDATION);
        rollouts.state(renewal, "done");
        stock.promoteNewVersion();
        UUID there = rollouts.promotion(stock.preset("small"), "progressing");
        rollouts.state(there, "done");
        await(stock.catalog.promote(stock.template(), 1));
        UUID back = rollouts.promotion(preset, "canary");

        assertThat(look(renewal).phase().state()).isEqualTo("done");
        assertThat(look(there).change().to().version()).isEqualTo(2);
        assertThat(look(back).counts().wanted()).isEqualTo(3);
        assertThat(ids(ALL)).containsExactlyInAnyOrder(back, there, renewal);
    }

    @Test
    void a_caller_of_another_organization_sees_none_of_them() {
        UUID rollout = rollouts.renewal(stock.declare("small", 1), RolloutCause.INVALIDATION);
        Optional<UUID> other = Optional.of(stock.ids.next());

        assertThat(await(reads.find(rollout, other, NOON))).isEmpty();
        assertThat(await(reads.list(RolloutReads.query(other, ALL), NOON, Optional.empty(), 50))
                        .rows())
                .isEmpty();
        assertThat(await(reads.find(rollout, Optional.of(stock.organization), NOON)))
                .isPresent();
    }

    @Test
    void a_rollout_is_shown_from_the_indexes_of_live_prebuilds() throws IllegalAccessException {
        Plans.crowd(stock, stock.declare("small", 1), 5_000, 200, 100);
        Plans.analyze(stock);

        var plans = Plans.of(stock, List.of(RolloutReads.class), (name, text) -> name.equals("FIND"));

        assertThat(plans.get("RolloutReads.FIND"))
                .contains("workspaces_live_prebuilds", "workspaces_failed_prebuilds")
                .doesNotContain("Seq Scan on workspaces");
    }

    @Test
    void open_rollouts_are_counted_by_state_with_their_age_and_those_past_their_deadline() {
        stock.declare("small", 1);
        stock.declare("large", 1);
        stock.promoteNewVersion();
        rollouts.promotion(stock.preset("small"), "progressing");
        rollouts.promotion(stock.preset("large"), "held");
        stock.clock.forward(Duration.ofHours(2));

        assertThat(await(reads.open(stock.clock.instant())))
                .isEqualTo(Map.of(
                        RolloutState.PROGRESSING, new RolloutReads.Open(1, NOON, 1),
                        RolloutState.HELD, new RolloutReads.Open(1, NOON, 1)));

        stock.ready(stock.preset("small"), 1);
        assertThat(await(reads.open(stock.clock.instant())).get(RolloutState.PROGRESSING))
                .as("a new one became ready")
                .isEqualTo(new RolloutReads.Open(1, NOON, 0));

        stock.sql("UPDATE rollouts SET paused_at = created_at WHERE ended_at IS NULL");
        assertThat(await(reads.open(stock.clock.instant().plus(Duration.ofDays(1))))
                        .get(RolloutState.PROGRESSING))
                .as("paused")
                .isEqualTo(new RolloutReads.Open(1, NOON, 0));
    }

    /** @param scope null lifts it */
    private void pause(String table, @Nullable String scope, @Nullable Instant until) {
        await(stock.pool
                .preparedQuery("UPDATE " + table + " SET pause_scope = $1, pause_until = $2")
                .execute(Tuple.of(scope, until == null ? null : RolloutRows.utc(until))));
    }

    @Test
    void a_pause_of_any_level_is_named_and_no_rollout_is_overdue_while_it_holds() {
        stock.declare("small", 1);
        stock.promoteNewVersion();
        UUID rollout = rollouts.promotion(stock.preset("small"), "progressing");
        stock.clock.forward(Duration.ofHours(2));
        Instant now = stock.clock.instant();
        Instant end = now.plus(Duration.ofHours(1));
        Map<String, String> levels = Map.of(
                "preset",
                "presets",
                "template",
                "templates",
                "organization",
                "organizations",
                "deployment",
                "settings");

        levels.forEach((level, table) -> {
            for (String scope : List.of("create", "all")) {
                pause(table, scope, null);
                String owner = level.equals("deployment") ? "owner" : "template_admin";
                assertThat(look(rollout).ending())
                        .isEqualTo(new Ending(owner, null, null, new LevelPause(level, scope, null)));
                assertThat(overdue(now)).as(level).isZero();

                pause(table, scope, end);
                Instant deadline = end.plus(Duration.ofHours(1));
                assertThat(look(rollout).ending())
                        .isEqualTo(new Ending("reconciler", deadline, "hold", new LevelPause(level, scope, end)));
                assertThat(overdue(end)).as(level).isZero();
                assertThat(overdue(deadline))
                        .as("%s, its time begins with the end", level)
                        .isZero();
                assertThat(overdue(deadline.plusMillis(1))).as(level).isOne();
            }
            pause(table, null, null);
        });

        assertThat(look(rollout).ending()).isEqualTo(new Ending("reconciler", NOON.plus(Duration.ofHours(1)), "hold"));
        assertThat(overdue(now)).isOne();
    }

    private int overdue(Instant at) {
        return await(reads.open(at)).get(RolloutState.PROGRESSING).overdue();
    }

    @Test
    void a_canary_has_all_its_time_after_a_pause_and_of_several_pauses_the_one_that_holds_longest_is_named() {
        UUID before = stock.declare("small", 1);
        stock.promoteNewVersion();
        UUID after = stock.preset("small");
        UUID rollout = rollouts.promotion(after, "canary");
        stock.sql("UPDATE presets SET canary_instances = 1, canary_deadline_seconds = 600 WHERE id = $1", after);
        Instant end = NOON.plus(Duration.ofHours(2));
        pause("organizations", "all", end);
        pause("templates", "create", NOON.plus(Duration.ofMinutes(1)));

        assertThat(look(rollout).ending())
                .isEqualTo(new Ending(
                        "reconciler",
                        end.plus(Duration.ofMinutes(10)),
                        "hold",
                        new LevelPause("organization", "all", end)));

        pause("presets", "all", null);
        assertThat(look(rollout).ending())
                .isEqualTo(new Ending("template_admin", null, null, new LevelPause("preset", "all", null)));

        stock.sql("UPDATE settings SET suspect_since = $1, suspect_reason = 'another_server'", RolloutRows.utc(NOON));
        assertThat(look(rollout).ending())
                .as("a database that may be older than it should be")
                .isEqualTo(new Ending("owner", null, null, new LevelPause("deployment", "all", null)));
    }

    @Test
    void a_person_decides_of_a_held_promotion_in_a_pause_and_a_held_renewal_waits_for_its_end() {
        LevelPause pause = new LevelPause("template", "all", null);

        assertThat(Ending.of(RolloutState.HELD, false, RolloutCause.PROMOTION, OnFailure.HOLD, NOON, pause))
                .isEqualTo(new Ending("template_admin", null, null));
        assertThat(Ending.of(RolloutState.HELD, false, RolloutCause.EXPIRY, OnFailure.HOLD, NOON, pause))
                .isEqualTo(new Ending("template_admin", null, null, pause));
    }

    @Test
    void ended_rollouts_are_removed_after_30_days_and_an_open_one_never() {
        stock.declare("small", 1);
        stock.promoteNewVersion();
        UUID ended = rollouts.promotion(stock.preset("small"), "progressing");
        stock.promoteNewVersion();
        UUID open = rollouts.promotion(stock.preset("small"), "progressing");

        stock.clock.forward(Duration.ofDays(29));
        assertThat(CleanupTypes.run(stock, "rollouts", 10).deleted()).isZero();

        stock.clock.forward(Duration.ofDays(2));
        assertThat(CleanupTypes.run(stock, "rollouts", 10).deleted()).isEqualTo(1);
        assertThat(ids(ALL)).containsExactly(open).doesNotContain(ended);
        assertThat(look(open).phase().state()).isEqualTo("progressing");
    }
}
