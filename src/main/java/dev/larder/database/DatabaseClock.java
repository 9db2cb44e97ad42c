package dev.larder.database;

import dev.larder.model.FollowedTime;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlConnection;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The database's time, to within half a round trip (decision 0023). All processes of a deployment share it, so
 * their instants can be compared. It is read every few seconds and continued by a monotonic counter: a change of
 * this host's clock has no effect, and time goes on while the database is unreachable.
 */
public final class DatabaseClock implements InstantSource {

    private static final Logger LOG = Logger.getLogger(DatabaseClock.class);
    private static final Duration EVERY = Duration.ofSeconds(5);
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(5);

    /** The error of a reading that is accepted. A slower reading is ignored; the next one follows soon. */
    static final Duration ERROR_MAX = Duration.ofSeconds(1);

    private final Vertx vertx;
    private final Pool pool;
    private final LongSupplier counter;
    private final InstantSource wall;
    private final CompletableFuture<Instant> first = new CompletableFuture<>();
    private volatile @Nullable FollowedTime followed;
    private volatile boolean stopped;

    /**
     * @param counter nanoseconds since any instant; monotonic
     * @param wall the clock of this host; only its skew is measured
     */
    public DatabaseClock(Vertx vertx, Pool pool, LongSupplier counter, InstantSource wall) {
        this.vertx = vertx;
        this.pool = pool;
        this.counter = counter;
        this.wall = wall;
    }

    /** Do not decide or answer anything that depends on time before the first reading: {@link #awaitFirst}. */
    public static final class UnknownTimeException extends IllegalStateException {

        private static final long serialVersionUID = 1;

        UnknownTimeException() {
            super("the database's time was not read yet");
        }
    }

    /** The database's time. Fails with {@link UnknownTimeException} before the first reading. */
    @Override
    public Instant instant() {
        FollowedTime known = followed;
        if (known == null) {
            throw new UnknownTimeException();
        }
        return known.at(counter.getAsLong());
    }

    public boolean isRead() {
        return followed != null;
    }

    /** Completes when the time is known; fails after this long. */
    public Uni<Void> awaitFirst(Duration within) {
        return Uni.createFrom()
                .completionStage(() -> first.copy())
                .replaceWithVoid()
                .ifNoItem()
                .after(within)
                .failWith(UnknownTimeException::new);
    }

    /** How far the clock of this host is ahead of the database's; negative if it is behind. */
    public Duration skew() {
        return Duration.between(instant(), wall.instant());
    }

    /** Reads the time now and every few seconds from now on. Fails if the database does not answer. */
    public Uni<Void> start() {
        return isRead() ? Uni.createFrom().voidItem() : read().invoke(this::readLater);
    }

    /** Stops the readings. Idempotent. */
    public void stop() {
        stopped = true;
    }

    private void readLater() {
        vertx.setTimer(EVERY.toMillis(), elapsed -> readAgain());
    }

    private void readAgain() {
        if (stopped) {
            return;
        }
        read().onFailure()
                .invoke(cause -> LOG.debugf("time not read, will be tried again cause=%s", cause))
                .onTermination()
                .invoke(this::readLater)
                .subscribe()
                .with(read -> {}, failed -> {});
    }

    /** One reading. */
    Uni<Void> read() {
        return pool.withConnection(this::read).ifNoItem().after(ANSWER_WITHIN).fail();
    }

    private static final String TIME = "SELECT clock_timestamp() AS time";

    private Uni<Void> read(SqlConnection connection) {
        long asked = counter.getAsLong();
        return connection
                .query(TIME)
                .execute()
                .map(rows -> Rows.instant(rows.iterator().next(), "time"))
                .invoke(said -> follow(FollowedTime.read(said, asked, counter.getAsLong())))
                .replaceWithVoid();
    }

    private synchronized void follow(FollowedTime reading) {
        if (reading.error().compareTo(ERROR_MAX) > 0) {
            throw new IllegalStateException("the answer took too long to tell the time: " + reading.error());
        }
        FollowedTime before = followed;
        FollowedTime now = before == null ? reading : before.narrowedBy(reading);
        followed = now;
        first.complete(now.at(reading.asOf()));
    }
}
