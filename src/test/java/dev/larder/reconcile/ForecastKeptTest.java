package dev.larder.reconcile;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.catalog.Promoted;
import dev.larder.catalog.PromotionPreview;
import dev.larder.model.Durations;
import dev.larder.model.Forecast;
import dev.larder.model.RolloutPolicy;
import dev.larder.model.RolloutPolicy.Canary;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.RolloutPolicy.Strategy;
import dev.larder.model.Share;
import dev.larder.model.Transition;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a dry run of a promotion says is what the cycles after the promotion do, with a real database. */
class ForecastKeptTest {

    private static final Duration BUILD = Duration.ofSeconds(42);
    private static final RolloutPolicy ONE_BY_ONE =
            RollingWorldsTest.policy(Share.of(1), Share.of(0), 0, OnFailure.HOLD);

    private final Crank crank = new Crank(Crank.WakeUpMode.WORKING);
    private final Stock stock = crank.stock;
    private final PromotionOutlookReads outlook = new PromotionOutlookReads(stock.snapshots, Crank.Paces.CALM);

    @AfterEach
    void close() {
        crank.close();
    }

    private static RolloutPolicy like(Strategy strategy, boolean serveOld, Optional<Canary> canary) {
        return new RolloutPolicy(
                strategy, ONE_BY_ONE.bounds(), canary, OnFailure.HOLD, serveOld, 0, Duration.ofHours(1));
    }

    private static Optional<Canary> canaries(int instances) {
        return Optional.of(new Canary(instances, false, false, Duration.ofMinutes(30)));
    }

    @CanIgnoreReturnValue
    private UUID stocked(int wanted, RolloutPolicy policy) {
        UUID preset = stock.declare("small", wanted, policy);
        crank.cycle();
        stock.clock.forward(BUILD);
        stock.buildAll();
        crank.settle();
        return preset;
    }

    /** Its worker is alive, whatever the clock says. */
    private List<Forecast.OfPreset> dryRun(int version) {
        stock.sql("UPDATE workers SET last_seen_at = $1", Crank.utc(stock.clock.instant()));
        PromotionPreview preview = await(stock.catalog.preview(stock.template(), version, outlook));
        assertThat(preview.promoted()).isInstanceOf(Promoted.Done.class);
        return preview.forecasts().get();
    }

    private Forecast.OfPreset dryRunOfSmall(int version) {
        return dryRun(version).stream()
                .filter(one -> one.preset().equals("small"))
                .findFirst()
                .orElseThrow();
    }

    private void promote(int version) {
        assertThat(await(stock.catalog.promote(stock.template(), version))).isInstanceOf(Promoted.Done.class);
    }

    private int ready() {
        return stock.integer(
                "SELECT count(*)::integer AS n FROM workspaces w JOIN presets p ON p.id = w.preset_id"
                        + " JOIN templates t ON t.id = p.template_id"
                        + " WHERE w.prebuild AND w.ready_at IS NOT NULL AND w.transition = 'start'"
                        + " AND w.build_status = 'succeeded' AND w.deleted_at IS NULL"
                        + " AND (p.rollout_role IN ('target', 'before')"
                        + " OR (p.rollout_role IS NULL AND p.version_id = t.active_version_id))",
                Tuple.tuple());
    }

    /** What cycles did, and the fewest that were ready. */
    private record Seen(List<String> steps, int lowest, Duration took) {}

    /** Cycles until nothing is done any more; all builds end a build's time after the cycle that began them. */
    private Seen cranked() {
        List<String> steps = new ArrayList<>();
        int lowest = Integer.MAX_VALUE;
        Duration took = Duration.ZERO;
        for (int round = 0; round < 30; round++) {
            Map<String, Integer> actions = crank.cycle().actions();
            steps.addAll(words(actions));
            lowest = Math.min(lowest, ready());
            stock.clock.forward(BUILD);
            boolean built =
                    stock.buildAll().stream().anyMatch(assignment -> assignment.transition() == Transition.START);
            took = built ? took.plus(BUILD) : took;
        }
        return new Seen(steps, lowest, took);
    }

    private static List<String> words(Map<String, Integer> actions) {
        return new TreeMap<>(actions)
                .entrySet().stream()
                        .map(one -> one.getKey() + " " + one.getValue())
                        .toList();
    }

    /** The forecast's steps in the words of a cycle's report, those of one time in order of their names. */
    private static List<String> steps(Forecast forecast) {
        Map<String, Map<String, Integer>> byTime = new LinkedHashMap<>();
        for (Forecast.Step step : forecast.steps()) {
            if (!step.kind().equals("hand_out")) {
                byTime.computeIfAbsent(step.after(), unseen -> new TreeMap<>())
                        .merge(
                                word(step.kind()),
                                Optional.ofNullable(step.count()).orElse(1),
                                Integer::sum);
            }
        }
        return byTime.values().stream().flatMap(all -> words(all).stream()).toList();
    }

    private static String word(String kind) {
        return switch (kind) {
            case "cancel_pending" -> "cancel";
            case "pass_canary" -> "rollout_pass_canary";
            case "finish_rollout" -> "rollout_finish";
            default -> kind;
        };
    }

