package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.larder.database.DatabaseFaults;
import dev.larder.database.TimeLimits;
import dev.larder.jobs.Limited;
import dev.larder.model.Caller;
import dev.larder.testing.Claimers;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import dev.larder.wakeup.WakeUps;
import io.vertx.mutiny.sqlclient.Pool;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Another transaction keeps one waiting claim locked: its preset is in trouble, and nothing else (decision 0024). */
@Timeout(60)
class LockedLineTest {

    private static final TimeLimits LIMITS =
            new TimeLimits(Duration.ofSeconds(5), Duration.ofSeconds(1), Duration.ofSeconds(30));

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Pool pool = Limited.pool(stock.database.connectOptions(), 4, LIMITS);
    private final Combiner combiner = new Combiner(stock.claimStore(pool), new WakeUps(), stock.clock, Tuned.DEFAULT);

    @AfterEach
    void close() {
        pool.closeAndAwait();
        stock.close();
    }

    private Claimable claimable(String preset) {
        return new Claimable(stock.preset(preset), Claimable.Order.OLDEST, false);
    }

    @Test
    void claims_of_other_presets_go_on_and_those_of_its_own_are_told_busy() {
        stock.declare("troubled", 1);
        UUID healthy = stock.declare("healthy", 10);
        stock.ready(healthy, 10);
        UUID troubled = stock.preset("troubled");
        Caller anna = stock.member("anna");
        UUID waiting = claimers.waits(troubled, anna);
        Claimable locked = claimable("troubled");
        Claimable open = claimable("healthy");

        try (OpenTransaction foreign = new OpenTransaction(stock)) {
            foreign.does("SELECT FROM claims WHERE id = $1 FOR UPDATE", waiting);
            for (int round = 0; round < 3; round++) {
                var stuck = Stream.generate(() -> Claimers.begin(combiner.take(locked, claimers.ask(anna))))
                        .limit(40)
                        .toList();
                foreign.isWaitedForBy(1);

                for (int i = 0; i < 3; i++) {
                    assertThat(await(combiner.take(open, claimers.ask(anna)).map(Granted::of)))
                            .isPresent();
                }

                assertThat(stock.count("pg_stat_activity WHERE wait_event_type = 'Lock'"
                                + " AND datname = current_database()"))
                        .isEqualTo(1);
                for (CompletableFuture<?> one : stuck) {
                    Throwable ended = catchThrowable(() -> Claimers.end(one));
                    assertThat(DatabaseFaults.busy(ended))
                            .as(String.valueOf(ended))
                            .isTrue();
                }
            }
        }
        assertThat(claimers.stateOf(waiting)).isEqualTo("waiting");
    }
}
