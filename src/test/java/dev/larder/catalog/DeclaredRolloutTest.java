package dev.larder.catalog;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.larder.database.Rows;
import dev.larder.model.Declaration;
import dev.larder.model.RolloutPolicy;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.RolloutPolicy.Strategy;
import dev.larder.testing.Stock;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is declared of rollouts, in the tables; and invalidations, which it decides. */
class DeclaredRolloutTest {

    private static final Instant LATER = Stock.NOON.plusSeconds(60);
    private static final RolloutPolicy REPLACE = new RolloutPolicy(
            Strategy.REPLACE,
            RolloutPolicy.Bounds.DEFAULT,
            Optional.empty(),
            OnFailure.HOLD,
            true,
            0,
            Duration.ofHours(1));
    private static final String ROLLOUT = "{maxSurge: 3, maxUnavailable: 50%, onFailure: rollback, expiryJitter: 10%,"
            + " deadline: 2h, canary: {instances: 2, verify: true, trialClaim: true, deadline: 10m}}";

    private final Stock stock = new Stock();
    private final CatalogReads reads = new CatalogReads(stock.pool);

    @AfterEach
    void close() {
        stock.close();
    }

    @Test
    void a_preset_that_declares_nothing_shows_what_applies_to_it() {
        assertThat(rollout("null"))
                .isEqualTo(new PresetView.RolloutView("rolling", "25%", "0", null, "hold", true, "0%", 3_600));
    }

    @Test
    void every_field_is_shown_again() {
        assertThat(rollout(ROLLOUT))
                .isEqualTo(new PresetView.RolloutView(
                        "rolling",
                        "3",
                        "50%",
                        new PresetView.CanaryView(2, true, true, 600),
                        "rollback",
                        true,
                        "10%",
                        7_200));
        assertThat(rollout("{strategy: replace}").strategy()).isEqualTo("replace");
        assertThat(rollout("{serveOld: false}").serveOld()).isFalse();
    }

    @Test
    void a_preset_without_prebuilds_shows_no_rollout() {
        Applied.Done done = apply("{name: bare}");

        assertThat(done.presets().getFirst().pool().renewal().rollout()).isNull();
    }

    @Test
    void the_same_again_and_written_defaults_change_nothing() {
        Applied.Done first = apply(preset(ROLLOUT));
        Applied.Done again = apply(preset(ROLLOUT));
        Applied.Done silent = apply(preset("null"));
        Applied.Done written = apply(preset("{strategy: rolling, maxSurge: 25%, deadline: 60m, canary: null}"));

        assertThat(List.of(first.version(), again.version(), silent.version(), written.version()))
                .containsExactly(1, 1, 2, 2);
        assertThat(preview(preset("null")).change()).isEqualTo("none");
        assertThat(preview(preset("null")).changed()).isEmpty();
    }

    @Test
    void a_dry_run_names_each_field_of_a_rollout_that_changes() {
        Applied.Done before = apply(preset(ROLLOUT));

        Preview preview = preview(preset(ROLLOUT.replace("maxSurge: 3", "maxSurge: 25%")
                .replace("verify: true", "verify: false")
                .replace("deadline: 2h", "deadline: 90m")));

        assertThat(before.version()).isEqualTo(1);
        assertThat(preview.changed().getFirst().fields())
                .extracting(Preview.FieldChange::field, Preview.FieldChange::from, Preview.FieldChange::to)
                .containsExactly(
                        tuple("rollout.canary.verify", "true", "false"),
                        tuple("rollout.deadline", "2h", "1h30m"),
                        tuple("rollout.maxSurge", "3", "25%"));
        assertThat(preview(preset("null")).changed().getFirst().fields())
                .filteredOn(field -> field.field().startsWith("rollout.canary"))
                .allSatisfy(field -> assertThat(field.to()).isNull())
                .hasSize(4);
    }

    @Test
    void stock_of_a_rolling_preset_is_stale_and_not_expired() {
        UUID small = stock.declare("small", 3);

        invalidate(small, false);

        assertThat(invalidated(small)).isEqualTo(new PresetView.Invalidated(null, LATER));
        assertThat(detail()).isEqualTo("{\"stale\": [\"small\"], \"expired\": []}");
    }

    @Test
    void stock_that_is_invalidated_immediately_is_expired() {
        UUID small = stock.declare("small", 3);

        invalidate(small, true);

        assertThat(invalidated(small)).isEqualTo(new PresetView.Invalidated(LATER, null));
        assertThat(detail()).isEqualTo("{\"stale\": [], \"expired\": [\"small\"]}");
    }

    @Test
    void stock_of_a_preset_that_replaces_all_at_once_is_expired_either_way() {
        UUID small = stock.declare("small", 3, REPLACE);

        invalidate(small, false);

        assertThat(invalidated(small)).isEqualTo(new PresetView.Invalidated(LATER, null));
    }

