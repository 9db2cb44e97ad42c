package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.claim.GivenParameters.Chosen;
import dev.larder.model.Caller;
import dev.larder.testing.Stock;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.mutiny.sqlclient.Tuple;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A line changes while a claim of it is under way: after the claim has looked it up, or after it was told that the line
 * has no stock. The outcome is that of the version that is served then.
 */
class OutdatedLineTest {

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");
    private final UUID before = stock.declare("small", 5);
    private final Queue<Runnable> afterLookUps = new ConcurrentLinkedQueue<>();
    private final Queue<Runnable> afterReasons = new ConcurrentLinkedQueue<>();
    private final LookUps lookUps = new LookUps();
    private final Claims claims =
            Tuned.DEFAULT.claims(stock, (presets, at) -> Uni.createFrom().item(Map.of()), lookUps, new Reasons());

    @AfterEach
    void close() {
        stock.close();
    }

    /** Completes with the same item when the next step has been done. */
    private static <T> Uni<T> then(Queue<Runnable> steps, T item) {
        Runnable step = steps.poll();
        return step == null
                ? Uni.createFrom().item(item)
                : Uni.createFrom()
                        .item(() -> {
                            step.run();
                            return item;
                        })
                        .runSubscriptionOn(Infrastructure.getDefaultWorkerPool());
    }

    /** Look-ups after which something happens before the claim goes on. */
    private final class LookUps extends PresetReads {

        private int made;

        LookUps() {
            super(stock.pool);
        }

        private <T> Uni<T> then(Uni<T> lookUp) {
            made++;
            return lookUp.chain(found -> OutdatedLineTest.then(afterLookUps, found));
        }

        @Override
        public Uni<Optional<Line>> findPreset(UUID preset, Optional<UUID> callersOrganization) {
            return then(super.findPreset(preset, callersOrganization));
        }

        @Override
        public Uni<Map<String, Line>> findPresets(
                Optional<String> organization,
                String template,
                List<String> presets,
                Optional<UUID> callersOrganization) {
            return then(super.findPresets(organization, template, presets, callersOrganization));
        }

        @Override
        public Uni<Optional<Fitting>> findByParameters(
                Optional<String> organization,
                String template,
                Map<String, String> parameters,
                Optional<UUID> callersOrganization) {
            return then(super.findByParameters(organization, template, parameters, callersOrganization));
        }
    }

    /** The same for reading why a claim found no stock. */
    private final class Reasons extends AvailabilityReads {

        Reasons() {
            super(stock.pool);
        }

        @Override
        public Uni<Optional<Availability>> availability(UUID preset, Optional<UUID> callersOrganization, Instant at) {
            return super.availability(preset, callersOrganization, at).chain(found -> then(afterReasons, found));
        }
    }

    /** The ways to mean the version before, or the target. */
    enum Way {
        BY_ID,
        BY_NAME,
        BY_PARAMETERS,
        WITH_PARAMETERS
    }

    private static Wanted named(String... names) {
        return new Wanted.PresetsByName(Optional.empty(), Stock.TEMPLATE, List.of(names));
    }

    private static Wanted wanted(Way way, UUID preset) {
        return switch (way) {
            case BY_ID -> new Wanted.PresetById(preset);
            case BY_NAME -> named("small");
            case BY_PARAMETERS -> new Wanted.ByParameters(Optional.empty(), Stock.TEMPLATE, Map.of(), Set.of());
            case WITH_PARAMETERS -> new Wanted.WithParameters(named("small"), Map.of(), Set.of());
        };
    }

    private Outcome claim(Wanted wanted, Policy policy, int count) {
        ClaimRequest request = new ClaimRequest(wanted, policy, count, count, Optional.empty());
        return await(claims.claim(anna, request, Optional.empty()));
    }

    private Outcome claim(Wanted wanted) {
        return claim(wanted, new Policy.Fail(), 1);
    }

    private UUID presetOf(Outcome outcome) {
        UUID claim = switch (outcome) {
            case Outcome.Begun(var begun, var path) -> begun;
            case Outcome.Given(var given, var stages) -> given.getFirst().id();
            default -> throw new AssertionError("no claim: " + outcome);
        };
        return stock.row("SELECT preset_id FROM claims WHERE id = $1", Tuple.of(claim))
                .getUUID("preset_id");
    }

