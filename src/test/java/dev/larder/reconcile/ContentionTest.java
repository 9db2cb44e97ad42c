package dev.larder.reconcile;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.catalog.Promoted;
import dev.larder.database.ReconcilerLock;
import dev.larder.model.Assignment;
import dev.larder.model.PresetSnapshot;
import dev.larder.testing.Databases;
import dev.larder.testing.Stock;
import dev.larder.wakeup.Channel;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Transaction;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Several reconcilers, lost locks and changes in between (design, sections 2.1 and 2.6): the database arbitrates. */
class ContentionTest {

    private static final int CONTENDERS = 5;
    private static final int ROUNDS = 20;
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final Crank crank = new Crank(Crank.WakeUpMode.WORKING);
    private final Stock stock = crank.stock;

    @AfterEach
    void close() {
        crank.close();
    }

    /** Creations wait until the test opens it: the time between a cycle's snapshot and what follows from it. */
    private static final class Gated extends PoolStore {

        private final CompletableFuture<Integer> reached = new CompletableFuture<>();
        private final CompletableFuture<Integer> open = new CompletableFuture<>();

        Gated(Stock stock) {
            super(stock.pool, stock.ids);
        }

        @Override
        public Uni<Integer> create(UUID preset, int attempts, int count, Instant at) {
            boolean first = reached.complete(count);
            assertThat(first || open.isDone()).as("a gate is for one").isTrue();
            return Uni.createFrom().completionStage(open).chain(opened -> super.create(preset, attempts, count, at));
        }

        void isReached() {
            assertThat(reached).succeedsWithin(PATIENCE);
        }

        void opens() {
            open.complete(1);
        }
    }

    private Reconciler gated(Gated gate) {
        return crank.another(stock.snapshots, gate, Crank.Paces.CALM);
    }

    private static CompletableFuture<Optional<Cycle.Report>> begin(Reconciler reconciler) {
        return reconciler.run(true).subscribe().asCompletionStage();
    }

    private static <T> T end(CompletableFuture<T> begun) {
        return begun.orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
    }

    /** Asks the database until it says so. */
    private static void until(BooleanSupplier holds) {
        for (long giveUp = System.nanoTime() + PATIENCE.toNanos(); !holds.getAsBoolean(); ) {
            assertThat(System.nanoTime()).as("waited long enough").isLessThan(giveUp);
            Thread.onSpinWait();
        }
    }

    private int holdersOfTheLock() {
        return stock.count("pg_locks WHERE locktype = 'advisory' AND granted AND database ="
                + " (SELECT oid FROM pg_database WHERE datname = current_database())");
    }

