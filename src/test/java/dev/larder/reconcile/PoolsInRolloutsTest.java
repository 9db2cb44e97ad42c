package dev.larder.reconcile;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.http.CurrentCaller;
import dev.larder.http.ListParameters;
import dev.larder.http.PresetParameters;
import dev.larder.lifecycle.RolloutControl;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.RolloutPolicy;
import dev.larder.model.RolloutPolicy.Canary;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.Share;
import dev.larder.testing.Stock;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What lists, views, plans and metrics say of a pool while its line is in a rollout, with a real database. */
class PoolsInRolloutsTest {

    private static final int WANTED = 3;

    private final Crank crank = new Crank(Crank.WakeUpMode.WORKING);
    private final Stock stock = crank.stock;
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final PoolMetrics metrics = new PoolMetrics(registry);
    private final PresetStore presets = new PresetStore(stock.pool);
    private final PoolResource pools =
            new PoolResource(presets, crank.reconciler(), new Always(stock.owner), stock.clock);
    private final PoolListResource rows = new PoolListResource(pools, presets, stock.clock);

    /** Each call is this caller's. */
    private static final class Always extends CurrentCaller {

        private final Caller caller;

        Always(Caller caller) {
            super(new CurrentVertxRequest());
            this.caller = caller;
        }

        @Override
        public Caller get() {
            return caller;
        }
    }

    @AfterEach
    void close() {
        crank.close();
    }

    private UUID before = UUID.randomUUID();
    private UUID after = UUID.randomUUID();

    /** As many as wanted are ready, and another version becomes the active one. */
    private void promoted(int canaries) {
        RolloutPolicy plain = RollingWorldsTest.policy(Share.of(1), Share.of(0), 0, OnFailure.HOLD);
        Optional<Canary> canary = Optional.of(canaries)
                .filter(some -> some > 0)
                .map(some -> new Canary(some, false, false, Duration.ofMinutes(30)));
        before = stock.declare(
                "small",
                WANTED,
                new RolloutPolicy(
                        plain.strategy(), plain.bounds(), canary, plain.onFailure(), true, 0, plain.deadline()));
        crank.cycle();
        stock.buildAll();
        crank.settle();
        stock.promoteNewVersion();
        after = stock.preset("small");
        crank.cycle();
    }

    private String rollout() {
        return stock.row("SELECT concat_ws(' ', state, reason) AS n FROM rollouts", Tuple.tuple())
                .getString("n");
    }

    private PoolRow row() {
        return await(rows.list(new ListParameters(), new PresetParameters(), null)).items().stream()
                .findFirst()
                .orElseThrow();
    }

    private PoolView view(UUID preset) {
        return await(pools.pool(preset.toString()));
    }

    private double gauge(String name) {
        return registry.get("larder.preset." + name).gauge().value();
    }

    private static String of(double ready, double desired, double building) {
        return "%.0f of %.0f ready, %.0f building".formatted(ready, desired, building);
    }

    private static String of(PoolState counts) {
        return of(counts.eligible(), counts.desired(), counts.starting());
    }

    private static double number(Integer count) {
        return Objects.requireNonNull(count);
    }

    /** What each of the views says, of either version's preset. There is one answer where they agree. */
    private Set<String> answers() {
        Stream<PoolState> byId = Stream.of(before, after)
                .flatMap(id -> Stream.of(
                        Objects.requireNonNull(await(pools.get(id.toString())).pool()),
                        view(id).counts(),
                        await(pools.plan(id.toString(), null)).pool().counts()));
        Stream<PoolState> listed =
                await(pools.list(new ListParameters(), new PresetParameters(), null)).items().stream()
                        .map(preset -> Objects.requireNonNull(preset.pool()));
        PoolRow.Counts row = row().counts();
        boolean unused = await(crank.reconciler().show());
        metrics.observedAll(crank.heard.shown());
        return Stream.concat(
                        Stream.concat(byId, listed).map(PoolsInRolloutsTest::of),
                        Stream.of(
                                of(number(row.ready()), number(row.desired()), number(row.building())),
                                of(gauge("eligible"), gauge("desired"), gauge("starting"))))
                .collect(Collectors.toSet());
    }

    private static List<String> kinds(List<HoldView> holds) {
        return holds.stream().map(HoldView::kind).toList();
    }

    /** The pool of one version, as the rollout of the view has it. */
    private LineView.MemberView member(UUID preset) {
        return Objects.requireNonNull(view(after).rollout()).pools().stream()
                .filter(pool -> pool.preset().equals(preset))
                .findFirst()
                .orElseThrow();
    }

    private void failAll(UUID preset) {
        for (Assignment assignment : stock.take(100)) {
            UUID of = stock.row("SELECT preset_id FROM workspaces WHERE id = $1", Tuple.of(assignment.workspaceId()))
                    .getUUID("preset_id");
            if (of.equals(preset)) {
                stock.fail(assignment);
            } else {
                stock.succeed(assignment);
            }
        }
    }

    private void claimed() {
        Caller anna = stock.member("anna");
        assertThat(Stream.of(after, before)
                        .flatMap(preset -> stock.claim(preset, anna).stream())
                        .findFirst())
                .isPresent();
    }

