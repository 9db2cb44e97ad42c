package dev.larder.claim;

import static dev.larder.testing.Claimers.begin;
import static dev.larder.testing.Claimers.end;
import static dev.larder.testing.Claimers.ids;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Caller;
import dev.larder.model.Visibility;
import dev.larder.testing.Claimers;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import java.util.HashSet;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Several workspaces for one request (design, section 3.6). */
class BatchTest {

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");
    private final Caller bob = stock.member("bob");
    private final UUID preset = stock.declare("small", 3);

    @AfterEach
    void close() {
        stock.close();
    }

    private static List<Claim> of(Caller who, List<Claim> claims) {
        return claims.stream()
                .filter(claim -> claim.userId().equals(who.userId()))
                .toList();
    }

    private void inStock(int count) {
        if (count > 0) {
            stock.create(preset, count);
            stock.buildAll();
        }
    }

    private int left() {
        return stock.count("workspaces WHERE prebuild AND ready_at IS NOT NULL");
    }

    @ParameterizedTest(name = "{1} of which at least {2}, {0} in stock: {3}")
    @CsvSource({
        "2, 3, 3, 0",
        "3, 3, 3, 3",
        "4, 3, 3, 3",
        "0, 3, 1, 0",
        "1, 3, 1, 1",
        "2, 3, 2, 2",
        "1, 3, 2, 0",
        "5, 3, 1, 3",
        "1, 1, 1, 1"
    })
    void all_or_nothing_or_as_many_as_there_are(int stocked, int count, int atLeast, int expected) {
        inStock(stocked);

        List<Claim> given = claimers.batch(preset, claimers.ask(anna), count, atLeast);

        assertThat(given).hasSize(expected);
        assertThat(left()).isEqualTo(stocked - expected);
    }

    @Test
    void it_is_numbered_given_the_oldest_and_each_of_them_ends_by_itself() {
        List<UUID> ready = stock.ready(preset, 3);

        List<Claim> given = claimers.batch(preset, claimers.ask(anna), 3, 3);

        assertThat(given).extracting(Claim::ordinal).containsExactlyInAnyOrder(0, 1, 2);
        assertThat(new HashSet<>(ids(given).stream().map(claimers::workspaceOf).toList()))
                .isEqualTo(new HashSet<>(ready));
        assertThat(stock.release(given.get(1).id())).isTrue();
        assertThat(claimers.stateOf(given.get(0).id())).isEqualTo("held");
        assertThat(claimers.stateOf(given.get(1).id())).isEqualTo("released");
    }

    @Test
    void a_retry_under_its_key_finds_all_of_them_in_order() {
        inStock(9);
        NewClaim first = claimers.ask(anna, "k");
        List<NewClaim> asks = stock.newClaims.several(first, 4);
        assertThat(await(claimers.taking(stock.claims, preset, asks, 4))).hasSize(4);

        assertThat(claimers.batch(preset, claimers.ask(anna, "k"), 4, 4)).isEmpty();
        assertThat(claimers.take(preset, claimers.ask(anna, "k"))).isEmpty();

        var earlier = await(stock.claimReads.findByKey(anna.userId(), Claimers.key("k")))
                .orElseThrow();
        assertThat(earlier.claims()).isEqualTo(asks.stream().map(NewClaim::id).toList());
        assertThat(await(stock.claimReads.findAll(earlier.claims(), Visibility.ALL)))
                .extracting(Claim::ordinal)
                .containsExactly(0, 1, 2, 3);
        assertThat(left()).isEqualTo(5);
    }

    @Test
    void a_retry_of_one_that_was_given_fewer_finds_those_and_gets_no_more() {
        inStock(2);
        List<Claim> given = claimers.batch(preset, claimers.ask(anna, "k"), 5, 1);
        assertThat(given).hasSize(2);
        inStock(5);

        assertThat(claimers.batch(preset, claimers.ask(anna, "k"), 5, 1)).isEmpty();

        assertThat(await(stock.claimReads.findByKey(anna.userId(), Claimers.key("k")))
                        .orElseThrow()
                        .claims())
                .containsExactlyInAnyOrderElementsOf(ids(given));
    }

    @Test
    void one_that_was_given_nothing_has_not_used_its_key() {
        inStock(1);
        assertThat(claimers.batch(preset, claimers.ask(anna, "k"), 2, 2)).isEmpty();
        inStock(1);

        assertThat(claimers.batch(preset, claimers.ask(anna, "k"), 2, 2)).hasSize(2);
    }

    @Test
    void those_who_wait_are_served_first_also_where_the_batch_gets_nothing() {
        UUID waiting = claimers.waits(preset, bob);
        inStock(3);

        List<Claim> given = claimers.batch(preset, claimers.ask(anna), 3, 3);

        assertThat(ids(given)).containsExactly(waiting);
        assertThat(left()).isEqualTo(2);
    }

    @Test
    void where_there_is_enough_for_both_those_who_wait_come_first() {
        UUID waiting = claimers.waits(preset, bob);
        List<UUID> ready = stock.ready(preset, 4);

        List<Claim> given = claimers.batch(preset, claimers.ask(anna), 3, 3);

        assertThat(given).hasSize(4);
        assertThat(of(anna, given)).hasSize(3);
        assertThat(claimers.workspaceOf(waiting)).isEqualTo(ready.getFirst());
    }

