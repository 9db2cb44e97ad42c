package dev.larder.lifecycle;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.catalog.PauseStore;
import dev.larder.catalog.PauseView;
import dev.larder.database.Rows;
import dev.larder.model.Caller;
import dev.larder.model.RolloutCause;
import dev.larder.model.RolloutState;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Stock;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The states of a rollout, and the roles that presets have in it. */
class RolloutsTest {

    private final Stock stock = new Stock();
    private final RolloutStore rollouts = new RolloutStore(stock.pool, stock.ids);
    private final RolloutControl control = new RolloutControl(stock.pool, stock.ids);
    private final UUID first = stock.declare("small", 4);

    @AfterEach
    void close() {
        stock.close();
    }

    @CanIgnoreReturnValue
    private UUID promote() {
        stock.promoteNewVersion();
        return stock.preset("small");
    }

    /** The versions that are declared by now have a canary in this preset, as if the declaration said so. */
    private void withCanary(UUID preset) {
        stock.sql("UPDATE presets SET canary_instances = 2, canary_deadline_seconds = 600 WHERE id = $1", preset);
    }

    /** Promotes a version whose preset has a canary: it is imported by a promotion that is taken back at once. */
    @CanIgnoreReturnValue
    private UUID promoteCanary() {
        UUID canary = promote();
        withCanary(canary);
        activate(first);
        stock.sql("UPDATE presets SET rollout_id = NULL, rollout_role = NULL");
        stock.sql("UPDATE rollouts SET state = 'superseded', ended_at = now() WHERE ended_at IS NULL");
        activate(canary);
        return canary;
    }

    private void activate(UUID preset) {
        UUID before = stock.row("SELECT active_version_id AS id FROM templates", Tuple.tuple())
                .getUUID("id");
        UUID after = version(preset);
        UUID template = stock.row("SELECT id FROM templates", Tuple.tuple()).getUUID("id");
        await(stock.pool.withTransaction(connection -> new Promotions(stock.ids)
                .promote(connection, new Promotions.Promotion(template, before, after, stock.owner.userId(), now()))));
    }

    private UUID version(UUID preset) {
        return stock.row("SELECT version_id FROM presets WHERE id = $1", Tuple.of(preset))
                .getUUID("version_id");
    }

    private Instant now() {
        return stock.clock.instant();
    }

    private UUID open() {
        return stock.row("SELECT id FROM rollouts WHERE ended_at IS NULL", Tuple.tuple())
                .getUUID("id");
    }

    private String state(UUID rollout) {
        return stock.row("SELECT state FROM rollouts WHERE id = $1", Tuple.of(rollout))
                .getString("state");
    }

    /** The preset's role; {@code none} without one. */
    private String role(UUID preset) {
        return stock.row("SELECT coalesce(rollout_role, 'none') AS role FROM presets WHERE id = $1", Tuple.of(preset))
                .getString("role");
    }

    private boolean active(UUID preset) {
        return stock.row(
                        "SELECT t.active_version_id = p.version_id AS active FROM presets p JOIN templates t"
                                + " ON t.id = p.template_id WHERE p.id = $1",
                        Tuple.of(preset))
                .getBoolean("active");
    }

    private List<String> events(UUID preset) {
        List<String> types = new ArrayList<>();
        await(stock.pool
                        .preparedQuery("SELECT type FROM events WHERE subject = $1 ORDER BY seq")
                        .execute(Tuple.of(preset)))
                .forEach(row -> types.add(row.getString("type")));
        return types;
    }

    private int told(String kind) {
        return stock.integer("SELECT count(*)::integer AS n FROM notifications WHERE kind = $1", Tuple.of(kind));
    }

    @Test
    void the_first_version_needs_no_rollout() {
        assertThat(stock.count("rollouts")).isZero();
        assertThat(role(first)).isEqualTo("none");
    }

    @Test
    void a_promotion_serves_the_version_before_until_it_is_replaced() {
        UUID second = promote();

        assertThat(role(first)).isEqualTo("before");
        assertThat(role(second)).isEqualTo("target");
        assertThat(state(open())).isEqualTo("progressing");
    }

    @Test
    void under_replace_a_promotion_begins_no_rollout() {
        UUID second = promote();
        stock.sql("UPDATE presets SET rollout_strategy = 'replace' WHERE id = $1", first);
        activate(first);

        assertThat(role(first)).isEqualTo("none");
        assertThat(role(second)).isEqualTo("none");
        assertThat(stock.count("rollouts WHERE ended_at IS NULL")).isZero();
    }

