package dev.larder.wakeup;

import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;

/** Tries again for as long as it takes, and says each time what the reason is and when it goes on. */
public final class Retry {

    private static final long FIRST_MILLIS = 250;
    private static final long LAST_MILLIS = 5_000;

    private long nextMillis = FIRST_MILLIS;

    private Retry() {}

    /**
     * The waits grow from a quarter of a second to five.
     *
     * @param hopeless failures that end it; the Uni fails with them
     * @param sentence of a failure, without secrets: {@code cannot reach db.example.org:5432}
     * @param tell is given {@code <sentence>, trying again in 5 s}
     */
    public static <T> Uni<T> until(
            Uni<T> attempt,
            Predicate<Throwable> hopeless,
            Function<Throwable, String> sentence,
            Consumer<String> tell) {
        return Uni.createFrom().deferred(() -> new Retry().again(attempt, hopeless, sentence, tell));
    }

    private <T> Uni<T> again(
            Uni<T> attempt,
            Predicate<Throwable> hopeless,
            Function<Throwable, String> sentence,
            Consumer<String> tell) {
        return attempt.onFailure(failure -> !hopeless.test(failure))
                .retry()
                .when(failures -> failures.onItem()
                        .transformToUniAndConcatenate(failure -> pause(sentence.apply(failure), tell)));
    }

    private Uni<Long> pause(String sentence, Consumer<String> tell) {
        long wait = nextMillis;
        nextMillis = Math.min(LAST_MILLIS, nextMillis * 2);
        tell.accept(sentence + ", trying again in " + seconds(wait) + " s");
        return Uni.createFrom().item(wait).onItem().delayIt().by(Duration.ofMillis(wait));
    }

    private static String seconds(long millis) {
        return millis % 1_000 == 0 ? String.valueOf(millis / 1_000) : String.valueOf(millis / 1_000.0);
    }
}