    private int waitingForARow() {
        return stock.count("pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
    }

    /** The connection that holds the reconciler's lock dies; returns when the database has let the lock go. */
    private void loseTheLock() {
        boolean killed = stock.row(
                        "SELECT pg_terminate_backend(pid, 5000) AS n FROM pg_locks WHERE locktype = 'advisory' AND"
                                + " database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                        Tuple.tuple())
                .getBoolean("n");
        assertThat(killed).isTrue();
        assertThat(holdersOfTheLock()).isZero();
    }

    /** A transaction of somebody else that has done this and has not ended. */
    private record Open(SqlConnection connection, Transaction transaction) {

        void commits() {
            await(transaction.commit());
            await(connection.close());
        }
    }

    private Open holding(String sql, Object... values) {
        SqlConnection connection = await(stock.pool.getConnection());
        Transaction transaction = await(connection.begin());
        var done = await(connection.preparedQuery(sql).execute(Tuple.from(List.of(values))));
        return new Open(connection, transaction);
    }

    @Test
    void five_reconcilers_contend_one_is_inside_and_the_others_leave_it_the_work() {
        UUID preset = stock.declare("small", 3);
        Open row = holding("SELECT id FROM presets WHERE id = $1 FOR UPDATE", preset);
        AtomicInteger left = new AtomicInteger();
        List<CompletableFuture<Optional<Cycle.Report>>> all = new ArrayList<>();
        for (int i = 0; i < CONTENDERS; i++) {
            all.add(begin(crank.another()).whenComplete((report, failed) -> left.incrementAndGet()));
        }

        until(() -> left.get() == CONTENDERS - 1 && waitingForARow() == 1);

        assertThat(holdersOfTheLock()).isEqualTo(1);
        assertThat(all.stream().filter(CompletableFuture::isDone).map(ContentionTest::end))
                .hasSize(CONTENDERS - 1)
                .containsOnly(Optional.empty());
        row.commits();
        assertThat(all.stream().map(ContentionTest::end).flatMap(Optional::stream))
                .singleElement()
                .satisfies(report -> assertThat(report.actions()).isEqualTo(Map.of("create", 3)));
        assertThat(crank.ever(preset)).isEqualTo(3);
    }

    /** Counts who is between a cycle's first and last word to the database. */
    private static final class Watched extends PoolStore {

        private final AtomicInteger inside;
        private final AtomicInteger most;

        Watched(Stock stock, AtomicInteger inside, AtomicInteger most) {
            super(stock.pool, stock.ids);
            this.inside = inside;
            this.most = most;
        }

        @Override
        public Uni<List<DirtyMark>> dirty(int limit) {
            most.accumulateAndGet(inside.incrementAndGet(), Math::max);
            return super.dirty(limit);
        }

        @Override
        public Uni<Void> clean(List<DirtyMark> marks) {
            return super.clean(marks).onTermination().invoke(inside::decrementAndGet);
        }
    }

    @Test
    void five_reconcilers_contend_again_and_again_never_two_inside() {
        UUID preset = stock.declare("small", 4);
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        List<Reconciler> contenders = new ArrayList<>();
        for (int i = 0; i < CONTENDERS; i++) {
            contenders.add(crank.another(stock.snapshots, new Watched(stock, inside, most), Crank.Paces.CALM));
        }

        for (int round = 1; round <= ROUNDS; round++) {
            stock.clock.forward(Duration.ofSeconds(1));
            assertThat(await(stock.controls.invalidatePreset(stock.owner, preset, true)))
                    .isTrue();
            List<CompletableFuture<Optional<Cycle.Report>>> all =
                    contenders.stream().map(ContentionTest::begin).toList();
            assertThat(all.stream().map(ContentionTest::end).flatMap(Optional::stream))
                    .as("round %d", round)
                    .isNotEmpty();
            stock.buildAll();
            assertThat(crank.live(preset)).as("round %d", round).isEqualTo(4);
        }

        assertThat(most).hasValue(1);
        assertThat(inside).hasValue(0);
        assertThat(crank.ever(preset)).isEqualTo(4 * ROUNDS);
    }

    @Test
    void a_lock_lost_between_snapshot_and_create_another_creates_and_the_first_nothing() {
        UUID preset = stock.declare("small", 3);
        Gated gate = new Gated(stock);
        var first = begin(gated(gate));
        gate.isReached();

        loseTheLock();
        assertThat(crank.cycle().actions()).isEqualTo(Map.of("create", 3));
        gate.opens();

        assertThat(first).failsWithin(PATIENCE);
        assertThat(crank.ever(preset)).isEqualTo(3);
        assertThat(stock.count("attempts")).isEqualTo(1);
        crank.staysSo();
    }

    @Test
    void a_lock_lost_while_both_are_creating_in_all_exactly_as_many_as_are_wanted() {
        UUID preset = stock.declare("small", 3);
        Open row = holding("SELECT id FROM presets WHERE id = $1 FOR UPDATE", preset);
        var first = begin(crank.another());
        until(() -> waitingForARow() == 1);
        loseTheLock();
        var second = begin(crank.reconciler());
        until(() -> waitingForARow() == 2);

        row.commits();

        assertThat(first).failsWithin(PATIENCE);
        assertThat(end(second)).isPresent();
        assertThat(crank.ever(preset)).isEqualTo(3);
        crank.staysSo();
    }

    @Test
    void a_lost_lock_is_noticed_by_its_holder() {
        AtomicBoolean noticed = new AtomicBoolean();
        var work = new ReconcilerLock(crank.direct, Databases.vertx())
                .hold(
                        new ReconcilerLock.Bounds(PATIENCE, PATIENCE),
                        held -> Uni.createFrom()
                                .voidItem()
                                .emitOn(Infrastructure.getDefaultExecutor())
                                .invoke(() -> {
                                    loseTheLock();
                                    until(() -> !held.getAsBoolean());
                                    noticed.set(true);
                                }),
                        done -> false);

        assertThatThrownBy(() -> await(work)).isNotNull();
        assertThat(noticed).isTrue();
    }

    @Test
    void without_the_lock_nothing_new_is_begun_and_no_mark_is_taken() {
        stock.declare("one", 2);
        UUID two = stock.declare("two", 2);
        UUID one = stock.preset("one");
        AtomicBoolean held = new AtomicBoolean(true);
        PoolStore losing = new PoolStore(stock.pool, stock.ids) {
            @Override
            public Uni<Integer> create(UUID preset, int attempts, int count, Instant at) {
                held.set(false);
                return super.create(preset, attempts, count, at);
            }
        };
        stock.sql("DELETE FROM dirty_presets");
        stock.sql("INSERT INTO dirty_presets (preset_id) VALUES ($1), ($2)", one, two);

        Cycle.Report report =
                await(new Cycle(stock.snapshots, losing, stock.alerts, crank.steps(), stock.clock, Limits.DEFAULT, 1)
                        .full(held::get));

        assertThat(report.failed()).isEqualTo(1);
        assertThat(crank.ever(one) + crank.ever(two)).isEqualTo(2);
        assertThat(stock.count("dirty_presets")).isEqualTo(2);
        assertThat(crank.dirtyCycle().actions()).isEqualTo(Map.of("create", 2));
        assertThat(stock.count("dirty_presets")).isZero();
    }

    @Test
    void a_promotion_between_snapshot_and_create_nothing_is_created_for_the_old_version() {
        stock.replacing();
        UUID old = stock.declare("small", 3);
        Gated gate = new Gated(stock);
        var cycle = begin(gated(gate));
        gate.isReached();

        stock.promoteNewVersion();
        gate.opens();

        assertThat(end(cycle).orElseThrow().actions()).isEmpty();
        assertThat(crank.ever(old)).isZero();
        assertThat(crank.settle().actions()).isEqualTo(Map.of("create", 3));
        assertThat(crank.ever(stock.preset("small"))).isEqualTo(3);
    }

    @Test
    void a_promotion_in_the_very_moment_of_a_create_comes_first_or_last_and_is_never_overlooked() {
        UUID old = stock.declare("small", 3);
        stock.promoteNewVersion();
        UUID fresh = stock.preset("small");
        assertThat(await(stock.catalog.promote(stock.template(), 1))).isInstanceOf(Promoted.Done.class);
        Open promotion = holding(
                "UPDATE templates SET active_version_id = (SELECT version_id FROM presets WHERE id = $1)", fresh);
        var cycle = begin(crank.reconciler());
        until(() -> waitingForARow() == 1);

        promotion.commits();

        assertThat(end(cycle).orElseThrow().actions()).isEmpty();
        assertThat(crank.ever(old)).isZero();
    }

    @Test
    void two_plans_decided_on_the_same_attempt_number_only_one_creates() {
        UUID preset = stock.declare("small", 3);

        for (int attempts = 0; attempts < ROUNDS; attempts++) {
            Instant now = stock.clock.instant();
            List<Integer> created = await(Uni.join()
                    .all(
                            stock.pools.create(preset, attempts, 3, now),
                            stock.pools.create(preset, attempts, 2, now),
                            stock.pools.create(preset, attempts, 3, now))
                    .andFailFast());
            assertThat(created.stream().filter(count -> count > 0))
                    .as("of %s", created)
                    .hasSize(1);
        }

        assertThat(stock.count("attempts")).isEqualTo(ROUNDS);
    }

    @Test
    void a_cycle_beyond_its_deadline_is_cut_and_begins_nothing_new() {
        stock.declare("one", 2);
        stock.declare("two", 2);
        Gated gate = new Gated(stock);
        Reconciler slow =
                crank.another(stock.snapshots, gate, new Crank.Paces(Duration.ofHours(10), Duration.ofMillis(100), 1));
        var cut = begin(slow);
        gate.isReached();
        assertThat(cut).failsWithin(PATIENCE);

        gate.opens();

        List<Cycle.Report> next = new ArrayList<>();
        until(() -> {
            await(crank.reconciler().run(true)).ifPresent(next::add);
            return !next.isEmpty();
        });
        assertThat(next.getFirst().actions()).isEqualTo(Map.of("create", 2));
        assertThat(stock.count("workspaces")).isEqualTo(4);
    }

    @Test
    void a_preset_added_between_ticks_is_served_at_the_next_tick_and_stop_returns() {
        Reconciler reconciler = crank.reconciler();
        reconciler.start();
        assertThat(crank.heard.nextEnd()).isEqualTo(CycleObserver.Outcome.DONE);
        UUID preset = stock.declare("small", 2);

        reconciler.tick();

        assertThat(crank.heard.nextAction()).isEqualTo("create 2");
        assertThat(crank.ever(preset)).isEqualTo(2);
        await(reconciler.stop());
        await(reconciler.stop());
        stock.declare("other", 1);
        reconciler.tick();
        assertThat(crank.ever(stock.preset("other"))).isZero();
        assertThatThrownBy(reconciler::start).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void a_stop_waits_for_the_cycle_that_runs() {
        UUID preset = stock.declare("small", 2);
        Gated gate = new Gated(stock);
        Reconciler reconciler = gated(gate);
        reconciler.start();
        gate.isReached();

        var stopping = reconciler.stop().subscribe().asCompletionStage();
        var again = reconciler.stop().subscribe().asCompletionStage();
        assertThat(stopping).isNotDone();
        assertThat(again).isNotDone();
        gate.opens();

        assertThat(stopping).succeedsWithin(PATIENCE);
        assertThat(again).succeedsWithin(PATIENCE);
        assertThat(crank.ever(preset)).isEqualTo(2);
        assertThat(holdersOfTheLock()).isZero();
    }

    @Test
    void jobs_that_end_one_after_the_other_share_a_look_and_the_next_one_has_its_own() {
        UUID preset = stock.declare("small", 1);
        crank.reconciler().start();
        assertThat(crank.heard.nextAction()).isEqualTo("create 1");
        assertThat(crank.heard.nextEnd()).isEqualTo(CycleObserver.Outcome.DONE);
        await(stock.pools.markDirty(List.of(preset)));

        for (int job = 0; job < 50; job++) {
            crank.wakeUps.wake(Channel.ENDED);
        }
        assertThat(crank.heard.nextEnd()).isEqualTo(CycleObserver.Outcome.DONE);
        assertThat(stock.count("dirty_presets")).isZero();
        await(stock.pools.markDirty(List.of(preset)));
        crank.wakeUps.wake(Channel.ENDED);

        assertThat(crank.heard.nextEnd()).isEqualTo(CycleObserver.Outcome.DONE);
        assertThat(stock.count("dirty_presets")).isZero();
        await(crank.reconciler().stop());
        assertThat(crank.heard.ends()).isZero();
    }

    @Test
    void the_end_of_a_backoff_is_served_without_a_tick_though_another_preset_was_looked_at_since() {
        stock.declare("expiring", 1, Duration.ofMinutes(60), List.of());
        stock.declare("failing", 1);
        UUID expiring = stock.preset("expiring");
        crank.cycle();
        for (Assignment assignment : stock.take(10)) {
            if ("failing".equals(assignment.version().presetName())) {
                stock.fail(assignment);
            } else {
                stock.succeed(assignment);
            }
        }
        Instant over = crank.cycle().nextLook().orElseThrow();
        stock.clock.set(over.minusMillis(300));
        crank.reconciler().start();
        assertThat(crank.heard.nextEnd()).isEqualTo(CycleObserver.Outcome.DONE);
        await(stock.pools.markDirty(List.of(expiring)));
        crank.wakeUps.wake(Channel.RECONCILE);
        assertThat(crank.heard.nextEnd()).isEqualTo(CycleObserver.Outcome.DONE);

        stock.clock.set(over);

        assertThat(crank.heard.nextAction()).isEqualTo("create 1");
        await(crank.reconciler().stop());
    }

    @Test
    void what_there_is_of_every_preset_is_shown_by_the_process_that_does_not_reconcile_too() {
        UUID preset = stock.declare("small", 3);
        stock.ready(preset, 2);
        Reconciler waiting = crank.another();
        var other = new ReconcilerLock(crank.direct, Databases.vertx());
        CompletableFuture<String> done = new CompletableFuture<>();
        var holder = other.hold(
                        new ReconcilerLock.Bounds(PATIENCE, PATIENCE),
                        held -> Uni.createFrom().completionStage(done),
                        all -> false)
                .subscribeAsCompletionStage();
        until(() -> holdersOfTheLock() == 1);

        assertThat(end(begin(waiting))).isEmpty();
        assertThat(await(waiting.show())).isFalse();

        assertThat(crank.heard.shown()).singleElement().satisfies(seen -> {
            assertThat(seen.pool().desired()).isEqualTo(3);
            assertThat(seen.pool().eligible()).isEqualTo(2);
        });
        done.complete("done");
        assertThat(holder).succeedsWithin(PATIENCE);
    }

    @Test
    void a_preset_is_shown_no_more_while_the_database_does_not_answer() {
        UUID preset = stock.declare("small", 1);
        SnapshotStore away = new SnapshotStore(stock.pool) {
            @Override
            public Uni<List<PresetSnapshot>> all(Instant at, Duration lookback, int attempts) {
                return Uni.createFrom().failure(new IllegalStateException("away"));
            }
        };
        assertThat(await(crank.reconciler().show())).isFalse();
        assertThat(crank.heard.shown())
                .extracting(PoolObserver.Reading::presetId)
                .containsExactly(preset);

        assertThat(await(crank.another(away, stock.pools, Crank.Paces.CALM).show()))
                .isFalse();

        assertThat(crank.heard.shown()).isEmpty();
    }

    @Test
    void only_a_cycle_that_looked_at_everything_is_the_last_that_finished() {
        stock.sql("UPDATE reconciliation SET finished_at = '2026-01-01'");
        UUID preset = stock.declare("small", 1);
        await(stock.pools.markDirty(List.of(preset)));

        crank.dirtyCycle();
        assertThat(stock.count("reconciliation WHERE finished_at = '2026-01-01'"))
                .isEqualTo(1);
        crank.cycle();

        assertThat(stock.count("reconciliation WHERE clock_timestamp() - finished_at < interval '20 s'"))
                .isEqualTo(1);
    }
}
