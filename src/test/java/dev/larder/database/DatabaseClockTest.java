package dev.larder.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.SettableClock;
import dev.larder.testing.Stock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DatabaseClockTest {

    private static final Duration CLOSE = Duration.ofMillis(500);

    private final Database database = Databases.fresh();
    private final SettableClock wall = new SettableClock(databaseTime());

    @AfterEach
    void close() {
        database.close();
    }

    private DatabaseClock clock() {
        return new DatabaseClock(Databases.vertx(), database.pool(), System::nanoTime, wall);
    }

    private Instant databaseTime() {
        return database.pool()
                .query("SELECT clock_timestamp() AS time")
                .executeAndAwait()
                .iterator()
                .next()
                .getOffsetDateTime("time")
                .toInstant();
    }

    @Test
    void the_time_is_the_databases_whatever_the_own_clock_says() {
        for (Duration wrong : List.of(Duration.ZERO, Duration.ofHours(1), Duration.ofHours(-1), Duration.ofDays(400))) {
            wall.set(databaseTime().plus(wrong));
            DatabaseClock clock = clock();
            Stock.await(clock.read());

            Instant before = databaseTime();
            Instant now = clock.instant();

            assertThat(now)
                    .as("own clock off by %s", wrong)
                    .isBetween(before.minus(CLOSE), databaseTime().plus(CLOSE));
            wall.set(databaseTime().plus(wrong));
            assertThat(clock.skew()).isBetween(wrong.minus(CLOSE), wrong.plus(CLOSE));
        }
    }

    @Test
    void a_step_of_the_own_clock_changes_the_skew_and_not_the_time() {
        DatabaseClock clock = clock();
        Stock.await(clock.read());
        Instant before = clock.instant();

        wall.forward(Duration.ofHours(-2));

        assertThat(clock.instant()).isBetween(before, before.plus(CLOSE));
        assertThat(clock.skew())
                .isBetween(
                        Duration.ofHours(-2).minus(CLOSE), Duration.ofHours(-2).plus(CLOSE));
    }

    @Test
    void before_the_first_reading_there_is_no_time_and_waiting_for_it_ends_with_it() {
        DatabaseClock clock = clock();
        assertThat(clock.isRead()).isFalse();
        assertThatThrownBy(clock::instant).isInstanceOf(DatabaseClock.UnknownTimeException.class);
        assertThatThrownBy(() -> Stock.await(clock.awaitFirst(Duration.ofMillis(10))))
                .isInstanceOf(DatabaseClock.UnknownTimeException.class);
        var waiting = clock.awaitFirst(Duration.ofSeconds(20)).subscribeAsCompletionStage();

        Stock.await(clock.start());

        assertThat(waiting).succeedsWithin(20, TimeUnit.SECONDS);
        assertThat(clock.isRead()).isTrue();
    }

    @Test
    void an_answer_that_took_too_long_tells_no_time() {
        AtomicLong counter = new AtomicLong();
        // Each look at the counter is three seconds later: the answer took as long.
        DatabaseClock slow = new DatabaseClock(
                Databases.vertx(),
                database.pool(),
                () -> counter.addAndGet(Duration.ofSeconds(3).toNanos()),
                wall);

        assertThatThrownBy(() -> Stock.await(slow.start())).hasMessageContaining("too long");
        assertThat(slow.isRead()).isFalse();
    }

    @Test
    void the_time_is_read_again_and_again_and_goes_on_while_the_database_is_away() {
        AtomicLong ahead = new AtomicLong();
        DatabaseClock clock =
                new DatabaseClock(Databases.vertx(), database.pool(), () -> System.nanoTime() + ahead.get(), wall);
        Stock.await(clock.start());

        // As if the host had slept: the counter stood still for an hour, or ran ahead.
        ahead.set(Duration.ofHours(1).toNanos());
        assertThat(clock.instant()).isAfter(databaseTime().plus(Duration.ofMinutes(59)));

        Eventually.see(clock::instant, time -> time.isBefore(databaseTime().plus(CLOSE)));
        clock.stop();
    }
}