    @Test
    void an_invalidation_of_a_template_does_to_each_preset_what_its_strategy_says() {
        stock.declare("fast", 3, REPLACE);
        UUID small = stock.declare("small", 3);
        UUID fast = stock.preset("fast");
        stock.clock.set(LATER);

        assertThat(await(stock.controls.invalidate(stock.template(), false))).isTrue();

        assertThat(invalidated(fast)).isEqualTo(new PresetView.Invalidated(LATER, null));
        assertThat(invalidated(small)).isEqualTo(new PresetView.Invalidated(null, LATER));
        assertThat(detail()).isEqualTo("{\"stale\": [\"small\"], \"expired\": [\"fast\"]}");
    }

    @Test
    void both_versions_of_an_open_rollout_are_invalidated_by_the_id_of_either() {
        UUID before = stock.declare("small", 3, REPLACE);
        UUID target = stock.declare("small", 3, RolloutPolicy.DEFAULT);
        clearMarks();

        invalidate(target, false);

        assertThat(invalidated(before)).isEqualTo(new PresetView.Invalidated(null, LATER));
        assertThat(invalidated(target)).isEqualTo(new PresetView.Invalidated(null, LATER));
        assertThat(marked()).containsExactlyInAnyOrder(before, target);

        assertThat(await(stock.controls.invalidatePreset(stock.owner, before, true)))
                .isTrue();

        assertThat(invalidated(before)).isEqualTo(new PresetView.Invalidated(LATER, LATER));
        assertThat(invalidated(target)).isEqualTo(new PresetView.Invalidated(LATER, LATER));
    }

    @Test
    void a_template_is_invalidated_and_ended_with_all_that_its_rollouts_have_in_stock() {
        UUID former = stock.declare("small", 2);
        UUID before = stock.declare("small", 3, REPLACE);
        UUID target = stock.declare("small", 4);
        clearMarks();
        stock.clock.set(LATER);

        assertThat(await(stock.controls.invalidate(stock.template(), true))).isTrue();

        assertThat(invalidated(before).lastInvalidatedAt()).isEqualTo(LATER);
        assertThat(invalidated(target).lastInvalidatedAt()).isEqualTo(LATER);
        assertThat(invalidated(former)).isEqualTo(new PresetView.Invalidated(null, null));
        assertThat(marked()).containsExactlyInAnyOrder(before, target);
        clearMarks();

        assertThat(await(stock.controls.delete(stock.template()))).isTrue();

        assertThat(marked()).containsExactlyInAnyOrder(before, target);
    }

    private void invalidate(UUID preset, boolean immediately) {
        stock.clock.set(LATER);
        assertThat(await(stock.controls.invalidatePreset(stock.owner, preset, immediately)))
                .isTrue();
    }

    private PresetView.Invalidated invalidated(UUID preset) {
        return await(reads.preset(stock.owner, preset)).orElseThrow().invalidated();
    }

    /** Of the newest audit entry. */
    private String detail() {
        return await(stock.pool
                        .query("SELECT detail::text FROM audit ORDER BY id DESC LIMIT 1")
                        .execute())
                .iterator()
                .next()
                .getString(0);
    }

    private void clearMarks() {
        stock.sql("DELETE FROM dirty_presets");
    }

    private List<UUID> marked() {
        return Rows.list(
                await(stock.pool.query("SELECT preset_id FROM dirty_presets").execute()), row -> row.getUUID(0));
    }

    private PresetView.RolloutView rollout(String rollout) {
        return Objects.requireNonNull(
                apply(preset(rollout)).presets().getFirst().pool().renewal().rollout());
    }

    private static String preset(String rollout) {
        return "{name: small, prebuilds: {instances: 4, ttl: 8h, rollout: " + rollout + "}}";
    }

    private Applied.Done apply(String preset) {
        return (Applied.Done) await(stock.catalog.apply(application(preset)));
    }

    private Preview preview(String preset) {
        return await(stock.catalog.preview(application(preset))).preview().orElseThrow();
    }

    private CatalogStore.Application application(String preset) {
        String yaml = "{backend: exec, files: {start.sh: x, verify.sh: x}, presets: [" + preset + "]}";
        Declaration declaration = ((ParsedDeclaration.Accepted)
                        DeclarationParser.parse(yaml.getBytes(StandardCharsets.UTF_8), "application/yaml"))
                .declaration();
        return new CatalogStore.Application(
                stock.owner,
                Stock.ORGANIZATION,
                Stock.TEMPLATE,
                declaration,
                Canonical.of(declaration).whole(),
                true,
                Optional.empty());
    }
}
