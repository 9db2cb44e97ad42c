package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.claim.ChildStore.Child;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.testing.Claimers;
import dev.larder.testing.Stock;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A parent and its children are claimed together, all of them or none. */
class ClaimSetsTest {

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");
    private final ChildStore children = new ChildStore(stock.pool);
    private final ClaimSets sets = new ClaimSets(
            stock.newClaims,
            stock.presetReads,
            new ClaimSetStore(stock.quotas),
            new EarlierClaims(stock.claimReads),
            new WakeUps(),
            stock.clock);
    private final UUID network = presetBefore("database");
    private final UUID database = stock.preset("database");

    /** A declaration makes a version, and with it the presets declared before anew. */
    private UUID presetBefore(String last) {
        stock.declare("network", 9);
        stock.declare(last, 9);
        return stock.preset("network");
    }

    @AfterEach
    void close() {
        stock.close();
    }

    private static ClaimSetRequest request(String members) {
        return ClaimSetRequest.of(("{\"members\":" + members + "}").getBytes(StandardCharsets.UTF_8));
    }

    private static final String PAIR = """
            [{"name": "net", "template": "database", "preset": "network"},
             {"name": "db", "on": "net", "template": "database", "preset": "database"}]""";

    private Uni<Outcome> claiming(String members, Optional<String> key) {
        return sets.claim(anna, request(members), key);
    }

    private String refused(String members) {
        try {
            return "" + await(claiming(members, Optional.empty()));
        } catch (Problem problem) {
            return problem.code() + " " + problem.detail();
        }
    }

    private static List<Claim> given(Outcome outcome) {
        if (outcome instanceof Outcome.Given(var claims, var unused)) {
            return claims;
        }
        throw new AssertionError("not given: " + outcome);
    }

    @Test
    void both_are_claimed_and_the_child_stands_on_the_parent() {
        UUID net = stock.ready(network, 1).getFirst();
        UUID db = stock.ready(database, 1).getFirst();

        List<Claim> claims = given(await(claiming(PAIR, Optional.empty())));

        assertThat(claims)
                .extracting(claim -> claim.workspace().orElseThrow().id())
                .containsExactly(net, db);
        assertThat(await(children.children(net)))
                .extracting(Child::workspace, Child::name)
                .containsExactly(org.assertj.core.groups.Tuple.tuple(db, "db"));
    }

    @Test
    void where_one_is_missing_none_is_claimed_and_the_member_is_named() {
        stock.ready(network, 1);

        assertThat(refused(PAIR)).startsWith("no_claimable_workspace members[1]");

        assertThat(stock.count("claims")).isZero();
        assertThat(stock.count("workspaces WHERE NOT prebuild")).isZero();
        assertThat(stock.count("workspace_children")).isZero();
    }

    @Test
    void two_of_one_preset_are_two_workspaces() {
        stock.ready(database, 2);
        String twins = PAIR.replace("\"network\"", "\"database\"");

        assertThat(given(await(claiming(twins, Optional.empty()))))
                .extracting(claim -> claim.workspace().orElseThrow().id())
                .doesNotHaveDuplicates()
                .hasSize(2);
    }

    @Test
    void the_quota_counts_all() {
        stock.ready(network, 1);
        stock.ready(database, 1);
        stock.sql("UPDATE organizations SET claims_max = 1 WHERE id = $1", stock.organization);

        assertThat(await(claiming(PAIR, Optional.empty()))).isInstanceOf(Outcome.OverQuota.class);

        assertThat(stock.count("claims")).isZero();
    }

    @Test
    void a_repeated_set_is_the_same_set_and_another_one_under_its_key_is_refused() {
        stock.ready(network, 2);
        stock.ready(database, 2);
        List<Claim> first = given(await(claiming(PAIR, Optional.of("k"))));

        assertThat(await(claiming(PAIR, Optional.of("k"))))
                .isEqualTo(new Outcome.Replayed(Claimers.ids(first), "warm"));
        assertThat(await(claiming(PAIR.replace("\"db\"", "\"store\""), Optional.of("k"))))
                .isEqualTo(new Outcome.KeyReused());
        assertThat(stock.count("claims")).isEqualTo(2);
    }

    @Test
    void of_equal_sets_at_once_under_one_key_one_is_made() {
        stock.ready(network, 4);
        stock.ready(database, 4);

        List<Uni<Outcome>> all = IntStream.range(0, 4)
                .mapToObj(i -> claiming(PAIR, Optional.of("k")))
                .toList();
        List<Outcome> outcomes = await(Uni.join().all(all).andFailFast());

        assertThat(outcomes).filteredOn(Outcome.Given.class::isInstance).hasSize(1);
        assertThat(outcomes).filteredOn(Outcome.Replayed.class::isInstance).hasSize(3);
        assertThat(stock.count("claims")).isEqualTo(2);
    }

    /** Sets that want the presets in opposite orders; no half of a set is left. */
    @Test
    void sets_at_once_get_whole_sets_until_stock_runs_out() {
        stock.ready(network, 5);
        stock.ready(database, 4);
        String other = """
                [{"name": "db", "template": "database", "preset": "database"},
                 {"name": "net", "on": "db", "template": "database", "preset": "network"}]""";

        List<Uni<Boolean>> all = IntStream.range(0, 12)
                .mapToObj(i -> claiming(i % 2 == 0 ? PAIR : other, Optional.empty())
                        .map(outcome -> given(outcome).size() == 2)
                        .onFailure(Problem.class)
                        .recoverWithItem(false))
                .toList();
        List<Boolean> answers = await(Uni.join().all(all).andFailFast());

        assertThat(answers).filteredOn(answer -> answer).hasSize(4);
        assertThat(stock.count("claims")).isEqualTo(8);
        assertThat(stock.count("workspace_children")).isEqualTo(4);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            []                                                            | wrong_type members
            {}                                                            | wrong_type members
            [{"name":"a","template":"t","preset":"p"}]                    | wrong_type members
            [1,2]                                                         | not_an_object members[0]
            [{"name":"a","template":"t","preset":"p","x":1},{}]           | unknown_field members[0]
            [{"template":"t","preset":"p"},{}]                            | missing_field members[0].name
            [{"name":"A","template":"t","preset":"p"},{}]                 | invalid_name members[0].name
            [{"name":"a","template":1,"preset":"p"},{}]                   | wrong_type members[0].template
            [{"name":"a","on":"a","template":"t","preset":"p"},{}]        | unknown_member members[0].on
            [{"name":"a","on":"b","template":"t","preset":"p"},{"name":"b","template":"t","preset":"p"}] | unknown_member members[0].on
            [{"name":"a","template":"t","preset":"p"},{"name":"a","template":"t","preset":"p"}]          | duplicate_name members[1].name
            [{"name":"a","template":"database","preset":"network"},{"name":"b","template":"database","preset":"none"}] | preset_not_found members[1].preset
            """)
    void a_fault_of_a_set_is_named_by_its_member(String members, String fault) {
        assertThatThrownBy(() -> await(claiming(members, Optional.empty())))
                .isInstanceOfSatisfying(
                        Problem.class,
                        problem -> assertThat(problem.code() + " "
                                        + problem.refusals().getFirst().field())
                                .isEqualTo(fault));
    }
}
