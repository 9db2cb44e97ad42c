package dev.larder.wakeup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TickerTest {

    private static final Duration OFTEN = Duration.ofMillis(5);

    private final Ticker pace = new Ticker(Databases.vertx());
    private final AtomicInteger done = new AtomicInteger();

    @AfterEach
    void stop() {
        pace.stop();
    }

    private Uni<Void> count() {
        return Uni.createFrom().voidItem().invoke(done::incrementAndGet);
    }

    @Test
    void a_step_is_done_at_the_start_and_again_and_again() {
        pace.keep("count", OFTEN, this::count);
        assertThat(done).hasValue(0);

        pace.start();

        Eventually.see(done::get, times -> times >= 3);
    }

    @Test
    void a_step_that_comes_after_the_start_begins_at_once() {
        CompletableFuture<String> begun = new CompletableFuture<>();
        pace.start();

        pace.keep("once", Duration.ofHours(10), () -> {
            begun.complete("begun");
            return count();
        });

        assertThat(begun).succeedsWithin(20, TimeUnit.SECONDS);
    }

    @Test
    void what_fails_or_throws_is_done_again() {
        pace.keep(
                "fail", OFTEN, () -> count().chain(() -> Uni.createFrom().failure(new IllegalStateException("fails"))));
        AtomicInteger thrown = new AtomicInteger();
        pace.keep("throw", OFTEN, () -> {
            thrown.incrementAndGet();
            throw new IllegalStateException("throws");
        });

        pace.start();

        Eventually.see(done::get, times -> times >= 3);
        Eventually.see(thrown::get, times -> times >= 3);
    }

    @Test
    void what_takes_longer_than_the_pace_is_never_done_twice_at_once() {
        AtomicInteger begun = new AtomicInteger();
        CompletableFuture<Void> open = new CompletableFuture<>();
        pace.keep("slow", OFTEN, () -> {
            begun.incrementAndGet();
            return Uni.createFrom().completionStage(open);
        });
        pace.keep("count", OFTEN, this::count);

        pace.start();
        Eventually.see(done::get, times -> times >= 5);

        assertThat(begun).hasValue(1);
        open.complete(null);
        Eventually.see(begun::get, times -> times >= 2);
    }

    @Test
    void an_interval_of_zero_is_never() {
        AtomicInteger never = new AtomicInteger();
        pace.keep("never", Duration.ZERO, () -> Uni.createFrom().voidItem().invoke(never::incrementAndGet));
        pace.keep("count", OFTEN, this::count);

        pace.start();
        Eventually.see(done::get, times -> times >= 3);

        assertThat(never).hasValue(0);
    }

    @Test
    void after_a_stop_nothing_is_begun() {
        pace.keep("count", OFTEN, this::count);
        pace.start();
        Eventually.see(done::get, times -> times >= 1);

        pace.stop();
        pace.stop();

        int before = done.get();
        AtomicInteger other = new AtomicInteger();
        Ticker another = new Ticker(Databases.vertx());
        another.keep("other", OFTEN, () -> Uni.createFrom().voidItem().invoke(other::incrementAndGet));
        another.start();
        Eventually.see(other::get, times -> times >= 5);
        another.stop();
        // One that was under way in that moment may still have ended.
        assertThat(done.get()).isBetween(before, before + 1);
    }
}
