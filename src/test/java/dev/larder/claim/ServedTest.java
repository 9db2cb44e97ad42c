package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static java.time.ZoneOffset.UTC;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.model.Caller;
import dev.larder.model.CreationStatus;
import dev.larder.model.CreationStatus.Reason;
import dev.larder.testing.Claimers;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which versions serve a claim while a rollout runs: the target, and else the versions before (decision 0046). */
class ServedTest {

    private static final Policy FAIL = new Policy.Fail();

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");
    private final UUID before = stock.declare("small", 5);
    private final Map<UUID, CreationStatus> statuses = new HashMap<>();
    private Claims claims = anotherServer();

    @AfterEach
    void close() {
        stock.close();
    }

    private Claims anotherServer() {
        return Tuned.DEFAULT.claims(stock, (presets, at) -> Uni.createFrom().item(statuses));
    }

    /** The ways to say which preset is meant. */
    enum Way {
        THE_TARGET_BY_ID,
        THE_VERSION_BEFORE_BY_ID,
        BY_NAME,
        BY_PARAMETERS,
        WITH_PARAMETERS
    }

    private UUID newVersion() {
        stock.promoteNewVersion();
        return stock.preset("small");
    }

    private Wanted wanted(Way way, UUID target) {
        Wanted byName = new Wanted.PresetsByName(Optional.empty(), Stock.TEMPLATE, List.of("small"));
        return switch (way) {
            case THE_TARGET_BY_ID -> new Wanted.PresetById(target);
            case THE_VERSION_BEFORE_BY_ID -> new Wanted.PresetById(before);
            case BY_NAME -> byName;
            case BY_PARAMETERS -> new Wanted.ByParameters(Optional.empty(), Stock.TEMPLATE, Map.of(), Set.of());
            case WITH_PARAMETERS -> new Wanted.WithParameters(byName, Map.of(), Set.of());
        };
    }

    private Outcome claim(Wanted wanted, Policy policy) {
        return await(claims.claim(anna, new ClaimRequest(wanted, policy, 1, 1, Optional.empty()), Optional.empty()));
    }

    private Outcome claim(Way way, UUID target) {
        return claim(wanted(way, target), FAIL);
    }

    private Outcome claimByName() {
        return claim(wanted(Way.BY_NAME, before), FAIL);
    }

    private UUID presetOf(Outcome outcome) {
        assertThat(outcome).isInstanceOf(Outcome.Given.class);
        UUID claim = ((Outcome.Given) outcome).claims().getFirst().id();
        return stock.row("SELECT preset_id FROM claims WHERE id = $1", Tuple.of(claim))
                .getUUID("preset_id");
    }

    private Outcome batch(String key, int count, int atLeast) {
        ClaimRequest request = new ClaimRequest(wanted(Way.BY_NAME, before), FAIL, count, atLeast, Optional.empty());
        return await(claims.claim(anna, request, Optional.of(key)));
    }

    @ParameterizedTest
    @EnumSource
    void the_target_serves_first_and_the_version_before_where_it_has_no_stock(Way way) {
        stock.ready(before, 1);
        UUID target = newVersion();
        stock.rollout(before, target);
        stock.ready(target, 1);

        assertThat(presetOf(claim(way, target))).isEqualTo(target);
        assertThat(presetOf(claim(way, target))).isEqualTo(before);
        assertThat(claim(way, target)).isInstanceOf(Outcome.NoneInStock.class);
    }

    @ParameterizedTest
    @EnumSource
    void a_version_that_is_tried_serves_nothing_until_it_has_passed_also_while_it_is_held(Way way) {
        stock.ready(before, 2);
        UUID target = newVersion();
        UUID rollout = stock.rollouts.beginCanary(before, target);
        stock.ready(target, 1);

        assertThat(presetOf(claim(way, target))).isEqualTo(before);
        stock.rollouts.hold(rollout);
        assertThat(presetOf(claim(way, target))).isEqualTo(before);
        assertThat(claim(way, target)).isInstanceOf(Outcome.NoneInStock.class);
        stock.rollouts.pass(rollout);
        assertThat(presetOf(claim(way, target))).isEqualTo(target);
    }