    @Test
    void a_canary_stands_beside_the_stock_that_clients_get() {
        promoted(1);

        assertThat(answers()).containsExactly("3 of 3 ready, 0 building");
        assertThat(row().rollout()).satisfies(open -> assertThat(open.state()).isEqualTo("canary"));
        assertThat(of(member(after).counts())).isEqualTo("0 of 1 ready, 1 building");
        assertThat(member(after).because().rule()).isEqualTo("canary");
        assertThat(view(after).because().rule()).isEqualTo("base");
    }

    @Test
    void what_a_claim_takes_during_a_canary_is_missing_until_the_version_before_has_refilled_it() {
        promoted(1);
        claimed();

        assertThat(answers()).containsExactly("2 of 3 ready, 0 building");
        assertThat(row().counts().claimed()).isEqualTo(1);
        crank.cycle();
        assertThat(answers()).containsExactly("2 of 3 ready, 1 building");
    }

    @Test
    void a_rollout_that_is_held_in_its_canary_leaves_the_pool_full_and_says_that_it_is_held() {
        promoted(1);
        failAll(after);
        crank.settle();
        assertThat(rollout()).isEqualTo("held canary_failed");

        assertThat(answers()).containsExactly("3 of 3 ready, 0 building");
        assertThat(row().rollout()).satisfies(open -> assertThat(open.state()).isEqualTo("held"));
        assertThat(kinds(row().condition().holds())).containsExactly("rollout_held");
        assertThat(kinds(view(before).holds())).containsExactly("rollout_held");
    }

    @Test
    void a_canary_that_is_ready_is_not_among_those_that_clients_get() {
        promoted(2);
        stock.buildAll();

        stock.sql("UPDATE rollouts SET paused_at = $1", Crank.utc(stock.clock.instant()));

        assertThat(answers()).containsExactly("3 of 3 ready, 0 building");
    }

    @Test
    void ready_ones_of_both_versions_count_while_a_rollout_progresses() {
        promoted(0);

        assertThat(answers()).containsExactly("3 of 3 ready, 1 building");
        stock.buildAll();
        assertThat(answers()).containsExactly("4 of 3 ready, 0 building");
        crank.cycle();
        assertThat(answers()).containsExactly("3 of 3 ready, 1 building");
        assertThat(row().rollout()).satisfies(open -> assertThat(open.state()).isEqualTo("progressing"));
        assertThat(row().condition().holds()).isEmpty();
        assertThat(view(before).because().rule()).isEqualTo("base");
        assertThat(member(before).because().rule()).isEqualTo("replaced");
    }

    @Test
    void a_rollout_that_is_held_after_its_canary_counts_both_versions_and_the_refill() {
        promoted(0);
        stock.buildAll();
        crank.cycle();
        stock.clock.forward(Duration.ofDays(1));
        crank.cycle();
        assertThat(rollout()).isEqualTo("held deadline");

        assertThat(answers()).containsExactly("3 of 3 ready, 0 building");
        claimed();
        crank.cycle();
        assertThat(answers()).containsExactly("2 of 3 ready, 1 building");
        assertThat(member(before).counts().starting()).isEqualTo(1);
        // No worker was heard of on that day.
        assertThat(kinds(row().condition().holds())).containsExactly("no_worker", "rollout_held");
    }

    @Test
    void a_version_that_cannot_be_built_does_not_stop_a_pool_that_the_version_before_refills() {
        promoted(0);
        stock.sql("UPDATE presets SET status = 'validation_failed', status_reason = 'no value' WHERE id = $1", after);
        failAll(after);
        crank.cycle();
        claimed();
        crank.cycle();
        assertThat(rollout()).isEqualTo("held validation_failed");

        assertThat(answers()).containsExactly("2 of 3 ready, 1 building");
        assertThat(kinds(view(after).holds())).containsExactly("rollout_held");
        assertThat(kinds(member(after).holds())).contains("validation_failed");
    }

    @Test
    void a_paused_rollout_counts_both_versions() {
        promoted(0);
        stock.buildAll();
        UUID open = stock.row("SELECT id FROM rollouts", Tuple.tuple()).getUUID("id");
        assertThat(await(new RolloutControl(stock.pool, stock.ids).pause(stock.owner, open, stock.clock.instant())))
                .isNotNull();
        crank.cycle();

        assertThat(answers()).containsExactly("4 of 3 ready, 0 building");
        assertThat(row().rollout())
                .satisfies(paused -> assertThat(paused.paused()).isTrue());
    }

    @Test
    void a_version_that_a_rollout_has_replaced_has_nothing() {
        promoted(0);
        for (int cycle = 0; cycle < 10; cycle++) {
            stock.buildAll();
            crank.cycle();
        }
        assertThat(rollout()).isEqualTo("done");

        assertThat(of(view(before).counts())).isEqualTo("0 of 0 ready, 0 building");
        assertThat(view(before).because().rule()).isEqualTo("inactive");
        before = after;
        assertThat(answers()).containsExactly("3 of 3 ready, 0 building");
        assertThat(row().rollout()).isNull();
    }
}