    private void keeps(Forecast forecast, int version) {
        promote(version);
        Seen seen = cranked();
        assertThat(seen.steps()).as("%s", forecast).isEqualTo(steps(forecast));
        assertThat(seen.lowest())
                .as("%s", forecast)
                .isEqualTo(forecast.lowestReady().ready());
        assertThat(Durations.written(seen.took())).as("%s", forecast).isEqualTo(forecast.duration());
    }

    @Test
    void a_rolling_promotion_takes_the_steps_that_its_dry_run_named() {
        stocked(3, ONE_BY_ONE);
        stock.importNewVersion();

        Forecast.OfPreset dry = dryRunOfSmall(2);

        assertThat(dry.change()).isEqualTo("rolling");
        assertThat(dry.because()).isNull();
        assertThat(dry.forecast().duration()).isEqualTo("2m6s");
        assertThat(dry.forecast().measuredFrom()).isEqualTo(new Forecast.Measured("42s", 3, 1));
        assertThat(dry.forecast().lowestReady()).isEqualTo(new Forecast.Lowest(3, "0s"));
        keeps(dry.forecast(), 2);
    }

    @Test
    void a_canary_takes_the_steps_that_its_dry_run_named() {
        stocked(3, like(Strategy.ROLLING, true, canaries(2)));
        stock.importNewVersion();

        Forecast.OfPreset dry = dryRunOfSmall(2);

        assertThat(dry.change()).isEqualTo("canary");
        keeps(dry.forecast(), 2);
    }

    @Test
    void under_replace_the_dry_run_says_that_nothing_is_ready_for_the_time_of_a_build() {
        stocked(3, like(Strategy.REPLACE, true, Optional.empty()));
        stock.importNewVersion();

        Forecast.OfPreset dry = dryRunOfSmall(2);

        assertThat(dry.change() + " " + dry.because()).isEqualTo("replace strategy");
        assertThat(dry.forecast().lowestReady()).isEqualTo(new Forecast.Lowest(0, "0s"));
        keeps(dry.forecast(), 2);
    }

    @Test
    void stock_that_is_not_to_be_served_is_replaced_and_the_dry_run_says_why() {
        stocked(2, like(Strategy.ROLLING, false, Optional.empty()));
        stock.importNewVersion();

        Forecast.OfPreset dry = dryRunOfSmall(2);

        assertThat(dry.change() + " " + dry.because()).isEqualTo("replace serve_old");
        keeps(dry.forecast(), 2);
    }

    @Test
    void a_dry_run_changes_no_row() {
        stocked(2, ONE_BY_ONE);
        stock.importNewVersion();
        String before = crank.tables() + stock.count("events") + " " + stock.count("audit");

        assertThat(dryRun(2)).hasSize(1);

        assertThat(crank.tables() + stock.count("events") + " " + stock.count("audit"))
                .isEqualTo(before);
        crank.staysSo();
    }

    @Test
    void each_preset_is_shown_new_ones_and_those_that_the_version_does_not_have() {
        stocked(1, ONE_BY_ONE);
        stock.declare("other", 1);
        stock.sql("UPDATE presets SET name = 'gone' WHERE name = 'other'");
        stock.importNewVersion();

        assertThat(dryRun(3))
                .extracting(one -> one.preset() + " " + one.change() + " " + one.because())
                .containsExactly("gone remove not_in_version", "other add new_preset", "small rolling null");
    }

    @Test
    void a_rollout_that_is_open_is_superseded_and_its_stock_is_replaced_too() {
        stocked(2, ONE_BY_ONE);
        stock.promoteNewVersion();
        crank.cycle();
        stock.clock.forward(BUILD);
        stock.buildAll();
        stock.importNewVersion();

        Forecast.OfPreset dry = dryRunOfSmall(3);

        assertThat(dry.supersedes()).isTrue();
        assertThat(dry.change()).isEqualTo("rolling");
        keeps(dry.forecast(), 3);
        assertThat(stock.count("rollouts WHERE state = 'superseded'")).isEqualTo(1);
    }

    @Test
    void the_active_version_is_not_promoted_again() {
        stocked(1, ONE_BY_ONE);

        Forecast.OfPreset dry = dryRunOfSmall(1);

        assertThat(dry.change() + " " + dry.because()).isEqualTo("none already_active");
        assertThat(dry.forecast().steps()).isEmpty();
    }

    @Test
    void a_deprecated_template_keeps_nothing() {
        stocked(2, ONE_BY_ONE);
        stock.importNewVersion();
        stock.sql("UPDATE templates SET deprecated_reason = 'old'");

        Forecast.OfPreset dry = dryRunOfSmall(2);

        assertThat(dry.change() + " " + dry.because()).isEqualTo("remove deprecated");
        assertThat(dry.forecast().lowestReady().ready()).isZero();
    }

    @Test
    void what_a_promotion_refuses_its_dry_run_refuses_as_well() {
        stocked(1, ONE_BY_ONE);

        assertThat(await(stock.catalog.preview(stock.template(), 9, outlook)).promoted())
                .isEqualTo(await(stock.catalog.promote(stock.template(), 9)))
                .isInstanceOf(Promoted.NoVersion.class);
        assertThat(await(stock.controls.delete(stock.template()))).isTrue();
        assertThat(await(stock.catalog.preview(stock.template(), 1, outlook)).promoted())
                .isEqualTo(await(stock.catalog.promote(stock.template(), 1)))
                .isInstanceOf(Promoted.NoTemplate.class);
    }
}
