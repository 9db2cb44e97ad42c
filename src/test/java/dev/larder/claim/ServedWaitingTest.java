package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static java.time.ZoneOffset.UTC;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Caller;
import dev.larder.model.Parameter;
import dev.larder.model.ParameterLimits;
import dev.larder.testing.Claimers;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Claims wait for the version that a rollout makes ready, and stock of each version that is served ends their wait. */
class ServedWaitingTest {

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");
    private final Caller bob = stock.member("bob");
    private final UUID before;

    ServedWaitingTest() {
        stock.withParameters(region("string"));
        before = stock.declareReusable("small", 5, 3);
    }

    private static Parameter region(String type) {
        return new Parameter(
                "region", type, new Parameter.Use(false, false, false, true), null, ParameterLimits.NONE, null);
    }

    @AfterEach
    void close() {
        stock.close();
    }

    private UUID newVersion() {
        stock.promoteNewVersion();
        return stock.preset("small");
    }

    private UUID waitsAt(UUID claim) {
        return stock.row("SELECT preset_id FROM claims WHERE id = $1", Tuple.of(claim))
                .getUUID("preset_id");
    }

    private UUID waitsWithRegion(UUID preset) {
        NewClaim ask = claimers.ask(anna)
                .with(new GivenParameters(
                        Map.of(), Set.of(), Optional.empty(), Map.of(), "{\"region\": {\"value\": \"eu\"}}"));
        return claimers.waits(preset, ask, claimers.patience(0, false)).orElseThrow();
    }

    private void serve() {
        for (Claimable preset : await(stock.waitingClaims.presetsToServe(10, stock.clock.instant()))) {
            claimers.serve(preset.id());
        }
    }

    @Test
    void stock_of_every_version_serves_them_in_their_order_and_before_arriving_ones() {
        UUID target = newVersion();
        stock.rollout(before, target);
        UUID first = claimers.waits(before, anna);
        stock.clock.forward(Duration.ofMillis(1));
        UUID second = claimers.waits(target, bob);
        stock.clock.forward(Duration.ofMillis(1));
        UUID urgent = claimers.waits(before, bob, 1);
        assertThat(List.of(first, second, urgent))
                .allMatch(claim -> waitsAt(claim).equals(target));

        stock.rollouts.refill(before, 1);
        assertThat(claimers.take(before, claimers.ask(bob)))
                .extracting(Claim::id)
                .containsExactly(urgent);
        assertThat(waitsAt(urgent))
                .as("it has a workspace of the version before")
                .isEqualTo(before);
        stock.ready(target, 1);
        assertThat(claimers.take(target, claimers.ask(bob)))
                .extracting(Claim::id)
                .containsExactly(first);
        stock.rollouts.refill(before, 2);
        NewClaim arriving = claimers.ask(bob);
        assertThat(claimers.take(before, arriving))
                .extracting(Claim::id)
                .containsExactlyInAnyOrder(second, arriving.id());
    }

    @Test
    void while_a_version_is_tried_they_wait_for_it_and_the_version_before_serves_them() {
        UUID early = claimers.waits(before, anna);
        UUID target = newVersion();
        UUID rollout = stock.rollouts.beginCanary(before, target);
        assertThat(await(stock.leases.follow(stock.clock.instant()))).isEqualTo(1);
        assertThat(await(stock.leases.follow(stock.clock.instant()))).isZero();
        assertThat(waitsAt(early)).isEqualTo(target);
        stock.clock.forward(Duration.ofMillis(1));
        UUID late = claimers.waits(before, bob);
        assertThat(waitsAt(late)).isEqualTo(target);

        stock.ready(target, 1);
        serve();
        assertThat(claimers.stateOf(early))
                .as("a version that is tried serves nobody")
                .isEqualTo("waiting");
        stock.rollouts.refill(before, 1);
        serve();
        assertThat(claimers.stateOf(early)).isEqualTo("held");
        stock.rollouts.pass(rollout);
        serve();
        assertThat(claimers.stateOf(late)).isEqualTo("held");
    }

    @Test
    void the_target_serves_them_before_the_versions_before_do() {
        stock.ready(before, 1);
        UUID target = newVersion();
        stock.rollout(before, target);
        stock.ready(target, 1);
        UUID claim = claimers.waits(before, anna);

        serve();

        assertThat(waitsAt(claim)).isEqualTo(target);
        assertThat(claimers.stateOf(claim)).isEqualTo("held");
    }

    @Test
    void one_whose_late_values_the_new_version_does_not_take_alike_stays_as_long_as_its_version_is_served() {
        UUID early = waitsWithRegion(before);
        stock.clock.forward(Duration.ofMillis(1));
        stock.withParameters(region("number"));
        UUID target = newVersion();
        UUID rollout = stock.rollout(before, target);
        UUID late = waitsWithRegion(before);
        UUID ofTarget = waitsWithRegion(target);

        assertThat(await(stock.leases.follow(stock.clock.instant()))).isZero();
        assertThat(List.of(waitsAt(early), waitsAt(late), waitsAt(ofTarget))).containsExactly(before, before, target);
        stock.rollouts.refill(before, 1);
        serve();
        assertThat(List.of(claimers.stateOf(early), claimers.stateOf(late), claimers.stateOf(ofTarget)))
                .containsExactly("held", "waiting", "waiting");
        stock.rollouts.refill(before, 2);
        serve();
        assertThat(claimers.stateOf(late)).isEqualTo("held");
        assertThat(claimers.stateOf(ofTarget))
                .as("its values mean nothing to the version before")
                .isEqualTo("waiting");

        UUID last = waitsWithRegion(before);
        stock.rollouts.finish(rollout);
        assertThat(await(stock.leases.follow(stock.clock.instant()))).isEqualTo(1);
        assertThat(claimers.stateOf(last)).isEqualTo("preset_not_active");
        assertThat(claimers.stateOf(ofTarget)).isEqualTo("waiting");
    }

