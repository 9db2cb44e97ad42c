package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.http.Problem;
import dev.larder.lifecycle.EndClaimStore.Return;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.CreationStatus;
import dev.larder.model.Declaration.HandOut;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.Declaration.Renewal;
import dev.larder.model.JobOutcome;
import dev.larder.model.Parameter;
import dev.larder.model.ParameterLimits;
import dev.larder.model.Transition;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Planted;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Tuple;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A claim gives values of late parameters to a workspace that is built already (decision 0040). */
class LateParametersTest {

    private static final Policy FAIL = new Policy.Fail();
    private static final Policy COLD = new Policy.Cold();
    private static final Policy WAIT = new Policy.Wait(Duration.ofMinutes(5), 0, false);
    private static final String HUSH = Planted.SECRET;
    private static final ParameterLimits REGIONS =
            new ParameterLimits(List.of(), null, null, null, 4_096, "[a-z]{2}[0-9]*");

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");
    private Map<String, String> values = Map.of("size", "1", "region", "de");
    private UUID preset = UUID.randomUUID();
    private final Claims claims;

    LateParametersTest() {
        stock.withScript("claim.sh");
        preset = declared(late("region", "string", false, "eu", REGIONS));
        claims = Tuned.DEFAULT.claims(
                stock, (presets, at) -> Uni.createFrom().item(Map.of(preset, CreationStatus.GOES_ON)));
    }

    private static Parameter late(
            String name, String type, boolean sensitive, @Nullable String standard, ParameterLimits limits) {
        return new Parameter(name, type, new Parameter.Use(false, false, sensitive, true), standard, limits, null);
    }

    @CanIgnoreReturnValue
    private UUID declared(Parameter region) {
        stock.withParameters(
                new Parameter("size", "number", true, false, false, null),
                region,
                late(
                        "count",
                        "number",
                        false,
                        null,
                        new ParameterLimits(List.of(), BigDecimal.ONE, BigDecimal.TEN, null, null, null)),
                late("token", "string", true, null, ParameterLimits.NONE));
        return declare(1);
    }

    @CanIgnoreReturnValue
    private UUID declare(int maxUses) {
        return stock.declare(new PresetDeclaration(
                "small",
                values,
                Optional.of(3),
                Optional.empty(),
                null,
                List.of(),
                new HandOut(HandOut.OLDEST, maxUses),
                Renewal.DEFAULT));
    }

    @AfterEach
    void close() {
        stock.close();
    }

    private ClaimRequest wanting(Policy policy, Map<String, String> parameters) {
        return new ClaimRequest(byPreset(parameters), policy, 1, 1, Optional.empty());
    }

    private Wanted byPreset(Map<String, String> parameters) {
        return new Wanted.WithParameters(
                new Wanted.PresetsByName(Optional.empty(), Stock.TEMPLATE, List.of("small")), parameters, Set.of());
    }

    @CanIgnoreReturnValue
    private Outcome claim(Policy policy, Map<String, String> parameters) {
        return await(claims.claim(anna, wanting(policy, parameters), Optional.empty()));
    }

    @CanIgnoreReturnValue
    private Claim given(Map<String, String> parameters) {
        Outcome outcome = claim(FAIL, parameters);
        assertThat(outcome).isInstanceOf(Outcome.Given.class);
        return ((Outcome.Given) outcome).claims().getFirst();
    }

    /** The next job of the kind that the janitor begins for claimed workspaces. */
    private Assignment claimStep() {
        assertThat(await(stock.builds.beginClaimSteps(stock.clock.instant()))).isEqualTo(1);
        return stock.take(1).getFirst();
    }

    private int lateValues() {
        return stock.count("workspaces WHERE late_parameters IS NOT NULL");
    }

    @Test
    void stock_is_built_with_the_presets_value() {
        stock.create(preset, 1);

        assertThat(stock.take(1).getFirst().parameters().values())
                .containsExactlyInAnyOrderEntriesOf(Map.of("size", "1", "region", "de"));
    }