    private UUID newVersion() {
        stock.promoteNewVersion();
        return stock.preset("small");
    }

    /** A rollout from the version before to a new one. */
    private UUID rollout() {
        return stock.rollout(before, newVersion());
    }

    @ParameterizedTest
    @EnumSource
    void a_line_without_stock_that_is_rolled_back_after_the_look_up_has_none_in_stock(Way way) {
        UUID rollout = rollout();
        afterLookUps.add(() -> stock.rollouts.rollBack(rollout));

        assertThat(claim(wanted(way, before))).isInstanceOf(Outcome.NoneInStock.class);
        assertThat(lookUps.made).isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource
    void a_batch_of_a_line_that_is_rolled_back_after_the_look_up_finds_too_few(Way way) {
        UUID rollout = rollout();
        stock.rollouts.refill(before, 1);
        afterLookUps.add(() -> stock.rollouts.rollBack(rollout));

        assertThat(claim(wanted(way, before), new Policy.Fail(), 2)).isInstanceOf(Outcome.NoneInStock.class);
    }

    @ParameterizedTest
    @EnumSource
    void a_claim_waits_for_the_version_that_was_rolled_back_to_after_the_look_up(Way way) {
        UUID rollout = rollout();
        afterLookUps.add(() -> stock.rollouts.rollBack(rollout));

        assertThat(presetOf(claim(wanted(way, before), wait5(), 1))).isEqualTo(before);
        assertThat(stock.count("claims WHERE path = 'waited' AND workspace_id IS NULL"))
                .isOne();
    }

    private static Policy wait5() {
        return new Policy.Wait(Duration.ofMinutes(5), 0, false);
    }

    @ParameterizedTest
    @EnumSource(names = "BY_PARAMETERS", mode = EnumSource.Mode.EXCLUDE)
    void the_version_that_was_rolled_back_to_after_the_look_up_is_built_cold(Way way) {
        UUID rollout = rollout();
        afterLookUps.add(() -> stock.rollouts.rollBack(rollout));

        assertThat(presetOf(claim(wanted(way, before), new Policy.Cold(), 1))).isEqualTo(before);
    }

    @ParameterizedTest
    @EnumSource
    void a_claim_waits_for_the_version_that_was_rolled_back_to_after_it_was_told_that_there_is_no_stock(Way way) {
        UUID rollout = rollout();
        afterReasons.add(() -> stock.rollouts.rollBack(rollout));

        assertThat(presetOf(claim(wanted(way, before), wait5(), 1))).isEqualTo(before);
    }

    @ParameterizedTest
    @EnumSource
    void the_version_that_was_rolled_back_to_is_built_cold_for_a_claim_that_was_told_that_there_is_no_stock(Way way) {
        UUID rollout = rollout();
        afterReasons.add(() -> stock.rollouts.rollBack(rollout));

        assertThat(presetOf(claim(wanted(way, before), new Policy.Cold(), 1))).isEqualTo(before);
    }

    @ParameterizedTest
    @EnumSource(names = {"BY_ID", "BY_NAME"})
    void a_new_workspace_is_of_the_version_that_was_rolled_back_to_after_the_look_up(Way way) {
        UUID rollout = rollout();
        afterLookUps.add(() -> stock.rollouts.rollBack(rollout));
        ClaimRequest request =
                new ClaimRequest(wanted(way, before), new Policy.Cold(), 1, 1, Optional.of(Duration.ofHours(1)));

        Outcome made = await(claims.create(anna, request, new Chosen(UUID.randomUUID(), "mine"), Optional.empty()));

        assertThat(presetOf(made)).isEqualTo(before);
    }

    @Test
    void the_id_of_a_version_that_is_rolled_back_after_the_look_up_is_not_active() {
        UUID target = newVersion();
        UUID rollout = stock.rollout(before, target);
        afterLookUps.add(() -> stock.rollouts.rollBack(rollout));

        assertThat(claim(wanted(Way.BY_ID, target))).isInstanceOf(Outcome.NotActive.class);
        assertThat(claim(wanted(Way.BY_ID, target), wait5(), 1)).isInstanceOf(Outcome.NotActive.class);
        assertThat(claim(wanted(Way.BY_ID, target), new Policy.Cold(), 1)).isInstanceOf(Outcome.NotActive.class);
    }

    @ParameterizedTest
    @EnumSource
    void a_server_that_remembers_an_older_line_looks_up_twice(Way way) {
        assertThat(claim(wanted(way, before))).isInstanceOf(Outcome.NoneInStock.class);
        UUID rollout = rollout();
        afterLookUps.add(() -> stock.rollouts.rollBack(rollout));

        assertThat(claim(wanted(way, before))).isInstanceOf(Outcome.NoneInStock.class);
    }

    @ParameterizedTest
    @EnumSource
    void a_version_that_becomes_the_target_after_the_look_up_gives_its_stock(Way way) {
        UUID target = newVersion();
        stock.ready(target, 1);
        stock.sql("UPDATE presets SET rollout_id = NULL, rollout_role = NULL");
        stock.sql("DELETE FROM rollouts");
        String activate = "UPDATE templates SET active_version_id = (SELECT version_id FROM presets WHERE id = $1)";
        stock.sql(activate, before);
        afterLookUps.add(() -> {
            stock.sql(activate, target);
            stock.rollouts.begin(before, target);
        });

        assertThat(presetOf(claim(wanted(way, before)))).isEqualTo(target);
    }

    @Test
    void of_several_names_one_gives_its_stock_that_had_no_rollout_when_they_were_looked_up() {
        stock.declare("large", 1);
        UUID small = stock.preset("small");
        UUID large = stock.preset("large");
        stock.ready(large, 1);
        stock.promoteNewVersion();
        stock.sql("UPDATE presets SET rollout_id = NULL, rollout_role = NULL WHERE name = 'large'");
        UUID rollout = stock.rollouts.beginCanary(small, stock.preset("small"));
        afterLookUps.add(() -> stock.rollouts.rollBack(rollout));

        assertThat(presetOf(claim(named("small", "large")))).isEqualTo(large);
    }

    @Test
    void a_set_of_claims_is_given_of_the_version_that_was_rolled_back_to_after_the_look_up() {
        ClaimSets sets = new ClaimSets(
                stock.newClaims,
                lookUps,
                new ClaimSetStore(stock.quotas),
                new EarlierClaims(stock.claimReads),
                new WakeUps(),
                stock.clock);
        UUID rollout = rollout();
        stock.rollouts.refill(before, 2);
        afterLookUps.add(() -> stock.rollouts.rollBack(rollout));
        String member = "{\"name\": \"%s\", \"template\": \"" + Stock.TEMPLATE + "\", \"preset\": \"small\"}";
        String both = "{\"members\": [%s, %s]}".formatted(member.formatted("a"), member.formatted("b"));

        Outcome given =
                await(sets.claim(anna, ClaimSetRequest.of(both.getBytes(StandardCharsets.UTF_8)), Optional.empty()));

        assertThat(presetOf(given)).isEqualTo(before);
    }

    @Test
    void a_claim_before_each_of_whose_statements_another_version_is_promoted_gives_up_after_two_look_ups() {
        stock.replacing();
        for (int i = 0; i < 5; i++) {
            afterLookUps.add(stock::promoteNewVersion);
        }

        assertThat(claim(named("small"))).isInstanceOf(Outcome.NotActive.class);
        assertThat(lookUps.made).isEqualTo(2);
        assertThat(claim(named("small"))).isInstanceOf(Outcome.NotActive.class);
        assertThat(lookUps.made).as("what was remembered comes before").isEqualTo(4);
    }

    @Test
    void a_claim_that_is_given_or_missed_looks_up_once() {
        stock.ready(before, 1);

        assertThat(claim(wanted(Way.BY_ID, before))).isInstanceOf(Outcome.Given.class);
        assertThat(claim(wanted(Way.BY_ID, before))).isInstanceOf(Outcome.NoneInStock.class);
        assertThat(lookUps.made).isEqualTo(1);
        stock.rollout(before, newVersion());
        assertThat(claim(named("small"))).isInstanceOf(Outcome.NoneInStock.class);
        assertThat(claim(named("small"), new Policy.Fail(), 2)).isInstanceOf(Outcome.NoneInStock.class);
        assertThat(claim(wanted(Way.BY_PARAMETERS, before), new Policy.Fail(), 2))
                .as("its look-up is never remembered")
                .isInstanceOf(Outcome.NoneInStock.class);
        assertThat(lookUps.made).isEqualTo(4);
    }
}