    @Test
    void a_promotion_forgives_the_failures_before_it_and_a_rollback_forgives_none() {
        UUID second = promote();
        stock.sql("UPDATE presets SET status = 'hard_limited', status_reason = 'three builds failed'");
        stock.clock.forward(Duration.ofSeconds(20));

        assertThat(await(control.rollBack(stock.owner, open(), now()))).isInstanceOf(RolloutChange.Changed.class);
        assertThat(failuresFrom(first))
                .as("a rollback by onFailure would try it again and again")
                .isEqualTo(Stock.NOON);

        activate(second);
        assertThat(failuresFrom(second)).isEqualTo(now());
        assertThat(stock.row("SELECT status FROM presets WHERE id = $1", Tuple.of(second))
                        .getString("status"))
                .isEqualTo("healthy");
        assertThat(stock.row("SELECT status FROM presets WHERE id = $1", Tuple.of(first))
                        .getString("status"))
                .as("the version before")
                .isEqualTo("hard_limited");
    }

    private Instant failuresFrom(UUID preset) {
        return Rows.instant(
                stock.row("SELECT failures_from FROM presets WHERE id = $1", Tuple.of(preset)), "failures_from");
    }

    @Test
    void a_preset_that_the_new_version_does_not_have_is_not_served_any_more() {
        UUID other = stock.declare("other", 1);
        stock.sql("UPDATE presets SET name = 'gone' WHERE id = $1", other);
        promote();

        assertThat(role(other)).isEqualTo("none");
        assertThat(stock.count("rollouts WHERE preset = 'gone'")).isZero();
    }

    @Test
    void a_second_promotion_supersedes_the_first_and_serves_what_both_have_left() {
        UUID second = promote();
        UUID superseded = open();
        UUID third = promote();

        assertThat(state(superseded)).isEqualTo("superseded");
        assertThat(List.of(role(first), role(second), role(third))).containsExactly("before", "before", "target");
        assertThat(stock.count("rollouts WHERE ended_at IS NULL")).isEqualTo(1);
    }

    @Test
    void a_canary_is_not_served_and_a_promotion_drops_it() {
        UUID canary = promoteCanary();
        assertThat(role(canary)).isEqualTo("canary");
        assertThat(state(open())).isEqualTo("canary");

        UUID third = promote();

        assertThat(List.of(role(first), role(canary), role(third))).containsExactly("before", "none", "target");
    }

    @Test
    void a_canary_that_passes_is_served() {
        UUID canary = promoteCanary();

        assertThat(await(rollouts.passCanary(open(), new JsonObject().put("ready", 2), now())))
                .isTrue();

        assertThat(role(canary)).isEqualTo("target");
        assertThat(role(first)).isEqualTo("before");
        assertThat(state(open())).isEqualTo("progressing");
        assertThat(events(canary)).endsWith("rollout.canary", "rollout.progressing");
        assertThat(await(rollouts.passCanary(open(), new JsonObject(), now()))).isFalse();
    }

    @Test
    void a_hold_is_told_once_and_again_a_day_later() {
        promoteCanary();
        UUID rollout = open();

        assertThat(await(rollouts.hold(rollout, "build_failed", "It failed.", new JsonObject(), now())))
                .isTrue();
        assertThat(await(rollouts.hold(rollout, "build_failed", "It failed.", new JsonObject(), now())))
                .isFalse();
        assertThat(told("rollout_held")).isEqualTo(1);
        assertThat(await(rollouts.remind(rollout, now()))).isFalse();

        stock.clock.forward(Duration.ofDays(1));
        assertThat(await(rollouts.remind(rollout, now()))).isTrue();
        assertThat(await(rollouts.remind(rollout, now()))).isFalse();
        assertThat(told("rollout_held")).isEqualTo(2);
    }

    @Test
    void a_held_canary_goes_on_as_a_canary_with_a_new_deadline() {
        UUID canary = promoteCanary();
        await(rollouts.hold(open(), "build_failed", "It failed.", new JsonObject(), now()));
        stock.sql("UPDATE presets SET status = 'hard_limited', status_reason = 'failed' WHERE id = $1", canary);
        stock.clock.forward(Duration.ofHours(3));

        assertThat(await(control.resume(stock.owner, open(), now()))).isEqualTo(new RolloutChange.Changed(open()));

        assertThat(state(open())).isEqualTo("canary");
        assertThat(stock.row("SELECT deadline_at FROM rollouts WHERE ended_at IS NULL", Tuple.tuple())
                        .getOffsetDateTime("deadline_at")
                        .toInstant())
                .isEqualTo(now().plus(Duration.ofMinutes(10)));
        assertThat(stock.count("presets WHERE status = 'hard_limited'")).isZero();
    }

    @Test
    void a_canary_can_be_skipped_and_only_a_canary() {
        UUID canary = promoteCanary();
        UUID rollout = open();

        assertThat(await(control.skipCanary(stock.owner, rollout, now()))).isInstanceOf(RolloutChange.Changed.class);
        assertThat(role(canary)).isEqualTo("target");
        assertThat(await(control.skipCanary(stock.owner, rollout, now())))
                .isEqualTo(new RolloutChange.Refused("rollout_not_in_canary"));
    }

