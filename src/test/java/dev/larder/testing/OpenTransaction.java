package dev.larder.testing;

import static dev.larder.testing.Stock.await;

import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.List;

/**
 * A transaction of somebody else that stays open for as long as the test wants. Stores made on its pool act inside
 * it, as long as they begin no transaction themselves: it has one connection.
 */
public final class OpenTransaction implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final Stock stock;
    private final Pool pool;
    private boolean open = true;

    public OpenTransaction(Stock stock) {
        this.stock = stock;
        pool = stock.database.another(1);
        does("BEGIN");
    }

    /** Another one on the same connection, after the one before was ended. */
    public void beginsAgain() {
        does("BEGIN");
        open = true;
    }

    public Pool pool() {
        return pool;
    }

    /** Does this and keeps the locks of it; answers how many rows it was about. */
    @CanIgnoreReturnValue
    public int does(String sql, Object... values) {
        return await(pool.preparedQuery(sql).execute(Tuple.from(List.of(values))))
                .rowCount();
    }

    /** Returns once so many others wait for a lock; nothing but this transaction holds one in a test that asks. */
    public void isWaitedForBy(int others) {
        long giveUp = System.nanoTime() + PATIENCE.toNanos();
        while (waiting() < others) {
            if (System.nanoTime() > giveUp) {
                throw new AssertionError("only " + waiting() + " wait for a lock");
            }
            Thread.onSpinWait();
        }
    }

    private int waiting() {
        return stock.count("pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()");
    }

    public void commits() {
        end("COMMIT");
    }

    public void rollsBack() {
        end("ROLLBACK");
    }

    private void end(String how) {
        open = false;
        does(how);
    }

    /** Undoes it where it was not ended. */
    @Override
    public void close() {
        if (open) {
            rollsBack();
        }
    }
}