    @Test
    void a_workspace_from_stock_has_the_value_in_its_claim_build_and_its_deletion() {
        stock.ready(preset, 1);

        Claim claim = given(Map.of("region", "us1", "count", "2"));
        Assignment step = claimStep();
        stock.succeed(step);
        assertThat(stock.release(claim.id())).isTrue();
        await(stock.builds.deleteUsedUp(stock.clock.instant()));
        Assignment deletion = stock.take(1).getFirst();

        assertThat(step.reason()).isEqualTo(Assignment.CLAIM);
        assertThat(step.parameters().values())
                .containsExactlyInAnyOrderEntriesOf(Map.of("size", "1", "region", "us1", "count", "2"));
        assertThat(step.parameters().early()).containsExactlyInAnyOrderEntriesOf(Map.of("size", "1", "region", "de"));
        assertThat(deletion.transition()).isEqualTo(Transition.DELETE);
        assertThat(deletion.parameters().values()).containsEntry("region", "us1");
    }

    @Test
    void the_verification_of_a_claimed_workspace_has_the_value_too() {
        stock.withScript("verify.sh");
        preset = declare(1);
        stock.ready(preset, 1);

        given(Map.of("region", "us1"));

        Assignment verify = claimStep();
        assertThat(verify.reason()).isEqualTo(Assignment.VERIFY);
        assertThat(verify.parameters().values()).containsEntry("region", "us1");
    }

    @Test
    void a_claim_whose_workspace_failed_its_verification_gives_the_value_to_the_next_one() {
        stock.withScript("verify.sh");
        preset = declare(1);
        List<UUID> ready = stock.ready(preset, 2);

        claim(WAIT, Map.of("region", "us1"));
        stock.fail(claimStep());
        assertThat(await(stock.leases.returnUnfit(stock.clock.instant()))).isEqualTo(1);
        assertThat(lateValues()).isZero();
        await(stock.claims.take(preset, Claimable.Order.OLDEST, List.of(), 0, ScanStart.OLDEST, stock.clock.instant()));

        Assignment verify = claimStep();
        assertThat(verify.workspaceId()).isEqualTo(ready.get(1));
        assertThat(verify.parameters().values()).containsEntry("region", "us1");
    }

    @Test
    void a_preset_is_chosen_by_the_others() {
        stock.ready(preset, 1);
        Wanted wanted = new Wanted.ByParameters(
                Optional.empty(), Stock.TEMPLATE, Map.of("size", "1", "region", "us1"), Set.of());

        Outcome outcome =
                await(claims.claim(anna, new ClaimRequest(wanted, FAIL, 1, 1, Optional.empty()), Optional.empty()));

        assertThat(outcome).isInstanceOf(Outcome.Given.class);
        assertThat(claimStep().parameters().values()).containsEntry("region", "us1");
    }