    @Test
    void a_rollback_makes_the_version_before_active_and_serves_nothing_of_the_new_one() {
        UUID second = promote();
        UUID rollout = open();

        assertThat(await(control.rollBack(stock.owner, rollout, now()))).isInstanceOf(RolloutChange.Changed.class);

        assertThat(state(rollout)).isEqualTo("rolled_back");
        assertThat(active(first)).isTrue();
        assertThat(List.of(role(first), role(second))).containsExactly("none", "none");
        assertThat(told("rollout_rolled_back")).isEqualTo(1);
        assertThat(stock.count("audit WHERE action = 'rollout.roll_back'")).isEqualTo(1);
        assertThat(await(control.rollBack(stock.owner, rollout, now())))
                .isEqualTo(new RolloutChange.Ended(RolloutState.ROLLED_BACK));
    }

    @Test
    void a_rollback_by_the_system_gives_its_reason() {
        promoteCanary();
        UUID rollout = open();

        assertThat(await(control.rollBack(rollout, "build_failed", "start.sh ended with 1.", new JsonObject(), now())))
                .isTrue();

        assertThat(stock.row("SELECT reason, detail FROM rollouts WHERE id = $1", Tuple.of(rollout))
                        .getString("detail"))
                .isEqualTo("start.sh ended with 1.");
    }

    @Test
    void a_rollback_after_two_promotions_keeps_what_the_oldest_has_left() {
        UUID second = promote();
        UUID third = promote();

        assertThat(await(control.rollBack(stock.owner, open(), now()))).isInstanceOf(RolloutChange.Changed.class);

        assertThat(active(second)).isTrue();
        assertThat(List.of(role(first), role(second), role(third))).containsExactly("before", "target", "none");
    }

    @Test
    void a_rollout_is_done_when_nothing_of_the_version_before_is_left() {
        stock.ready(first, 1);
        UUID second = promote();
        UUID rollout = open();
        assertThat(await(rollouts.finish(rollout, now()))).isFalse();

        await(stock.pools.delete(
                List.of(stock.row("SELECT id FROM workspaces", Tuple.tuple()).getUUID("id")), "inactive", now()));
        stock.clock.forward(Duration.ofMinutes(10));
        stock.buildAll();

        assertThat(await(rollouts.finish(rollout, now()))).isTrue();
        assertThat(state(rollout)).isEqualTo("done");
        assertThat(List.of(role(first), role(second))).containsExactly("none", "none");
    }

    @Test
    void what_was_stopped_for_good_does_not_keep_a_rollout_open() {
        stock.ready(first, 1);
        promote();
        UUID rollout = open();
        stock.sql("UPDATE workspaces SET transition = 'stop', build_status = 'pending', build_finished_at = NULL");
        assertThat(await(rollouts.finish(rollout, now())))
                .as("it is being stopped")
                .isFalse();

        stock.sql("UPDATE workspaces SET build_status = 'succeeded', build_finished_at = $1", Rows.utc(now()));

        assertThat(await(rollouts.finish(rollout, now()))).isTrue();
    }

    @Test
    void stock_is_renewed_by_one_rollout_at_a_time() {
        assertThat(await(rollouts.begin(first, RolloutCause.EXPIRY, now()))).isTrue();
        assertThat(await(rollouts.begin(first, RolloutCause.INVALIDATION, now())))
                .isFalse();
        assertThat(role(first)).isEqualTo("target");

        assertThat(await(control.rollBack(stock.owner, open(), now())))
                .isEqualTo(new RolloutChange.Refused("rollout_has_no_version_before"));
        assertThat(await(rollouts.finish(open(), now()))).isTrue();
    }

    @Test
    void a_rollout_of_another_organization_is_unknown() {
        promote();
        UUID elsewhere = await(stock.access.createOrganization("elsewhere", stock.owner.userId()))
                .orElseThrow()
                .id();
        var stranger = new dev.larder.model.Caller(
                stock.owner.userId(), "s", dev.larder.model.Role.TEMPLATE_ADMIN, java.util.Optional.of(elsewhere));

        assertThat(await(control.pause(stranger, open(), now()))).isEqualTo(new RolloutChange.Unknown());
    }

    @Test
    void a_paused_rollout_goes_on_when_it_is_resumed() {
        promote();
        await(control.pause(stock.owner, open(), now()));
        assertThat(stock.count("rollouts WHERE paused_at IS NOT NULL")).isEqualTo(1);
        assertThat(await(rollouts.hold(open(), "deadline", "Too late.", new JsonObject(), now())))
                .isFalse();

        await(control.resume(stock.owner, open(), now()));
        assertThat(stock.count("rollouts WHERE paused_at IS NOT NULL")).isZero();
    }

