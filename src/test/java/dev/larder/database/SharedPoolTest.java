package dev.larder.database;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.larder.jobs.Limited;
import dev.larder.lifecycle.EndClaimStore;
import dev.larder.testing.Claimers;
import dev.larder.testing.Eventually;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlConnection;
import java.time.Duration;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is locked or slow leaves connections for the rest (decision 0024). */
@Timeout(60)
class SharedPoolTest {

    private static final int SIZE = 8;
    private static final TimeLimits PATIENT =
            new TimeLimits(Duration.ofSeconds(3), Duration.ofSeconds(3), Duration.ofSeconds(30));

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Pool pool = Limited.pool(stock.database.connectOptions(), SIZE, PATIENT);
    private final EndClaimStore leases = new EndClaimStore(pool);
    private UUID preset = new UUID(0, 0);

    @BeforeEach
    void declare() {
        preset = stock.declare("small", 3);
        stock.ready(preset, 2);
    }

    @AfterEach
    void close() {
        pool.closeAndAwait();
        stock.close();
    }

    private UUID held(String who) {
        return claimers.lease(preset, stock.member(who), Duration.ofHours(1)).id();
    }

    private Uni<Boolean> renew(UUID claim) {
        return leases.renew(claim, null, OptionalInt.empty(), stock.clock.instant());
    }

    private int waitingForLocks() {
        return stock.count("pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()");
    }

    @Test
    void one_locked_row_holds_a_quarter_of_the_connections_however_often_it_is_asked_for() {
        UUID locked = held("anna");
        UUID other = held("ben");
        try (OpenTransaction foreign = new OpenTransaction(stock)) {
            foreign.does("SELECT FROM claims WHERE id = $1 FOR UPDATE", locked);
            var renewals = Stream.generate(() -> Claimers.begin(renew(locked)))
                    .limit(50)
                    .toList();
            foreign.isWaitedForBy(SIZE / 4);

            for (int i = 0; i < 20; i++) {
                assertThat(await(renew(other))).isTrue();
            }

            assertThat(waitingForLocks()).isEqualTo(SIZE / 4);
            foreign.commits();
            renewals.forEach(renewal -> assertThat(Claimers.end(renewal)).isTrue());
        }
    }

    @Test
    void those_that_wait_for_their_turn_are_told_busy_when_their_time_is_over() {
        UUID locked = held("anna");
        try (OpenTransaction foreign = new OpenTransaction(stock)) {
            foreign.does("SELECT FROM claims WHERE id = $1 FOR UPDATE", locked);
            var renewals = Stream.generate(() -> Claimers.begin(renew(locked)))
                    .limit(10)
                    .toList();

            for (CompletableFuture<Boolean> renewal : renewals) {
                Throwable ended = catchThrowable(() -> Claimers.end(renewal));
                assertThat(DatabaseFaults.busy(ended)).as(String.valueOf(ended)).isTrue();
            }
            Eventually.see(this::waitingForLocks, waiting -> waiting == 0);
        }
    }

    @Test
    void one_slow_statement_leaves_a_quarter_of_the_connections() {
        var slow = IntStream.range(0, 20)
                .mapToObj(number ->
                        Claimers.begin(pool.query("SELECT pg_sleep(2)").execute()))
                .toList();
        Eventually.see(
                () -> stock.count("pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"),
                sleeping -> sleeping == SIZE - SIZE / 4);

        assertThat(pool.query("SELECT 1").executeAndAwait().size()).isEqualTo(1);
        assertThat(stock.count("pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"))
                .isEqualTo(SIZE - SIZE / 4);
        assertThat(slow).hasSize(20);
        slow.forEach(sleep -> sleep.cancel(true));
    }

    @Test
    void transactions_hold_half_of_the_connections() {
        var held = Stream.generate(pool::getConnectionAndAwait).limit(SIZE / 2).toList();

        CompletableFuture<SqlConnection> next = Claimers.begin(pool.getConnection());

        assertThat(pool.query("SELECT 1").executeAndAwait().size()).isEqualTo(1);
        assertThat(next).isNotDone();
        held.forEach(SqlConnection::closeAndAwait);
        Claimers.end(next).closeAndAwait();
    }

    @Test
    void a_connection_that_ends_in_a_transaction_gives_its_place_back() {
        for (int i = 0; i < 3 * SIZE; i++) {
            Throwable ended = catchThrowable(() -> await(pool.withTransaction(connection -> connection
                    .query("SELECT pg_terminate_backend(pg_backend_pid())")
                    .execute())));
            assertThat(DatabaseFaults.unavailable(ended)).as(ended.toString()).isTrue();
        }
        // The client may still give out a connection that has just ended.
        Eventually.see(() -> catchThrowable(() -> pool.query("SELECT 1").executeAndAwait()), Objects::isNull);
    }

    @Test
    void a_database_that_cannot_be_reached_gives_its_places_back() {
        Pool nowhere = Limited.pool(stock.database.connectOptions().setPort(1), SIZE, PATIENT);

        for (int i = 0; i < 3 * SIZE; i++) {
            Throwable refused = catchThrowable(() -> nowhere.query("SELECT 1").executeAndAwait());
            assertThat(DatabaseFaults.busy(refused)).as(refused.toString()).isFalse();
            Throwable lease = catchThrowable(nowhere::getConnectionAndAwait);
            assertThat(DatabaseFaults.unavailable(lease)).as(lease.toString()).isTrue();
            assertThat(DatabaseFaults.busy(lease)).as(lease.toString()).isFalse();
        }
        nowhere.closeAndAwait();
    }
}