    @Test
    void several_workspaces_of_one_claim_have_the_same_values() {
        stock.ready(preset, 2);

        await(claims.claim(
                anna,
                new ClaimRequest(byPreset(Map.of("region", "us1")), FAIL, 2, 2, Optional.empty()),
                Optional.empty()));

        assertThat(lateValues()).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "colour | red | unknown_parameter",
                "Region | eu | unknown_parameter",
                "region | Paris | value_not_allowed",
                "region | '' | value_not_allowed",
                "count | many | value_not_of_type",
                "count | 0.999 | value_not_allowed",
                "count | 11 | value_not_allowed",
                "size | 2 | parameter_without_effect",
            })
    void a_value_that_no_workspace_in_stock_can_have_is_refused_by_name(String name, String value, String code) {
        stock.ready(preset, 1);

        assertThatThrownBy(() -> claim(FAIL, Map.of(name, value))).isInstanceOfSatisfying(Problem.class, problem -> {
            assertThat(problem.status()).isEqualTo(422);
            assertThat(problem.code()).isEqualTo(code);
            assertThat(problem.refusals().getFirst().field()).isEqualTo("parameters." + name);
        });
        assertThat(stock.count("claims")).isZero();
    }

    @Test
    void a_preset_that_was_remembered_is_looked_up_again_before_a_value_is_refused() {
        stock.ready(preset, 1);
        given(Map.of());

        values = Map.of("size", "1");
        preset = declared(late("zone", "string", false, null, ParameterLimits.NONE));
        stock.ready(preset, 1);

        assertThat(given(Map.of("zone", "b")).request().parameters()).isEqualTo(Map.of("zone", "b"));
    }

    @Test
    void late_values_of_more_than_64_KiB_are_refused() {
        stock.ready(preset, 1);
        List<Parameter> many = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            many.add(late("p" + i, "string", false, null, ParameterLimits.NONE));
        }
        many.add(new Parameter("size", "number", true, false, false, null));
        many.add(new Parameter("region", "string", false, false, false, null));
        stock.withParameters(many.toArray(Parameter[]::new));
        declare(1);
        String large = "x".repeat(16_384);

        assertThatThrownBy(() -> claim(FAIL, Map.of("p0", large, "p1", large, "p2", large, "p3", large, "p4", "x")))
                .isInstanceOfSatisfying(
                        Problem.class, problem -> assertThat(problem.code()).isEqualTo("parameters_too_large"));
    }

    @Test
    void a_cold_build_gets_all_values() {
        claim(COLD, Map.of("size", "2", "region", "us1", "token", HUSH));

        Assignment build = stock.take(1).getFirst();
        assertThat(build.parameters().values())
                .containsExactlyInAnyOrderEntriesOf(Map.of("size", "2", "region", "us1", "token", HUSH));
        assertThat(build.parameters().early()).containsExactlyInAnyOrderEntriesOf(Map.of("size", "2", "region", "de"));
    }

    @Test
    void a_claim_that_waits_keeps_its_values_until_it_is_served() {
        claim(WAIT, Map.of("region", "us1", "token", HUSH));
        stock.ready(preset, 1);

        await(stock.claims.take(preset, Claimable.Order.OLDEST, List.of(), 0, ScanStart.OLDEST, stock.clock.instant()));

        assertThat(claimStep().parameters().values())
                .containsEntry("region", "us1")
                .containsEntry("token", HUSH);
    }

    @Test
    void a_claim_that_waited_in_vain_is_built_with_its_values() {
        claim(new Policy.Wait(Duration.ofMinutes(5), 0, true), Map.of("region", "us1", "token", HUSH));
        UUID claim = stock.row("SELECT id FROM claims", Tuple.tuple()).getUUID("id");

        assertThat(await(stock.coldClaims.coldForWaiting(claim, stock.clock.instant())))
                .isTrue();

        assertThat(stock.take(1).getFirst().parameters().values())
                .containsEntry("region", "us1")
                .containsEntry("token", HUSH);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_claim_that_waits_follows_to_a_version_that_takes_its_values_alike(boolean alike) {
        stock.replacing();
        claim(WAIT, Map.of("region", "us1"));

        declared(late("region", "string", false, "fr", alike ? REGIONS : ParameterLimits.NONE));
        assertThat(await(stock.leases.follow(stock.clock.instant()))).isEqualTo(1);

        assertThat(stock.count("claims WHERE ended_reason = 'preset_not_active'"))
                .isEqualTo(alike ? 0 : 1);
        assertThat(stock.count("claims WHERE ended_at IS NULL AND late_parameters IS NOT NULL"))
                .isEqualTo(alike ? 1 : 0);
    }

    @Test
    void a_recycled_workspace_has_none_of_the_values_of_its_last_claim() {
        stock.withScript("reset.sh");
        preset = declare(9);
        stock.ready(preset, 1);
        Claim claim = given(Map.of("region", "us1", "token", HUSH));
        stock.succeed(claimStep());
        stock.create(preset, 1);

        assertThat(await(stock.leases.release(claim.id(), OptionalInt.empty(), stock.clock.instant())))
                .isEqualTo(Return.TO_RESET);
        assertThat(await(stock.builds.recycle(stock.clock.instant()))).isEqualTo(1);

        Assignment reset = stock.take(1).getFirst();
        assertThat(reset.reason()).isEqualTo(Assignment.RECYCLE);
        assertThat(reset.parameters().values()).containsExactlyInAnyOrderEntriesOf(Map.of("size", "1", "region", "de"));
        assertThat(lateValues()).isZero();
        stock.succeed(reset);
        given(Map.of());
        assertThat(claimStep().parameters().values())
                .containsEntry("region", "de")
                .doesNotContainKey("token");
    }

    @Test
    void a_sensitive_value_lies_sealed_and_no_value_outlives_claim_and_workspace() {
        stock.ready(preset, 1);
        Claim claim = given(Map.of("region", "us1", "token", HUSH));
        Assignment step = claimStep();
        assertThat(step.parameters().values()).containsEntry("token", HUSH);
        assertThat(step.parameters().sensitive()).contains("token");
        assertThat(step.toString() + step.parameters() + claim).doesNotContain(HUSH);
        for (String table : List.of("claims", "workspaces", "jobs", "builds", "events", "audit")) {
            assertThat(stock.count(table + " x WHERE x::text LIKE '%" + HUSH + "%'"))
                    .as(table)
                    .isZero();
        }
        stock.succeed(step);

        assertThat(stock.release(claim.id())).isTrue();
        assertThat(stock.count("claims WHERE late_parameters IS NOT NULL")).isZero();
        await(stock.builds.deleteUsedUp(stock.clock.instant()));
        stock.end(stock.take(1).getFirst(), new JobOutcome.Succeeded(Map.of()));

        assertThat(lateValues()).isZero();
    }

    @Test
    void a_claim_tells_its_values_without_the_sensitive_ones_while_it_lasts() {
        stock.ready(preset, 1);

        Claim claim = given(Map.of("region", "us1", "token", HUSH));

        assertThat(claim.request().parameters()).isEqualTo(Map.of("region", "us1"));
        assertThat(stock.look(claim.id()).request().parameters()).isEqualTo(Map.of("region", "us1"));
        assertThat(stock.release(claim.id())).isTrue();
        assertThat(stock.look(claim.id()).request().parameters()).isEmpty();
    }

    @Test
    void only_the_claimer_is_shown_the_values() {
        stock.ready(preset, 1);
        Claim claim = given(Map.of("region", "us1"));
        ClaimView view = ClaimView.of(claim, Map.of());

        assertThat(view.given().parameters()).isEmpty();
        assertThat(view.shownTo(stock.owner, claim).given().parameters()).isEmpty();
        assertThat(view.shownTo(anna, claim).given().parameters()).isEqualTo(Map.of("region", "us1"));
    }

    @Test
    void a_retry_gets_the_same_workspace_and_another_value_is_another_request() {
        stock.ready(preset, 2);
        Optional<String> key = Optional.of("k");
        Outcome first = await(claims.claim(anna, wanting(FAIL, Map.of("region", "us1")), key));

        assertThat(await(claims.claim(anna, wanting(FAIL, Map.of("region", "us1")), key)))
                .isEqualTo(new Outcome.Replayed(
                        List.of(((Outcome.Given) first).claims().getFirst().id()), "warm"));
        assertThat(await(claims.claim(anna, wanting(FAIL, Map.of("region", "us2")), key)))
                .isInstanceOf(Outcome.KeyReused.class);
        assertThat(await(claims.claim(anna, wanting(FAIL, Map.of()), key))).isInstanceOf(Outcome.KeyReused.class);
    }

    @Test
    void a_database_has_a_claim_build_where_values_are_given_and_none_where_not() {
        stock.withBackend("postgres");
        preset = stock.declare("small", 2);
        stock.ready(preset, 2);

        given(Map.of());
        assertThat(await(stock.builds.beginClaimSteps(stock.clock.instant()))).isZero();
        given(Map.of("region", "us1"));

        assertThat(claimStep().reason()).isEqualTo(Assignment.CLAIM);
    }
}
