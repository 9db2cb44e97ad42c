package dev.larder.objects;

import dev.larder.objects.ObjectStoreException.Reason;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Makes calls of a bucket: within a time, repeated while their failures may pass, and with failures of one type. A call
 * begins on a thread that may wait, since the search for credentials waits, and is answered on its caller's context.
 */
final class S3Calls {

    private static final int ATTEMPTS_MAX = 3;

    private final Duration timeout;
    private final Duration pause;

    /**
     * Sets the bounds.
     *
     * @param timeout of one attempt, with the body
     * @param pause before the second attempt; the third one waits twice as long
     */
    S3Calls(Duration timeout, Duration pause) {
        this.timeout = timeout;
        this.pause = pause;
    }

    /**
     * One attempt.
     *
     * @param what for people, such as {@code GET key}
     */
    <T> Uni<T> once(String what, Supplier<CompletableFuture<T>> call) {
        return Uni.createFrom()
                .completionStage(call)
                .ifNoItem()
                .after(timeout)
                .failWith(() -> new ObjectStoreException(Reason.STORE_UNAVAILABLE, what + ": no answer in time"))
                .onFailure()
                .transform(failure -> S3Faults.of(what, failure));
    }

    /** Up to three attempts. */
    <T> Uni<T> insisted(Supplier<Uni<? extends T>> attempt) {
        return Uni.createFrom().deferred(() -> answeredHere(insisted(attempt, 1)));
    }

    private <T> Uni<T> insisted(Supplier<Uni<? extends T>> attempt, int nth) {
        return Uni.createFrom()
                .<T>deferred(attempt)
                .onFailure(failure -> nth < ATTEMPTS_MAX && passes(failure))
                .recoverWithUni(() -> pause(nth).chain(() -> insisted(attempt, nth + 1)));
    }

    private static boolean passes(Throwable failure) {
        return failure instanceof ObjectStoreException refused && refused.passing();
    }

    private Uni<Void> pause(int nth) {
        return Uni.createFrom().voidItem().onItem().delayIt().by(pause.multipliedBy(nth));
    }

    private static <T> Uni<T> answeredHere(Uni<T> work) {
        Context own = Vertx.currentContext();
        Uni<T> done = work.runSubscriptionOn(Infrastructure.getDefaultWorkerPool());
        return own == null ? done : done.emitOn(answer -> own.runOnContext(unused -> answer.run()));
    }
}
