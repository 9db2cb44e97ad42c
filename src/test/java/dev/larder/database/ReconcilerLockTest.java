package dev.larder.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.catalog.PauseStore;
import dev.larder.database.ReconcilerLock.Bounds;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.Stock;
import dev.larder.testing.Wire;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.PgConnectOptions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Who has the reconciler's lock, and for how long. Several processes are several pools here, each behind its own
 * line.
 */
class ReconcilerLockTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration SILENCE = Duration.ofSeconds(1);
    private static final Bounds SHORT = new Bounds(SILENCE, PATIENCE);

    private final Stock stock = new Stock();
    private final Direct anothers = new Direct(Databases.vertx(), stock.database.connectOptions());
    private final ReconcilerLock another = new ReconcilerLock(anothers, Databases.vertx());
    private final List<Process> processes = new ArrayList<>();

    @AfterEach
    void close() {
        processes.forEach(Process::close);
        anothers.pool().closeAndAwait();
        stock.close();
    }

    /** A process of its own: connections of its own to the database, which a test may freeze. */
    private final class Process {

        final Wire wire;
        final Direct direct;
        final ReconcilerLock lock;
        final CompletableFuture<String> working = new CompletableFuture<>();
        final CompletableFuture<BooleanSupplier> holds = new CompletableFuture<>();

        Process() {
            Vertx vertx = Databases.vertx();
            PgConnectOptions options = stock.database.connectOptions();
            wire = new Wire(options.getHost(), options.getPort());
            direct = new Direct(vertx, options.setPort(wire.port()));
            lock = new ReconcilerLock(direct, vertx);
            processes.add(this);
        }

        /** Works under the lock until the test says that it is done. */
        CompletableFuture<Optional<String>> work(Bounds bounds) {
            CompletableFuture<Optional<String>> all =
                    lock.hold(bounds, this::whileHeld, done -> true).subscribeAsCompletionStage();
            assertThat(CompletableFuture.anyOf(holds, all)).succeedsWithin(PATIENCE);
            return all;
        }

        private Uni<String> whileHeld(BooleanSupplier held) {
            holds.complete(held);
            return Uni.createFrom().completionStage(working);
        }

        boolean holds() {
            return holds.join().getAsBoolean();
        }

        void close() {
            wire.thaw();
            direct.pool().closeAndAwait();
            wire.close();
        }
    }

    /** Whether another process gets the lock at this moment; it gives it back at once. */
    private boolean isFree() {
        return Stock.await(another.hold(SHORT, held -> Uni.createFrom().item("free"), done -> false))
                .isPresent();
    }

    private Instant lastFinished() {
        return Stock.await(new PauseStore(stock.pool, stock.clock, stock.ids).reconciliation())
                .lastFinishedAt();
    }

    private void longAgo() {
        stock.sql("UPDATE reconciliation SET finished_at = '2026-01-01'");
    }

    @Test
    void a_frozen_holder_loses_the_lock_after_its_silence_and_another_gets_it() {
        Process holder = new Process();
        var work = holder.work(SHORT);
        assertThat(isFree()).isFalse();
        long frozen = System.nanoTime();

        holder.wire.freeze();
        Eventually.see(this::isFree, free -> free);

        assertThat(Duration.ofNanos(System.nanoTime() - frozen))
                .isBetween(SILENCE.minusMillis(500), SILENCE.plusSeconds(2));
        assertThat(holder.holds())
                .as("knows it before the database's word has reached it")
                .isFalse();
        holder.working.complete("too late");
        holder.wire.thaw();
        assertThat(work).failsWithin(PATIENCE);
    }

    @Test
    void a_holder_that_works_for_longer_than_the_silence_keeps_the_lock() {
        Process holder = new Process();
        var work = holder.work(SHORT);
        long begun = System.nanoTime();

        Eventually.see(
                () -> System.nanoTime() - begun,
                worked -> worked > SILENCE.multipliedBy(3).toNanos());

        assertThat(holder.holds()).isTrue();
        assertThat(isFree()).isFalse();
        holder.working.complete("done");
        assertThat(work).succeedsWithin(PATIENCE).isEqualTo(Optional.of("done"));
        assertThat(isFree()).isTrue();
    }

    @Test
    void a_holder_whose_work_hangs_loses_the_lock_after_the_longest_time_and_the_silence() {
        Process holder = new Process();
        Duration longest = Duration.ofSeconds(1);
        var work = holder.work(new Bounds(SILENCE, longest));

        Eventually.see(this::isFree, free -> free);

        assertThat(holder.holds()).isFalse();
        holder.working.complete("too late");
        assertThat(work).failsWithin(PATIENCE);
    }

    @Test
    void the_settings_of_the_lock_end_with_it() {
        Process holder = new Process();
        String before = idleLimit(holder);
        holder.working.complete("done");
        assertThat(holder.work(SHORT)).succeedsWithin(PATIENCE);

        assertThat(idleLimit(holder)).isEqualTo(before);
    }

    private static String idleLimit(Process holder) {
        return Stock.await(holder.direct
                        .pool()
                        .query("SELECT current_setting('idle_in_transaction_session_timeout') AS n")
                        .execute())
                .iterator()
                .next()
                .getString("n");
    }

    @Test
    void the_end_of_a_whole_cycle_is_stored_by_the_databases_time() {
        longAgo();
        Process holder = new Process();
        holder.working.complete("done");

        assertThat(holder.work(SHORT)).succeedsWithin(PATIENCE);

        assertThat(stock.row(
                                "SELECT clock_timestamp() - finished_at < interval '10 s' AS n FROM reconciliation",
                                Tuple.tuple())
                        .getBoolean("n"))
                .isTrue();
    }

    @Test
    void a_cycle_that_was_not_whole_or_failed_or_lost_the_lock_is_not_the_last_that_finished() {
        longAgo();
        Instant before = lastFinished();
        Process some = new Process();
        assertThat(some.lock
                        .hold(SHORT, held -> Uni.createFrom().item("some"), done -> false)
                        .subscribeAsCompletionStage())
                .succeedsWithin(PATIENCE);
        Process failing = new Process();
        var failed = failing.work(SHORT);
        failing.working.completeExceptionally(new IllegalStateException("fails"));
        assertThat(failed).failsWithin(PATIENCE);
        Process losing = new Process();
        var lost = losing.work(SHORT);
        losing.wire.cut();
        losing.working.complete("too late");
        assertThat(lost).failsWithin(PATIENCE);

        assertThat(lastFinished()).isEqualTo(before);
    }

    @Test
    void cycles_that_follow_each_other_closely_write_one_row() {
        longAgo();
        Process holder = new Process();
        holder.working.complete("done");
        assertThat(holder.work(SHORT)).succeedsWithin(PATIENCE);
        Instant first = lastFinished();

        assertThat(holder.work(SHORT)).succeedsWithin(PATIENCE);

        assertThat(lastFinished()).isEqualTo(first);
    }

    @Test
    void an_end_that_lies_in_the_future_is_replaced() {
        stock.sql("UPDATE reconciliation SET finished_at = clock_timestamp() + interval '1 hour'");
        Process holder = new Process();
        holder.working.complete("done");

        assertThat(holder.work(SHORT)).succeedsWithin(PATIENCE);

        assertThat(stock.row("SELECT finished_at <= clock_timestamp() AS n FROM reconciliation", Tuple.tuple())
                        .getBoolean("n"))
                .isTrue();
    }

    @Test
    void a_silence_that_would_be_none_or_hold_others_up_for_long_is_refused() {
        for (Duration silence : List.of(Duration.ZERO, Duration.ofMillis(999), Duration.ofSeconds(601))) {
            assertThatThrownBy(() -> new Bounds(silence, PATIENCE))
                    .as("%s", silence)
                    .hasMessageContaining("larder.reconcile.lock-silence");
        }
    }

    @Test
    void the_lock_that_another_holds_is_nobodys_failure() {
        Process holder = new Process();
        var work = holder.work(SHORT);
        Process other = new Process();

        assertThat(other.work(SHORT)).succeedsWithin(PATIENCE).isEqualTo(Optional.empty());

        holder.working.complete("done");
        assertThat(work).succeedsWithin(PATIENCE);
    }
}
