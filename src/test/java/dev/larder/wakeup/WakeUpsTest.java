package dev.larder.wakeup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.Direct;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import io.vertx.mutiny.core.Vertx;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A wake-up in one process reaches another, even if its connection is lost (design, section 4.2). {@code
 * -Dlarder.wake.changes=100000} makes the long one long.
 */
@Timeout(120)
class WakeUpsTest {

    private static final int CHANGES = Integer.getInteger("larder.wake.changes", 5_000);
    private static final long KILL_EVERY_NANOS = Duration.ofMillis(500).toNanos();

    private final Database database = Databases.fresh();
    private final Vertx vertx = Databases.vertx();
    private final Member here = new Member();
    private final Member there = new Member();

    /** What one process has of the wake room. */
    private final class Member {

        final Direct direct = new Direct(vertx, database.connectOptions());
        final WakeUps wakeUps = new WakeUps();
        final NotifySender pump = new NotifySender(direct, vertx);
        final Listener listener = new Listener(vertx.getDelegate(), direct, wakeUps, pump);

        void start() {
            pump.start(wakeUps);
            listener.start();
            Eventually.see(listener::up, up -> up);
        }

        void stop() {
            listener.stop();
            direct.pool().closeAndAwait();
        }
    }

    @BeforeEach
    void start() {
        here.start();
        there.start();
    }

    @AfterEach
    void stop() {
        here.stop();
        there.stop();
        database.close();
    }

    @Test
    void a_ring_is_heard_in_the_other_process_and_once_in_its_own() {
        AtomicInteger own = new AtomicInteger();
        AtomicInteger others = new AtomicInteger();
        quiet();
        here.wakeUps.onChange(Channel.JOBS, own::incrementAndGet);
        there.wakeUps.onChange(Channel.JOBS, others::incrementAndGet);

        here.wakeUps.wake(Channel.JOBS);

        Eventually.see(others::get, heard -> heard == 1);
        assertThat(own).hasValue(1);
    }

    @Test
    void rings_within_a_moment_are_told_together_and_the_last_one_is_told() {
        AtomicInteger heard = new AtomicInteger();
        AtomicLong table = new AtomicLong();
        AtomicLong seen = new AtomicLong();
        quiet();
        there.wakeUps.onChange(Channel.JOBS, () -> {
            heard.incrementAndGet();
            seen.set(table.get());
        });

        for (int i = 0; i < 1_000; i++) {
            table.incrementAndGet();
            here.wakeUps.wake(Channel.JOBS);
        }

        Eventually.see(seen::get, last -> last == 1_000);
        assertThat(heard.get()).isLessThan(500);
    }

    @Test
    void whoever_lost_its_connection_looks_at_everything_when_it_is_back() {
        AtomicInteger heard = new AtomicInteger();
        quiet();
        there.wakeUps.onChange(Channel.RECONCILE, heard::incrementAndGet);

        int killed = killListeners();

        assertThat(killed).isEqualTo(2);
        Eventually.see(heard::get, count -> count > 0);
    }

    /** The woken loop does not poll here: every change must reach it by a wake-up or by the look after an outage. */
    @Test
    void no_wake_up_is_lost_while_the_listening_connection_is_killed_again_and_again() {
        AtomicLong table = new AtomicLong();
        AtomicLong seen = new AtomicLong();
        there.wakeUps.onChange(Channel.JOBS, () -> seen.accumulateAndGet(table.get(), Math::max));
        long killNext = System.nanoTime() + KILL_EVERY_NANOS;
        int kills = 0;

        while (table.get() < CHANGES || kills == 0) {
            table.incrementAndGet();
            here.wakeUps.wake(Channel.JOBS);
            if (System.nanoTime() > killNext) {
                kills += killListeners();
                killNext += KILL_EVERY_NANOS;
            }
            LockSupport.parkNanos(100_000);
        }

        long last = table.get();
        Eventually.see(seen::get, reached -> reached == last);
    }

    /** Waits until the wake-ups of the start have arrived. */
    private void quiet() {
        AtomicInteger heard = new AtomicInteger();
        there.wakeUps.onChange(Channel.WAITING, heard::incrementAndGet);
        here.wakeUps.wake(Channel.WAITING);
        Eventually.see(heard::get, count -> count > 0);
    }

    private int killListeners() {
        return database.pool()
                .query("SELECT count(pg_terminate_backend(pid))::integer AS n FROM pg_stat_activity"
                        + " WHERE datname = current_database() AND (query ILIKE 'LISTEN%' OR query = 'SELECT 1')")
                .executeAndAwait()
                .iterator()
                .next()
                .getInteger("n");
    }
}
