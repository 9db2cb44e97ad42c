package dev.larder.wakeup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class LoopTest {

    private static final Duration LONG = Duration.ofSeconds(10);
    private static final long SHORT_MILLIS = 200;

    /** Steps that have begun and wait to be told how they end. */
    private final BlockingQueue<UniEmitter<? super Boolean>> begun = new LinkedBlockingQueue<>();

    private final Loop loop = new Loop("test", () -> Uni.createFrom().<Boolean>emitter(begun::add));

    private UniEmitter<? super Boolean> begun() throws InterruptedException {
        UniEmitter<? super Boolean> step = begun.poll(10, TimeUnit.SECONDS);
        assertThat(step).as("a step has begun").isNotNull();
        return step;
    }

    /** Nothing can tell that something will not happen; that it did not for a while must do. */
    private @Nullable UniEmitter<? super Boolean> anotherSoon() throws InterruptedException {
        return begun.poll(SHORT_MILLIS, TimeUnit.MILLISECONDS);
    }

    @Test
    void whatever_rings_while_a_step_runs_makes_it_run_once_more() throws InterruptedException {
        loop.wake();
        var first = begun();
        loop.wake();
        loop.wake();
        assertThat(begun).as("never two at once").isEmpty();

        first.complete(false);
        begun().complete(false);

        assertThat(anotherSoon()).isNull();
    }

    @Test
    void a_step_that_may_have_left_something_runs_again_without_a_ring() throws InterruptedException {
        loop.wake();
        begun().complete(true);

        begun().complete(false);

        assertThat(anotherSoon()).isNull();
    }

    @Test
    void a_step_that_failed_ends_nothing() throws InterruptedException {
        loop.wake();
        begun().fail(new IllegalStateException("planted"));

        Eventually.woken(loop, begun).complete(false);
    }

    @Test
    void a_stop_is_done_when_the_step_is_and_nothing_runs_after_it() throws InterruptedException {
        loop.wake();
        var step = begun();
        CompletableFuture<Void> stopped = loop.stop(LONG).subscribeAsCompletionStage();
        assertThat(stopped).isNotDone();

        step.complete(true);
        stopped.join();
        loop.wake();

        assertThat(anotherSoon()).isNull();
        loop.stop(LONG).await().atMost(LONG);
    }

    @Test
    void a_stop_in_a_rest_does_not_wait_for_its_end_and_nothing_runs_after_it() throws InterruptedException {
        Loop rests = new Loop("rests", () -> Uni.createFrom().<Boolean>emitter(begun::add), LONG.multipliedBy(6));
        rests.wake();
        begun().complete(false);
        rests.wake();

        var stopped = rests.stop(LONG).await().atMost(LONG);

        rests.wake();
        assertThat(anotherSoon()).isNull();
    }

    @Test
    void a_stop_that_takes_too_long_says_so() throws InterruptedException {
        loop.wake();
        var step = begun();

        assertThatThrownBy(() -> loop.stop(Duration.ofMillis(20)).await().atMost(LONG))
                .hasMessageContaining("test did not end within");
        step.complete(false);
    }

    /** Wakes the loop until it runs: it may not have seen the end of its last step yet. */
    private static final class Eventually {

        static UniEmitter<? super Boolean> woken(Loop loop, BlockingQueue<UniEmitter<? super Boolean>> begun)
                throws InterruptedException {
            for (int tries = 0; tries < 100; tries++) {
                loop.wake();
                UniEmitter<? super Boolean> step = begun.poll(SHORT_MILLIS, TimeUnit.MILLISECONDS);
                if (step != null) {
                    return step;
                }
            }
            throw new AssertionError("the loop runs no more");
        }
    }
}
