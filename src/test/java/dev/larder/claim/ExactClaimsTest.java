package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.claim.ExactClaims.Result;
import dev.larder.model.Caller;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Stock;
import dev.larder.testing.Tenant;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** S1: a claim by version is a compare-and-set on the workspace. */
class ExactClaimsTest {

    private static final int CLAIMERS = 32;

    /** All 200 with {@code -Dlarder.claim.rounds=200}. */
    private static final int ROUNDS = Integer.getInteger("larder.claim.rounds", 25);

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");
    private final Caller bob = stock.member("bob");
    private final UUID preset = stock.declare("small", 3);
    private final ExactClaims one = Tuned.exact(stock, stock.pool);
    private final ExactClaims two = Tuned.exact(stock, stock.database.another(16));

    @AfterEach
    void close() {
        stock.close();
    }

    private Uni<Result> claiming(ExactClaims server, Caller who, UUID workspace, int version, Optional<String> key) {
        Wanted.Exactly wanted = new Wanted.Exactly(workspace, version);
        ClaimRequest request = new ClaimRequest(wanted, new Policy.Fail(), 1, 1, Optional.empty());
        return server.claim(who, request, wanted, key);
    }

    private Result claim(Caller who, UUID workspace, int version) {
        return await(claiming(one, who, workspace, version, Optional.empty()));
    }

    @CanIgnoreReturnValue
    private static Claim given(Result result) {
        if (result instanceof Result.Decided(Outcome.Given(var claims, var unused))) {
            return claims.getFirst();
        }
        throw new AssertionError("not given: " + result);
    }

    private UUID ready() {
        return stock.ready(preset, 1).getFirst();
    }

    /** S1, and the claims table agrees. */
    @Test
    void of_32_claimers_at_two_servers_one_gets_the_workspace_and_31_learn_its_version() {
        List<Caller> callers = IntStream.range(0, CLAIMERS)
                .mapToObj(number -> stock.member("claimer-" + number))
                .toList();
        for (int round = 0; round < ROUNDS; round++) {
            UUID workspace = ready();

            List<Uni<Result>> all = IntStream.range(0, CLAIMERS)
                    .mapToObj(number ->
                            claiming(number % 2 == 0 ? one : two, callers.get(number), workspace, 1, Optional.empty()))
                    .toList();
            List<Result> results =
                    await(Uni.join().all(all).usingConcurrencyOf(CLAIMERS).andFailFast());

            assertThat(results).filteredOn(Result.Decided.class::isInstance).hasSize(1);
            assertThat(results).filteredOn(new Result.OtherVersion(2)::equals).hasSize(CLAIMERS - 1);
            assertThat(stock.count("claims WHERE workspace_id = '" + workspace + "'"))
                    .isEqualTo(1);
        }
    }

    @Test
    void a_claim_by_version_is_recorded_as_one_from_stock() {
        UUID workspace = ready();

        Claim claim = given(claim(anna, workspace, 1));

        assertThat(claim.path()).isEqualTo("warm");
        assertThat(claim.generation()).isEqualTo(2);
        assertThat(claim.workspace().orElseThrow().version()).isEqualTo(2);
        assertThat(stock.count("dirty_presets WHERE preset_id = '" + preset + "'"))
                .isPositive();
    }

    @Test
    void a_conflict_tells_the_version_and_writes_nothing() {
        UUID workspace = ready();
        stock.sql("DELETE FROM dirty_presets");

        assertThat(claim(anna, workspace, 7)).isEqualTo(new Result.OtherVersion(1));

        assertThat(stock.count("claims")).isZero();
        assertThat(stock.count("dirty_presets")).isZero();
        assertThat(stock.count("workspaces WHERE version > 1")).isZero();
    }

    @Test
    void a_repeated_claim_under_its_key_is_the_same_claim_and_another_user_is_not_answered_by_it() {
        UUID workspace = ready();
        Claim first = given(await(claiming(one, anna, workspace, 1, Optional.of("k"))));

        Result again = await(claiming(two, anna, workspace, 1, Optional.of("k")));
        Result reused = await(claiming(two, anna, workspace, 2, Optional.of("k")));
        Result others = await(claiming(two, bob, workspace, 1, Optional.of("k")));

        assertThat(again).isEqualTo(new Result.Decided(new Outcome.Replayed(List.of(first.id()), "warm")));
        assertThat(reused).isEqualTo(new Result.Decided(new Outcome.KeyReused()));
        assertThat(others).isEqualTo(new Result.OtherVersion(2));
    }

    @Test
    void the_quota_holds_for_a_claim_by_version() {
        stock.sql("UPDATE organizations SET claims_max_per_user = 1 WHERE id = $1", stock.organization);
        given(claim(anna, ready(), 1));

        Result over = claim(anna, ready(), 1);

        assertThat(over).isInstanceOf(Result.Decided.class);
        assertThat(((Result.Decided) over).outcome()).isInstanceOf(Outcome.OverQuota.class);
    }

    @Test
    void a_workspace_that_another_user_has_is_already_claimed() {
        UUID workspace = ready();
        given(claim(anna, workspace, 1));

        assertThat(claim(bob, workspace, 2)).isEqualTo(new Result.Blocked(Obstacle.ALREADY_CLAIMED));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            WORKSPACE_DELETED    | deletion_wanted_at = now()
            STATE_UNRELIABLE     | state_status = 'unreliable', state_reason = 'write_failed', state_since = now()
            STATE_CORRUPT        | state_status = 'corrupt', state_reason = 'state_corrupt', state_since = now()
            MUTATION_IN_PROGRESS | state_status = 'in_flight', state_since = now()
            WORKSPACE_NOT_READY  | ready_at = NULL
            WORKSPACE_NOT_READY  | build_status = 'pending', build_finished_at = NULL, ready_at = NULL
            """)
    void what_keeps_a_workspace_of_the_right_version_is_named(Obstacle obstacle, String change) {
        UUID workspace = ready();
        stock.sql("UPDATE workspaces SET " + change + " WHERE id = $1", workspace);

        assertThat(claim(anna, workspace, 1)).isEqualTo(new Result.Blocked(obstacle));

        assertThat(stock.count("claims")).isZero();
        assertThat(stock.integer("SELECT version AS n FROM workspaces WHERE id = $1", Tuple.of(workspace)))
                .isEqualTo(1);
    }

    @Test
    void a_workspace_that_is_too_old_and_one_of_an_earlier_version_are_named() {
        stock.replacing();
        UUID aged = stock.ready(stock.declare("aged", 1, Duration.ofMinutes(10), List.of()), 1)
                .getFirst();
        stock.clock.forward(Duration.ofMinutes(11));
        assertThat(claim(anna, aged, 1)).isEqualTo(new Result.Blocked(Obstacle.WORKSPACE_EXPIRED));

        UUID earlier = stock.ready(stock.preset("small"), 1).getFirst();
        stock.promoteNewVersion();
        // As the end of its rollout does.
        stock.sql("UPDATE presets SET rollout_id = NULL, rollout_role = NULL");
        assertThat(claim(anna, earlier, 1)).isEqualTo(new Result.Blocked(Obstacle.PRESET_NOT_ACTIVE));
    }

    @Test
    void an_unknown_workspace_and_one_of_another_organization_are_not_there() {
        UUID foreign = stock.ready(new Tenant(stock, "globex").preset, 1).getFirst();

        assertThat(claim(anna, UUID.randomUUID(), 1)).isEqualTo(new Result.NoWorkspace());
        assertThat(claim(anna, foreign, 1)).isEqualTo(new Result.NoWorkspace());
    }
}
