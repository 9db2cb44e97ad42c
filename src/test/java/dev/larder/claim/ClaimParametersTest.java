package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.http.Problem;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.CreationStatus;
import dev.larder.model.Declaration.HandOut;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.Declaration.Renewal;
import dev.larder.model.Parameter;
import dev.larder.model.Transition;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Planted;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every parameter of a claim has an effect, or is refused by its name (design, section 3.2). */
class ClaimParametersTest {

    private static final Policy FAIL = new Policy.Fail();
    private static final Policy COLD = new Policy.Cold();
    private static final String HUSH = Planted.SECRET;

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");
    private final UUID preset;
    private final Claims claims;

    ClaimParametersTest() {
        stock.withParameters(
                new Parameter("size", "number", true, false, false, null),
                new Parameter("region", "string", false, false, false, "eu"),
                new Parameter("fast", "bool", false, true, false, null),
                new Parameter("password", "string", false, true, true, "unset"));
        preset = declare(1);
        claims = Tuned.DEFAULT.claims(
                stock, (presets, at) -> Uni.createFrom().item(Map.of(preset, CreationStatus.GOES_ON)));
    }

    @CanIgnoreReturnValue
    private UUID declare(int maxUses) {
        return stock.declare(new PresetDeclaration(
                "small",
                Map.of("size", "1"),
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

    private static ClaimRequest wanting(Policy policy, Map<String, String> parameters) {
        Wanted wanted = new Wanted.ByParameters(Optional.empty(), Stock.TEMPLATE, parameters, Set.of());
        return new ClaimRequest(wanted, policy, 1, 1, Optional.empty());
    }

    @CanIgnoreReturnValue
    private Outcome claim(Policy policy, Map<String, String> parameters) {
        return await(claims.claim(anna, wanting(policy, parameters), Optional.empty()));
    }

    private static Policy policy(String word) {
        return switch (word) {
            case "fail" -> FAIL;
            case "cold" -> COLD;
            default -> new Policy.Wait(Duration.ofMinutes(5), 0, word.equals("wait_then_cold"));
        };
    }

    @Test
    void what_stock_was_built_with_is_taken_from_stock_the_defaults_as_well() {
        stock.ready(preset, 2);

        assertThat(claim(FAIL, Map.of("size", "1"))).isInstanceOf(Outcome.Given.class);
        assertThat(claim(FAIL, Map.of("size", "1", "region", "eu"))).isInstanceOf(Outcome.Given.class);
    }

    @ParameterizedTest
    @CsvSource({"fail", "wait"})
    void what_no_stock_was_built_with_is_refused_by_name_where_nothing_is_built(String policy) {
        stock.ready(preset, 1);

        assertThatThrownBy(() -> claim(policy(policy), Map.of("size", "1", "region", "us", "fast", "true")))
                .isInstanceOfSatisfying(Problem.class, problem -> {
                    assertThat(problem.status()).isEqualTo(422);
                    assertThat(problem.code()).isEqualTo("parameter_without_effect");
                    assertThat(problem.refusals())
                            .extracting(refusal -> refusal.field())
                            .containsExactly("parameters.fast", "parameters.region");
                });
        assertThat(stock.count("claims")).isZero();
    }

    @ParameterizedTest
    @CsvSource({"cold", "wait_then_cold"})
    void what_no_stock_was_built_with_is_built_at_once_where_the_policy_builds(String policy) {
        stock.ready(preset, 1);

        Outcome outcome = claim(policy(policy), Map.of("size", "1", "region", "us", "fast", "true"));

        assertThat(outcome).isInstanceOf(Outcome.Begun.class);
        Assignment build = stock.take(1).getFirst();
        assertThat(build.parameters().values())
                .containsExactlyInAnyOrderEntriesOf(
                        Map.of("size", "1", "region", "us", "fast", "true", "password", "unset"));
    }

    @Test
    void a_sensitive_one_is_kept_sealed_and_known_to_every_build_of_the_workspace() {
        UUID claim = ((Outcome.Begun) claim(COLD, Map.of("size", "1", "password", HUSH))).claim();

        Assignment build = stock.take(1).getFirst();
        stock.succeed(build);
        assertThat(stock.release(claim)).isTrue();
        await(stock.builds.deleteUsedUp(stock.clock.instant()));
        Assignment deletion = stock.take(1).getFirst();

        assertThat(build.parameters().values()).containsEntry("password", HUSH);
        assertThat(build.parameters().sensitive()).contains("password");
        assertThat(deletion.transition()).isEqualTo(Transition.DELETE);
        assertThat(deletion.parameters().values()).containsEntry("password", HUSH);
        assertThat(stock.row("SELECT parameters::text AS n FROM workspaces", Tuple.tuple())
                        .getString("n"))
                .doesNotContain(HUSH);
    }

    @Test
    void another_keeps_what_the_preset_and_the_defaults_say() {
        claim(COLD, Map.of("size", "1", "region", "us"));
        stock.take(1);
        claim(COLD, Map.of("size", "1"));

        assertThat(stock.take(1).getFirst().parameters().values()).containsEntry("region", "eu");
    }

    @ParameterizedTest
    @CsvSource({
        "colour, red, unknown_parameter",
        "fast, perhaps, value_not_of_type",
        "Region, eu, unknown_parameter",
    })
    void what_the_template_does_not_take_is_refused_under_every_policy(String name, String value, String code) {
        for (String policy : List.of("fail", "wait", "cold", "wait_then_cold")) {
            assertThatThrownBy(() -> claim(policy(policy), Map.of("size", "1", name, value)))
                    .as(policy)
                    .isInstanceOfSatisfying(Problem.class, problem -> {
                        assertThat(problem.status()).isEqualTo(422);
                        assertThat(problem.code()).isEqualTo(code);
                        assertThat(problem.refusals().getFirst().field()).isEqualTo("parameters." + name);
                        assertThat(problem.detail()).doesNotContain(value);
                    });
        }
    }

    @Test
    void a_retry_gets_the_same_build_and_another_value_is_another_request() {
        Optional<String> key = Optional.of("k");
        Outcome first = await(claims.claim(anna, wanting(COLD, Map.of("size", "1", "region", "us")), key));

        assertThat(await(claims.claim(anna, wanting(COLD, Map.of("size", "1", "region", "us")), key)))
                .isEqualTo(new Outcome.Replayed(List.of(((Outcome.Begun) first).claim()), "cold"));
        assertThat(await(claims.claim(anna, wanting(COLD, Map.of("size", "1", "region", "ap")), key)))
                .isInstanceOf(Outcome.KeyReused.class);
        assertThat(stock.count("workspaces")).isEqualTo(1);
    }

    @Test
    void a_quota_counts_it() {
        stock.sql("UPDATE organizations SET claims_max = 1 WHERE id = $1", stock.organization);

        assertThat(claim(COLD, Map.of("size", "1", "region", "us"))).isInstanceOf(Outcome.Begun.class);
        assertThat(claim(COLD, Map.of("size", "1", "region", "us"))).isInstanceOf(Outcome.OverQuota.class);
    }

    @Test
    void what_was_built_with_values_of_its_own_never_becomes_stock() {
        stock.withScript("reset.sh");
        declare(9);
        UUID claim = ((Outcome.Begun) claim(COLD, Map.of("size", "1", "region", "us"))).claim();
        stock.buildAll();
        stock.create(stock.preset("small"), 1);

        assertThat(stock.release(claim)).isTrue();

        assertThat(await(stock.builds.recycle(stock.clock.instant()))).isZero();
        assertThat(await(stock.builds.deleteWanted(stock.clock.instant()))).isEqualTo(1);
    }
}
