package dev.larder.testing;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** Looks at a running application until it is as it should be: all a caller from outside can do. */
public final class Eventually {

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final long BETWEEN_NANOS = Duration.ofMillis(20).toNanos();

    private Eventually() {}

    /** What was seen when it was as wanted; fails with what was seen last. */
    @CanIgnoreReturnValue
    public static <T> T see(Supplier<T> look, Predicate<T> wanted) {
        long until = System.nanoTime() + PATIENCE.toNanos();
        T seen = look.get();
        while (!wanted.test(seen)) {
            if (System.nanoTime() > until) {
                throw new AssertionError("never as wanted, last seen: " + seen);
            }
            LockSupport.parkNanos(BETWEEN_NANOS);
            seen = look.get();
        }
        return seen;
    }
}