    @Test
    void a_pause_and_its_end_are_told_once_each() {
        UUID second = promote();
        await(control.pause(stock.owner, open(), now()));
        await(control.pause(stock.owner, open(), now()));
        await(control.resume(stock.owner, open(), now()));
        await(control.resume(stock.owner, open(), now()));

        assertThat(events(second)).containsExactly("rollout.progressing", "rollout.paused", "rollout.resumed");
    }

    @ParameterizedTest
    @ValueSource(strings = {"preset", "template", "organization", "deployment", "rollout"})
    void a_rollout_has_its_time_again_when_a_pause_without_an_end_is_lifted(String level) {
        promote();
        Duration time = Duration.between(now(), deadline());
        pause(level, new PauseView("create", null));
        stock.clock.forward(time.plusSeconds(1));

        pause(level, null);

        assertThat(deadline()).isEqualTo(now().plus(time));
        stock.clock.forward(Duration.ofMinutes(1));
        pause(level, null);
        assertThat(deadline())
                .as("no pause was lifted")
                .isEqualTo(now().minusSeconds(60).plus(time));
    }

    @Test
    void a_canary_has_the_time_of_a_canary_again_and_another_organizations_caller_gives_it_none() {
        UUID canary = promoteCanary();
        pause("preset", new PauseView("all", null));
        stock.clock.forward(Duration.ofMinutes(20));
        Instant before = deadline();
        Caller stranger =
                new Caller(stock.owner.userId(), "stranger", stock.owner.role(), Optional.of(stock.ids.next()));

        assertThat(await(stock.controls.pausePreset(stranger, canary, null))).isFalse();
        assertThat(deadline()).isEqualTo(before);
        pause("preset", null);

        assertThat(deadline()).isEqualTo(now().plus(Duration.ofMinutes(10)));
    }

    private Instant deadline() {
        return Rows.instant(
                stock.row("SELECT deadline_at FROM rollouts WHERE ended_at IS NULL", Tuple.tuple()), "deadline_at");
    }

    /** @param pause null lifts it */
    private void pause(String level, @Nullable PauseView pause) {
        PauseStore pauses = new PauseStore(stock.pool, stock.clock, stock.ids);
        switch (level) {
            case "preset" -> await(stock.controls.pausePreset(stock.owner, stock.preset("small"), pause));
            case "template" -> await(stock.controls.pause(stock.template(), pause));
            case "organization" -> await(pauses.pauseOrganization(stock.owner, Stock.ORGANIZATION, pause));
            case "deployment" -> await(pauses.pauseDeployment(stock.owner, pause));
            default ->
                await(
                        pause == null
                                ? control.resume(stock.owner, open(), now())
                                : control.pause(stock.owner, open(), now()));
        }
    }

    @Test
    void a_rollout_is_superseded_without_a_word_left_behind() {
        promote();
        UUID rollout = open();

        assertThat(await(rollouts.supersede(rollout, "template_deleted", now())))
                .isTrue();

        assertThat(state(rollout)).isEqualTo("superseded");
        assertThat(stock.count("presets WHERE rollout_id IS NOT NULL")).isZero();
    }

    @Test
    void a_canary_of_a_deprecated_template_is_not_served_when_the_deprecation_is_taken_back() {
        UUID canary = promoteCanary();
        UUID rollout = open();
        await(stock.controls.deprecate(stock.template(), "old"));

        assertThat(await(control.supersede(rollout, "target_not_active", now())))
                .isTrue();
        await(stock.controls.undeprecate(stock.template()));

        assertThat(state(rollout)).isEqualTo("rolled_back");
        assertThat(active(first)).isTrue();
        assertThat(role(canary)).isEqualTo("none");
    }

    @Test
    void a_rollout_past_its_canary_is_superseded_where_the_template_is_deprecated() {
        UUID second = promote();
        UUID rollout = open();
        await(stock.controls.deprecate(stock.template(), "old"));

        assertThat(await(control.supersede(rollout, "target_not_active", now())))
                .isTrue();

        assertThat(state(rollout)).isEqualTo("superseded");
        assertThat(active(second)).isTrue();
    }

    @Test
    void a_rollback_goes_to_the_version_that_was_active_before_whatever_its_number() {
        UUID second = promote();
        activate(first);
        UUID third = promote();

        assertThat(await(control.rollBack(stock.owner, open(), now()))).isInstanceOf(RolloutChange.Changed.class);

        assertThat(active(first)).isTrue();
        assertThat(List.of(role(first), role(second), role(third))).containsExactly("target", "before", "none");
    }
}