    @Test
    void two_under_one_key_at_once_are_one_batch() {
        inStock(9);
        List<Uni<List<Claim>>> both = IntStream.range(0, 2)
                .mapToObj(i ->
                        claimers.taking(stock.claims, preset, stock.newClaims.several(claimers.ask(anna, "k"), 3), 3))
                .toList();

        List<Claim> given = await(Uni.join().all(both).andFailFast()).stream()
                .flatMap(List::stream)
                .toList();

        assertThat(given).extracting(Claim::ordinal).containsExactlyInAnyOrder(0, 1, 2);
        assertThat(left()).isEqualTo(6);
    }

    @Test
    void a_batch_whose_key_another_is_just_using_waits_for_it_and_gets_nothing() {
        inStock(6);
        try (OpenTransaction other = new OpenTransaction(stock)) {
            ClaimStore there = stock.claimStore(other.pool());
            assertThat(await(claimers.taking(there, preset, stock.newClaims.several(claimers.ask(anna, "k"), 3), 3)))
                    .hasSize(3);
            CompletableFuture<List<Claim>> mine = begin(
                    claimers.taking(stock.claims, preset, stock.newClaims.several(claimers.ask(anna, "k"), 3), 3));
            other.isWaitedForBy(1);

            other.commits();

            assertThat(end(mine)).isEmpty();
        }
        assertThat(left()).isEqualTo(3);
    }

    @Test
    void a_batch_whose_key_was_used_by_what_was_undone_gets_its_own() {
        inStock(6);
        try (OpenTransaction other = new OpenTransaction(stock)) {
            ClaimStore there = stock.claimStore(other.pool());
            assertThat(await(claimers.taking(there, preset, stock.newClaims.several(claimers.ask(anna, "k"), 3), 3)))
                    .hasSize(3);
            CompletableFuture<List<Claim>> mine = begin(
                    claimers.taking(stock.claims, preset, stock.newClaims.several(claimers.ask(anna, "k"), 3), 3));
            other.isWaitedForBy(1);

            other.rollsBack();

            assertThat(end(mine)).hasSize(3);
        }
        assertThat(left()).isEqualTo(3);
    }

    /**
     * What is there is handed to one, the other or both, never in part to a batch that wants all. Both may come away
     * empty, each having held what the other lacked; asked again one after the other, nobody lacks what is there.
     */
    @Test
    void batches_at_once_never_split_what_is_there() {
        for (int stocked = 0; stocked <= 4; stocked++) {
            for (int one = 1; one <= 3; one++) {
                for (int two = one; two <= 3; two++) {
                    twoAtOnce(stocked, one, two);
                }
            }
        }
    }

    private void twoAtOnce(int stocked, int one, int two) {
        String world = "%d in stock, batches of %d and %d".formatted(stocked, one, two);
        inStock(stocked);
        CompletableFuture<List<Claim>> annas = beginBatch(anna, one);
        CompletableFuture<List<Claim>> bobs = beginBatch(bob, two);
        int toAnna = end(annas).size();
        int toBob = end(bobs).size();

        assertThat(toAnna).as(world).isIn(0, one);
        assertThat(toBob).as(world).isIn(0, two);
        assertThat(left()).as(world).isEqualTo(stocked - toAnna - toBob);
        if (toAnna == 0) {
            toAnna = claimers.batch(preset, claimers.ask(anna), one, one).size();
        }
        if (toBob == 0) {
            toBob = claimers.batch(preset, claimers.ask(bob), two, two).size();
        }
        assertThat(left()).as(world + ", asked again").isEqualTo(stocked - toAnna - toBob);
        assertThat(toAnna == one || stocked - toBob < one).as(world).isTrue();
        assertThat(toBob == two || stocked - toAnna < two).as(world).isTrue();
        claimers.take(preset, claimers.asks(bob, left()));
        assertThat(left()).isZero();
    }

    private CompletableFuture<List<Claim>> beginBatch(Caller who, int count) {
        return begin(claimers.taking(stock.claims, preset, stock.newClaims.several(claimers.ask(who), count), count));
    }

    /** Forced: the other batch has taken what it needs and has not committed. */
    @Test
    void a_batch_beside_one_that_is_not_committed_sees_what_that_leaves() {
        for (int stocked = 0; stocked <= 4; stocked++) {
            inStock(stocked);
            try (OpenTransaction other = new OpenTransaction(stock)) {
                ClaimStore there = stock.claimStore(other.pool());
                int first = await(claimers.taking(there, preset, stock.newClaims.several(claimers.ask(bob), 2), 2))
                        .size();

                int second = claimers.batch(preset, claimers.ask(anna), 2, 2).size();

                assertThat(first).as(stocked + " in stock").isEqualTo(stocked >= 2 ? 2 : 0);
                assertThat(second).as(stocked + " in stock").isEqualTo(stocked == 4 ? 2 : 0);
                other.rollsBack();
            }
            assertThat(claimers.take(preset, claimers.asks(bob, left()))).hasSize(stocked == 4 ? 2 : stocked);
        }
    }
}
