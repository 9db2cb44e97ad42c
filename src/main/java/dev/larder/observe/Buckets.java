package dev.larder.observe;

import java.time.Duration;
import java.util.stream.LongStream;

/** Upper bounds of histogram buckets, inclusive. */
public final class Buckets {

    private Buckets() {}

    public static Duration[] millis(long... bounds) {
        return LongStream.of(bounds).mapToObj(Duration::ofMillis).toArray(Duration[]::new);
    }

    /** What takes seconds to minutes: builds and waiting for them. */
    public static Duration[] builds() {
        return millis(10, 50, 100, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000);
    }
}
