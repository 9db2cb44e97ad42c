package dev.larder.database;

import dev.larder.model.MisconfiguredException;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * The lock under which one process at a time reconciles (design, section 2.1.2): an advisory lock in a transaction
 * on a connection of its own. The holder sends a query every moment. If it falls silent, because it is frozen or
 * its host vanished, the database ends the transaction and another process gets the lock (decision 0023).
 */
@ApplicationScoped
public class ReconcilerLock {

    private static final int ASKS_PER_SILENCE = 5;
    private static final Duration SILENCE_MIN = Duration.ofSeconds(1);
    private static final Duration SILENCE_MAX = Duration.ofMinutes(10);

    private final Direct direct;
    private final Vertx vertx;

    public ReconcilerLock(Direct direct, Vertx vertx) {
        this.direct = direct;
        this.vertx = vertx;
    }

    /**
     * How long the lock may be held.
     *
     * @param silence a holder that sends nothing to the database for this long loses the lock; a second to ten
     *     minutes
     * @param longest after this time the holder stops its queries and loses the lock, even if its work hangs
     */
    public record Bounds(Duration silence, Duration longest) {

        public Bounds {
            if (silence.compareTo(SILENCE_MIN) < 0 || silence.compareTo(SILENCE_MAX) > 0) {
                throw new MisconfiguredException("larder.reconcile.lock-silence must be from 1s to 10m");
            }
        }
    }

    // The idle timeout ends the session of a frozen process, whose kernel still answers keepalives. The TCP
    // settings end the connection of a vanished host. All of them end with the transaction.
    private static final String TRY = """
            SELECT pg_try_advisory_xact_lock(7210517264002) AS taken,
                   set_config('idle_in_transaction_session_timeout', '%1$d', true),
                   set_config('tcp_user_timeout', '%1$d', true),
                   set_config('tcp_keepalives_idle', '%2$d', true),
                   set_config('tcp_keepalives_interval', '%2$d', true),
                   set_config('tcp_keepalives_count', '%3$d', true)""";

    /**
     * Does the work while this process holds the lock. The transaction of the lock ends after it.
     *
     * @param work gets a function that says whether the lock is still held; after a false answer it must begin
     *     nothing new. The answer comes from this process alone and is right even after the process was frozen
     * @param whole whether the result is that of a full cycle; the time of its end is stored
     * @return empty, without any work done, if another process holds the lock; fails if the lock was lost during
     *     the work
     */
    public <T> Uni<Optional<T>> hold(Bounds bounds, Function<BooleanSupplier, Uni<T>> work, Predicate<T> whole) {
        return direct.pool().withTransaction(connection -> whileHeld(connection, bounds, work, whole));
    }

    private <T> Uni<Optional<T>> whileHeld(
            SqlConnection connection, Bounds bounds, Function<BooleanSupplier, Uni<T>> work, Predicate<T> whole) {
        Held held = new Held(connection, bounds);
        return connection
                .query(tryFor(bounds.silence()))
                .execute()
                .map(rows -> Boolean.TRUE.equals(rows.iterator().next().getBoolean("taken")))
                .chain(taken -> taken
                        ? held.during(work)
                                .call(done -> whole.test(done)
                                        ? remember(connection)
                                        : Uni.createFrom().voidItem())
                                .map(Optional::of)
                        : Uni.createFrom().item(Optional.empty()));
    }

    /** The statement that tries to take the lock. Its column {@code taken} says whether it did. */
    public static String tryFor(Duration silence) {
        long seconds = Math.max(1, silence.toSeconds() / ASKS_PER_SILENCE);
        return TRY.formatted(silence.toMillis(), seconds, ASKS_PER_SILENCE);
    }

    // Not if the stored time is a moment old: cycles may follow each other closely.
    private static final String REMEMBER = """
            UPDATE reconciliation SET finished_at = clock_timestamp()
             WHERE finished_at NOT BETWEEN clock_timestamp() - interval '5 seconds' AND clock_timestamp()""";

    private static Uni<Void> remember(SqlConnection connection) {
        return connection.query(REMEMBER).execute().replaceWithVoid();
    }

    /** The lock while this process holds it. */
    private final class Held {

        private final SqlConnection connection;
        private final Bounds bounds;
        private final long begun = System.nanoTime();
        private volatile long heard = begun;
        private volatile boolean lost;

        Held(SqlConnection connection, Bounds bounds) {
            this.connection = connection;
            this.bounds = bounds;
            connection.closeHandler(() -> lost = true);
            // The failure of the work reports it. Unhandled, it would be a stack trace in the log.
            connection.exceptionHandler(gone -> lost = true);
        }

        /**
         * Whether the database cannot have given the lock away: the last query was sent less than the silence ago.
         */
        boolean isStill() {
            long now = System.nanoTime();
            return !lost
                    && now - heard < bounds.silence().toNanos()
                    && now - begun < bounds.longest().toNanos();
        }

        <T> Uni<T> during(Function<BooleanSupplier, Uni<T>> work) {
            long every = Math.max(1, bounds.silence().toMillis() / ASKS_PER_SILENCE);
            long speaking = vertx.setPeriodic(every, tick -> speakUp());
            return Uni.createFrom()
                    .deferred(() -> work.apply(this::isStill))
                    .onTermination()
                    .invoke(() -> vertx.cancelTimer(speaking));
        }

        private void speakUp() {
            long asked = System.nanoTime();
            if (isStill()) {
                connection.query("SELECT 1").execute().subscribe().with(answered -> heard = asked, gone -> lost = true);
            }
        }
    }
}
