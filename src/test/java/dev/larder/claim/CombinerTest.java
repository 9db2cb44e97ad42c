package dev.larder.claim;

import static dev.larder.testing.Claimers.begin;
import static dev.larder.testing.Claimers.end;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.claim.ClaimStore.Taken;
import dev.larder.claim.Claimable.Order;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.testing.Claimers;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Who arrives while a statement runs is served together by the next one. A statement is made to run by a locked
 * table.
 */
class CombinerTest {

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");
    private final Claimable preset = new Claimable(stock.declare("small", 3), Order.OLDEST, false);
    private final WakeUps wakeUps = new WakeUps();
    private final Counting store = new Counting(stock);

    /** The statements that were begun, by the number of asks in each. */
    private static final class Counting extends ClaimStore {

        private final Queue<Integer> statements = new ConcurrentLinkedQueue<>();
        private final Queue<ScanStart> marks = new ConcurrentLinkedQueue<>();

        Counting(Stock stock) {
            super(stock.pool);
        }

        @Override
        public Uni<Taken> take(UUID preset, Order order, List<NewClaim> asks, int atLeast, ScanStart from, Instant at) {
            statements.add(asks.size());
            marks.add(from);
            return super.take(preset, order, asks, atLeast, from, at);
        }
    }

    @AfterEach
    void close() {
        stock.close();
    }

    private Combiner combiner(ClaimSettings settings) {
        return new Combiner(store, wakeUps, stock.clock, settings);
    }

    /** Claims wait for it, looking does not. */
    private OpenTransaction locked() {
        OpenTransaction lock = new OpenTransaction(stock);
        lock.does("LOCK TABLE claims IN SHARE MODE");
        return lock;
    }

    private void inStock(int count) {
        stock.create(preset.id(), count);
        stock.buildAll();
    }

    private CompletableFuture<Optional<Granted>> begins(Combiner combiner, NewClaim ask) {
        return begin(combiner.take(preset, ask).map(Granted::of));
    }