    @ParameterizedTest
    @EnumSource
    void of_several_versions_before_the_newest_comes_first(Way way) {
        stock.ready(before, 1);
        UUID second = newVersion();
        stock.rollout(before, second);
        stock.ready(second, 1);
        UUID third = newVersion();
        stock.rollout(second, third);
        stock.ready(third, 1);

        List<UUID> served = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            served.add(presetOf(claim(way, third)));
        }

        assertThat(served).containsExactly(third, second, before);
        assertThat(claim(way, third)).isInstanceOf(Outcome.NoneInStock.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"deprecated_reason = 'old'", "deleted_at = now()"})
    void a_deprecated_or_deleted_template_serves_nothing_of_any_version(String end) {
        stock.ready(before, 1);
        UUID target = newVersion();
        stock.rollout(before, target);
        stock.ready(target, 1);
        assertThat(presetOf(claimByName())).isEqualTo(target);
        stock.sql("UPDATE templates SET " + end);

        for (Way way : List.of(Way.BY_NAME, Way.THE_TARGET_BY_ID, Way.THE_VERSION_BEFORE_BY_ID)) {
            assertThat(claim(way, target)).isInstanceOfAny(Outcome.NotActive.class, Outcome.Unknown.class);
        }
    }

    @Test
    void without_a_rollout_only_the_active_version_serves() {
        stock.ready(before, 2);
        UUID target = newVersion();
        stock.rollouts.finish(stock.rollout(before, target));

        assertThat(claim(Way.THE_VERSION_BEFORE_BY_ID, target)).isInstanceOf(Outcome.NotActive.class);
        assertThat(claimByName()).isInstanceOf(Outcome.NoneInStock.class);
    }

    @Test
    void a_server_that_knows_the_line_learns_of_every_step_of_its_rollout() {
        stock.ready(before, 5);
        assertThat(presetOf(claimByName())).isEqualTo(before);
        UUID target = newVersion();
        stock.ready(target, 3);
        UUID rollout = stock.rollouts.beginCanary(before, target);
        assertThat(presetOf(claimByName())).isEqualTo(before);
        assertThat(presetOf(claimByName())).isEqualTo(before);
        stock.rollouts.pass(rollout);
        assertThat(presetOf(claimByName())).as("nothing was asked in between").isEqualTo(before);
        assertThat(presetOf(claimByName())).isEqualTo(target);

        stock.rollouts.rollBack(rollout);
        assertThat(presetOf(claimByName())).as("the target serves no more").isEqualTo(before);
        assertThat(claimByName()).isInstanceOf(Outcome.NoneInStock.class);
        assertThat(claim(Way.THE_TARGET_BY_ID, target)).isInstanceOf(Outcome.NotActive.class);
    }

    @Test
    void claimers_get_as_many_workspaces_as_there_are_each_another_one() {
        stock.ready(before, 4);
        UUID target = newVersion();
        stock.rollout(before, target);
        stock.ready(target, 3);
        Claims other = anotherServer();

        List<CompletableFuture<Outcome>> begun = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            Claims server = i % 2 == 0 ? claims : other;
            ClaimRequest request = new ClaimRequest(wanted(Way.BY_NAME, target), FAIL, 1, 1, Optional.empty());
            begun.add(Claimers.begin(server.claim(anna, request, Optional.empty())));
        }
        List<Outcome> ended = begun.stream().map(Claimers::end).toList();

        assertThat(ended).filteredOn(Outcome.Given.class::isInstance).hasSize(7);
        assertThat(ended).filteredOn(Outcome.NoneInStock.class::isInstance).hasSize(5);
        assertThat(stock.count("(SELECT DISTINCT workspace_id FROM claims) c")).isEqualTo(7);
    }

    @Test
    void requests_under_one_key_get_one_workspace_of_whichever_version() {
        stock.ready(before, 3);
        UUID target = newVersion();
        stock.rollout(before, target);
        stock.ready(target, 1);
        Claims other = anotherServer();

        List<CompletableFuture<Outcome>> begun = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            Claims server = i % 2 == 0 ? claims : other;
            ClaimRequest request = new ClaimRequest(wanted(Way.BY_NAME, target), FAIL, 1, 1, Optional.empty());
            begun.add(Claimers.begin(server.claim(anna, request, Optional.of("k"))));
        }

        assertThat(begun.stream().map(Claimers::end))
                .allMatch(outcome -> outcome instanceof Outcome.Given || outcome instanceof Outcome.Replayed);
        assertThat(stock.count("claims")).isEqualTo(1);
        stock.rollouts.refill(before, 1);
        assertThat(batch("k", 1, 1)).isInstanceOf(Outcome.Replayed.class);
        assertThat(stock.count("claims")).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_batch_counts_the_stock_of_all_versions_under_one_key(boolean quota) {
        if (quota) {
            stock.sql("UPDATE organizations SET claims_max = 10");
        }
        stock.ready(before, 2);
        UUID target = newVersion();
        stock.rollout(before, target);
        stock.ready(target, 2);

        assertThat(batch("five", 5, 5)).isInstanceOf(Outcome.NoneInStock.class);
        assertThat(stock.count("claims")).as("all or nothing").isZero();
        Outcome given = batch("four", 5, 3);

        assertThat(given).isInstanceOf(Outcome.Given.class);
        List<Claim> four = ((Outcome.Given) given).claims();
        assertThat(new HashSet<>(four.stream()
                        .map(one -> one.workspace().orElseThrow().id())
                        .toList()))
                .hasSize(4);
        assertThat(batch("four", 5, 3))
                .isEqualTo(new Outcome.Replayed(four.stream().map(Claim::id).toList(), "warm"));
    }

    @Test
    void the_workspace_has_the_steps_of_its_own_version() {
        stock.ready(before, 1);
        stock.withClaimStep();
        stock.withScript("verify.sh");
        UUID target = newVersion();
        stock.rollout(before, target);
        stock.ready(target, 1);

        assertThat(presetOf(claimByName())).isEqualTo(target);
        assertThat(stock.count("workspaces WHERE verifying AND claim_step_wanted_at IS NOT NULL"))
                .isEqualTo(1);
        assertThat(presetOf(claimByName())).isEqualTo(before);
        assertThat(stock.count("workspaces WHERE claim_step_wanted_at IS NOT NULL"))
                .isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(names = {"BY_NAME", "THE_TARGET_BY_ID", "THE_VERSION_BEFORE_BY_ID", "WITH_PARAMETERS"})
    void a_cold_build_is_of_the_target_and_of_the_newest_version_before_while_that_is_tried(Way way) {
        UUID second = newVersion();
        stock.rollout(before, second);
        UUID third = newVersion();
        UUID rollout = stock.rollouts.beginCanary(second, third);

        assertThat(coldPreset(claim(wanted(way, third), new Policy.Cold()))).isEqualTo(second);
        stock.rollouts.pass(rollout);
        assertThat(coldPreset(claim(wanted(way, third), new Policy.Cold()))).isEqualTo(third);
    }

    private UUID coldPreset(Outcome outcome) {
        assertThat(outcome).isInstanceOf(Outcome.Begun.class);
        return stock.row("""
                        SELECT w.preset_id FROM claims c JOIN workspaces w ON w.id = c.workspace_id AND w.preset_id = c.preset_id
                         WHERE c.id = $1""", Tuple.of(((Outcome.Begun) outcome).claim())).getUUID("preset_id");
    }

    @Test
    void exactly_this_workspace_is_given_of_every_version_that_is_served() {
        UUID old = stock.ready(before, 1).getFirst();
        UUID target = newVersion();
        UUID rollout = stock.rollouts.beginCanary(before, target);
        UUID tried = stock.ready(target, 1).getFirst();

        assertThat(exactly(tried)).isEqualTo(new ExactClaims.Result.Blocked(Obstacle.PRESET_NOT_ACTIVE));
        assertThat(exactly(old)).isInstanceOf(ExactClaims.Result.Decided.class);
        stock.rollouts.rollBack(rollout);
        assertThat(exactly(tried)).isEqualTo(new ExactClaims.Result.Blocked(Obstacle.PRESET_NOT_ACTIVE));
    }

    private ExactClaims.Result exactly(UUID workspace) {
        Wanted.Exactly wanted = new Wanted.Exactly(workspace, version(workspace));
        return await(Tuned.exact(stock, stock.pool)
                .claim(anna, new ClaimRequest(wanted, FAIL, 1, 1, Optional.empty()), wanted, Optional.empty()));
    }

    private int version(UUID workspace) {
        return stock.integer("SELECT version AS n FROM workspaces WHERE id = $1", Tuple.of(workspace));
    }

    @Test
    void creation_is_stopped_only_where_no_version_is_built() {
        UUID target = newVersion();
        stock.rollout(before, target);
        CreationStatus stopped = new CreationStatus(List.of(new Reason("hard_limit", null, "it failed")));
        statuses.put(target, stopped);
        statuses.put(before, CreationStatus.GOES_ON);

        assertThat(claimByName().word()).isEqualTo("no_claimable_workspace");
        Reason failed = new Reason("validation_failed", null, "version 1: it has no value");
        statuses.put(before, new CreationStatus(List.of(failed)));
        claims = anotherServer();
        Outcome none = claimByName();
        assertThat(none.word()).isEqualTo("creation_stopped");
        assertThat(((Outcome.NoneInStock) none).estimate().stops())
                .as("each version says why")
                .containsExactly(stopped.stops().getFirst(), failed);
    }

    @Test
    void stock_that_is_to_be_replaced_is_given_where_there_is_no_other() {
        List<UUID> ready = stock.ready(before, 2);
        stock.clock.forward(Duration.ofSeconds(1));
        stock.sql("UPDATE presets SET stale_from = $1", stock.clock.instant().atOffset(UTC));
        ready = new ArrayList<>(ready);
        ready.addAll(0, stock.ready(before, 1));

        List<UUID> given = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            given.add(((Outcome.Given) claimByName())
                    .claims()
                    .getFirst()
                    .workspace()
                    .orElseThrow()
                    .id());
        }

        assertThat(given).isEqualTo(ready);
        assertThat(claimByName()).isInstanceOf(Outcome.NoneInStock.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"oldest", "newest", "random"})
    void a_batch_takes_what_is_to_be_replaced_last(String order) {
        stock.sql("UPDATE presets SET claim_order = $1", order);
        stock.ready(before, 3);
        stock.clock.forward(Duration.ofSeconds(1));
        stock.sql("UPDATE presets SET stale_from = $1", stock.clock.instant().atOffset(UTC));
        List<UUID> fresh = stock.ready(before, 2);

        assertThat(batch("six", 6, 6)).isInstanceOf(Outcome.NoneInStock.class);
        Outcome given = batch("three", 3, 3);

        assertThat(((Outcome.Given) given).claims())
                .extracting(claim -> claim.workspace().orElseThrow().id())
                .hasSize(3)
                .containsAll(fresh);
    }

    @Test
    void a_prebuild_is_expired_from_the_instant_at_which_its_time_in_stock_ends() {
        UUID workspace = stock.ready(before, 1).getFirst();
        stock.sql(
                "UPDATE workspaces SET stock_until = $1",
                stock.clock.instant().plusMillis(1).atOffset(UTC));
        assertThat(exactly(workspace)).isInstanceOf(ExactClaims.Result.Decided.class);
        UUID next = stock.ready(before, 1).getFirst();
        stock.sql(
                "UPDATE workspaces SET stock_until = $2 WHERE id = $1",
                next,
                stock.clock.instant().atOffset(UTC));

        assertThat(claimByName()).isInstanceOf(Outcome.NoneInStock.class);
        assertThat(exactly(next)).isEqualTo(new ExactClaims.Result.Blocked(Obstacle.WORKSPACE_EXPIRED));
    }
}