    @Test
    void one_that_has_waited_long_enough_is_built_cold_of_a_version_that_is_served() {
        UUID target = newVersion();
        UUID rollout = stock.rollouts.beginCanary(before, target);
        UUID first = claimers.waitsThenCold(before, anna);
        UUID second = claimers.waitsThenCold(before, bob);

        assertThat(await(stock.coldClaims.coldForWaiting(first, stock.clock.instant())))
                .isTrue();
        assertThat(waitsAt(first)).isEqualTo(before);
        stock.rollouts.pass(rollout);
        assertThat(await(stock.coldClaims.coldForWaiting(second, stock.clock.instant())))
                .isTrue();
        assertThat(waitsAt(second)).isEqualTo(target);
    }

    @Test
    void a_returned_workspace_is_reset_for_the_stock_only_where_that_is_served_and_not_to_be_replaced() {
        UUID target = newVersion();
        UUID rollout = stock.rollout(before, target);
        assertThat(recycled(target)).isEqualTo(1);
        assertThat(recycled(before)).as("of a version that is being replaced").isZero();
        await(stock.builds.deleteWanted(stock.clock.instant()));
        stock.buildAll();
        stock.sql(
                "UPDATE rollouts SET paused_at = $2 WHERE id = $1",
                rollout,
                stock.clock.instant().atOffset(UTC));
        assertThat(recycled(before)).as("nothing is replaced now").isEqualTo(1);
        stock.sql("UPDATE rollouts SET paused_at = NULL");
        stock.rollouts.finish(rollout);
        assertThat(recycled(before)).isZero();
        stock.sql(
                "UPDATE presets SET stale_from = $1",
                stock.clock.instant().plusSeconds(60).atOffset(UTC));
        assertThat(recycled(target)).isZero();
    }

    @Test
    void one_that_was_chosen_by_parameters_gets_no_workspace_of_a_version_that_has_other_values() {
        UUID size = before;
        stock.sql("INSERT INTO preset_parameters (preset_id, name, value) VALUES ($1, 'size', 'small')", size);
        UUID early = waitsForSize(before, "small");
        UUID target = newVersion();
        stock.sql("INSERT INTO preset_parameters (preset_id, name, value) VALUES ($1, 'size', 'large')", target);
        UUID rollout = stock.rollout(before, target);
        UUID late = waitsForSize(before, "small");
        UUID large = waitsForSize(target, "large");
        UUID any = claimers.waits(target, bob);

        assertThat(await(stock.leases.follow(stock.clock.instant()))).isZero();
        assertThat(List.of(waitsAt(early), waitsAt(late), waitsAt(large), waitsAt(any)))
                .containsExactly(before, before, target, target);
        stock.ready(target, 4);
        serve();
        assertThat(List.of(claimers.stateOf(early), claimers.stateOf(late)))
                .as("the new version has another size")
                .containsExactly("waiting", "waiting");
        assertThat(List.of(claimers.stateOf(large), claimers.stateOf(any))).containsExactly("held", "held");
        UUID alsoLarge = waitsForSize(target, "large");
        stock.rollouts.refill(before, 3);
        serve();
        assertThat(List.of(claimers.stateOf(early), claimers.stateOf(late))).containsExactly("held", "held");
        assertThat(claimers.stateOf(alsoLarge)).isEqualTo("held");

        UUID last = waitsForSize(before, "small");
        stock.rollouts.finish(rollout);
        assertThat(await(stock.leases.follow(stock.clock.instant()))).isEqualTo(1);
        assertThat(stock.row("SELECT ended_reason || ': ' || failure AS n FROM claims WHERE id = $1", Tuple.of(last))
                        .getString("n"))
                .isEqualTo("preset_not_active: The preset was no longer active while the claim waited."
                        + " That of the active version has other values of: size.");
    }

    private UUID waitsForSize(UUID preset, String size) {
        stock.clock.forward(Duration.ofMillis(1));
        NewClaim claim = claimers.ask(anna)
                .with(new GivenParameters(Map.of(), Set.of(), Optional.empty(), Map.of("size", size), null));
        return claimers.waits(preset, claim, claimers.patience(0, false)).orElseThrow();
    }

    private int recycled(UUID preset) {
        UUID workspace = stock.rollouts.refill(preset, 1).getFirst();
        stock.sql(
                "UPDATE workspaces SET owner_id = $2, prebuild = false, dirty = true, deletion_wanted_at = now(), claimed_at = now(), uses = 1"
                        + " WHERE id = $1",
                workspace,
                anna.userId());
        int created = stock.rollouts.refilling(preset, () -> stock.create(preset, 1));
        assertThat(created).isEqualTo(1);
        int recycled = await(stock.builds.recycle(stock.clock.instant()));
        stock.buildAll();
        return recycled;
    }
}