    private List<CompletableFuture<Optional<Granted>>> beginSeveral(Combiner combiner, int count) {
        List<CompletableFuture<Optional<Granted>>> begun = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            begun.add(begins(combiner, claimers.ask(anna)));
        }
        return begun;
    }

    private static List<Granted> granted(List<CompletableFuture<Optional<Granted>>> begun) {
        return begun.stream().map(Claimers::end).flatMap(Optional::stream).toList();
    }

    @Test
    void alone_one_is_served_at_once_by_one_statement() {
        inStock(1);

        Granted granted = await(
                        combiner(Tuned.DEFAULT).take(preset, claimers.ask(anna)).map(Granted::of))
                .orElseThrow();

        assertThat(store.statements).containsExactly(1);
        assertThat(granted.claim().path()).isEqualTo("warm");
        assertThat(granted.queued()).isZero();
    }

    @Test
    void who_arrives_while_a_statement_runs_is_served_together_by_the_next() {
        inStock(12);
        Combiner combiner = combiner(Tuned.DEFAULT.withoutWatermark());
        try (OpenTransaction lock = locked()) {
            var first = begins(combiner, claimers.ask(anna));
            lock.isWaitedForBy(1);
            var gathered = beginSeveral(combiner, 10);
            stock.clock.forward(Duration.ofSeconds(1));
            assertThat(store.statements).containsExactly(1);
            lock.commits();

            assertThat(end(first)).isPresent();
            List<Granted> granted = granted(gathered);

            assertThat(granted).hasSize(10);
            assertThat(granted)
                    .extracting(one -> one.claim().grantedAt())
                    .containsOnly(Optional.of(stock.clock.instant()));
            assertThat(granted).extracting(Granted::queued).containsOnly(Duration.ofSeconds(1));
            assertThat(granted)
                    .extracting(one -> one.claim().workspace().orElseThrow().id())
                    .doesNotHaveDuplicates();
        }
        assertThat(store.statements).containsExactly(1, 10);
    }

    @Test
    void no_more_than_so_many_are_served_by_one_statement() {
        inStock(9);
        Combiner combiner = combiner(Tuned.DEFAULT.withoutWatermark().withCombineMax(4));
        try (OpenTransaction lock = locked()) {
            var begun = beginSeveral(combiner, 10);
            lock.isWaitedForBy(1);
            lock.commits();
            assertThat(granted(begun)).as("the tenth finds nothing").hasSize(9);
        }
        assertThat(store.statements).containsExactly(1, 4, 4, 1);
    }

    @Test
    void presets_do_not_wait_for_each_other() {
        UUID other = stock.declare("large", 1);
        Claimable small = new Claimable(stock.preset("small"), Order.OLDEST, false);
        Claimable large = new Claimable(other, Order.OLDEST, false);
        Combiner combiner = combiner(Tuned.DEFAULT);
        try (OpenTransaction lock = locked()) {
            var one = begin(combiner.take(small, claimers.ask(anna)).map(Granted::of));
            var two = begin(combiner.take(large, claimers.ask(anna)).map(Granted::of));
            lock.isWaitedForBy(2);
            lock.commits();
            assertThat(end(one)).isEmpty();
            assertThat(end(two)).isEmpty();
        }
    }

    @Test
    void one_key_twice_in_one_gathering_is_one_claim() {
        inStock(5);
        Combiner combiner = combiner(Tuned.DEFAULT.withoutWatermark());
        try (OpenTransaction lock = locked()) {
            var first = begins(combiner, claimers.ask(anna));
            lock.isWaitedForBy(1);
            var same = List.of(
                    begins(combiner, claimers.ask(anna, "k")),
                    begins(combiner, claimers.ask(anna, "k")),
                    begins(combiner, claimers.ask(anna, "k")),
                    begins(combiner, claimers.ask(anna, "other")));
            lock.commits();

            assertThat(end(first)).isPresent();
            assertThat(granted(same)).hasSize(2);
        }
        assertThat(store.statements)
                .as("each repetition in a statement of its own")
                .containsExactly(1, 2, 1, 1);
        assertThat(stock.count("claims WHERE idempotency_key = 'k'")).isEqualTo(1);
        assertThat(stock.count("workspaces WHERE NOT prebuild")).isEqualTo(3);
    }

    @Test
    void one_key_in_two_processes_at_once_is_one_claim_and_the_others_beside_it_do_not_suffer() {
        inStock(7);
        Combiner combiner = combiner(Tuned.DEFAULT.withoutWatermark());
        try (OpenTransaction x = using("x");
                OpenTransaction k = using("k")) {
            var first = begins(combiner, claimers.ask(anna, "x"));
            x.isWaitedForBy(1);
            var begun = List.of(
                    begins(combiner, claimers.ask(anna)),
                    begins(combiner, claimers.ask(anna)),
                    begins(combiner, claimers.ask(anna, "k")),
                    begins(combiner, claimers.ask(anna)));
            x.rollsBack();
            assertThat(end(first)).as("what was undone has not used its key").isPresent();
            k.isWaitedForBy(1);

            k.commits();

            assertThat(granted(begun)).as("all but the one of that key").hasSize(3);
        }
        assertThat(store.statements).as("all together, then one by one").containsExactly(1, 4, 1, 1, 1, 1);
        assertThat(stock.count("claims WHERE idempotency_key = 'k'")).isEqualTo(1);
        assertThat(stock.count("workspaces WHERE NOT prebuild")).isEqualTo(5);
    }

    /** Another process is claiming under this key. */
    private OpenTransaction using(String key) {
        OpenTransaction elsewhere = new OpenTransaction(stock);
        assertThat(claimers.takeBy(stock.claimStore(elsewhere.pool()), preset.id(), claimers.ask(anna, key)))
                .isPresent();
        return elsewhere;
    }

    @Test
    void a_statement_that_fails_fails_all_who_are_in_it_and_the_next_is_as_ever() {
        inStock(9);
        Combiner combiner = combiner(Tuned.DEFAULT.withoutWatermark());
        Caller nobody = new Caller(UUID.randomUUID(), "nobody", anna.role(), anna.organization());
        try (OpenTransaction lock = locked()) {
            var first = begins(combiner, claimers.ask(anna));
            lock.isWaitedForBy(1);
            var failing = List.of(
                    begins(combiner, claimers.ask(anna)),
                    begins(combiner, claimers.ask(nobody)),
                    begins(combiner, claimers.ask(anna)));
            lock.commits();

            assertThat(end(first)).isPresent();
            failing.forEach(one -> assertThatThrownBy(() -> end(one))
                    .isInstanceOf(CompletionException.class)
                    .hasMessageContaining("foreign key"));
        }
        assertThat(granted(beginSeveral(combiner, 2))).hasSize(2);
        assertThat(stock.count("workspaces WHERE NOT prebuild"))
                .as("the failed ones left nothing")
                .isEqualTo(3);
    }

    @Test
    void whose_statement_is_cut_off_is_told_so_and_the_lane_goes_on() {
        inStock(3);
        Combiner combiner = combiner(Tuned.DEFAULT);
        try (OpenTransaction lock = locked()) {
            var first = begins(combiner, claimers.ask(anna));
            lock.isWaitedForBy(1);
            var second = begins(combiner, claimers.ask(anna));
            assertThat(stock.count("(SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                            + " WHERE wait_event_type = 'Lock' AND datname = current_database()) killed"))
                    .isEqualTo(1);
            assertThatThrownBy(() -> end(first)).isInstanceOf(CompletionException.class);
            lock.commits();
            // The pool may give the next statement the connection that has just died.
            assertThat(second.handle((granted, failure) -> true)).succeedsWithin(Duration.ofSeconds(20));
        }
        assertThat(end(begins(combiner, claimers.ask(anna)))).isPresent();
    }

    @Test
    void beyond_two_thousand_who_gather_one_is_told_to_ask_again() {
        Combiner combiner = combiner(Tuned.DEFAULT.withoutWatermark().withCombineMax(1_000));
        try (OpenTransaction lock = locked()) {
            var running = begins(combiner, claimers.ask(anna));
            lock.isWaitedForBy(1);
            var gathered = beginSeveral(combiner, 2_000);

            var oneTooMany = begins(combiner, claimers.ask(anna));

            assertThatThrownBy(() -> end(oneTooMany)).cause().isInstanceOfSatisfying(Problem.class, problem -> {
                assertThat(problem.status()).isEqualTo(503);
                assertThat(problem.code()).isEqualTo("too_busy");
                assertThat(problem.headers()).containsEntry("Retry-After", "1");
            });
            lock.commits();
            assertThat(end(running)).isEmpty();
            assertThat(granted(gathered)).isEmpty();
            assertThat(store.statements).containsExactly(1, 1_000, 1_000);
        }
        assertThat(end(begins(combiner, claimers.ask(anna))))
                .as("there is room again")
                .isEmpty();
    }

    @Test
    void without_combining_each_has_a_statement_of_its_own_at_once() {
        inStock(3);
        Combiner combiner = combiner(Tuned.DEFAULT.withoutCombining());
        try (OpenTransaction lock = locked()) {
            var begun = beginSeveral(combiner, 3);
            lock.isWaitedForBy(3);
            lock.commits();
            assertThat(granted(begun)).hasSize(3);
        }
    }

    @Test
    void a_scan_begins_after_the_last_claim_and_from_the_start_before_anybody_is_told_none_and_every_two_seconds() {
        List<UUID> ready = stock.ready(preset.id(), 3);
        Combiner combiner = combiner(Tuned.DEFAULT);
        for (UUID next : ready) {
            assertThat(await(combiner.take(preset, claimers.ask(anna)).map(Granted::of))
                            .orElseThrow()
                            .claim()
                            .workspace()
                            .orElseThrow()
                            .id())
                    .isEqualTo(next);
        }
        assertThat(await(combiner.take(preset, claimers.ask(anna)).map(Granted::of)))
                .isEmpty();
        assertThat(store.marks.stream().map(mark -> ready.indexOf(mark.workspace())))
                .as("from the start, after the first, after the second, after the third, from the start")
                .containsExactly(-1, 0, 1, 2, -1);

        stock.clock.forward(Duration.ofSeconds(2));
        store.marks.clear();
        assertThat(await(combiner.take(preset, claimers.ask(anna)).map(Granted::of)))
                .isEmpty();
        assertThat(store.marks).containsExactly(ScanStart.OLDEST);
    }

    @Test
    void the_pools_are_told_of_what_was_given_and_those_who_wait_of_what_they_got() {
        AtomicInteger reconcile = new AtomicInteger();
        AtomicInteger waiting = new AtomicInteger();
        wakeUps.onChange(Channel.RECONCILE, reconcile::incrementAndGet);
        wakeUps.onChange(Channel.WAITING, waiting::incrementAndGet);
        Combiner combiner = combiner(Tuned.DEFAULT);
        assertThat(await(combiner.take(preset, claimers.ask(anna)).map(Granted::of)))
                .isEmpty();
        assertThat(await(combiner.serveWaiting(preset))).isZero();
        assertThat(reconcile.get() + waiting.get()).isZero();

        inStock(2);
        assertThat(await(combiner.take(preset, claimers.ask(anna)).map(Granted::of)))
                .isPresent();
        assertThat(List.of(reconcile.get(), waiting.get())).containsExactly(1, 0);

        claimers.waits(preset.id(), anna);
        assertThat(await(combiner.serveWaiting(preset))).isEqualTo(1);
        assertThat(List.of(reconcile.get(), waiting.get())).containsExactly(2, 1);
    }

    @Test
    void who_waits_is_served_by_the_statement_of_who_arrives_and_before_it() {
        UUID waiting = claimers.waits(preset.id(), anna);
        inStock(1);

        assertThat(await(
                        combiner(Tuned.DEFAULT).take(preset, claimers.ask(anna)).map(Granted::of)))
                .isEmpty();

        assertThat(claimers.stateOf(waiting)).isEqualTo("held");
    }

    @Test
    void a_claim_under_a_quota_is_told_so_by_the_statement_that_did_not_serve_it() {
        inStock(1);
        stock.sql("UPDATE organizations SET claims_max = 5 WHERE id = $1", stock.organization);

        assertThat(await(combiner(Tuned.DEFAULT).take(preset, claimers.ask(anna))))
                .isInstanceOf(Combiner.FromStock.Limited.class);

        assertThat(stock.count("workspaces WHERE NOT prebuild")).isZero();
    }
}
