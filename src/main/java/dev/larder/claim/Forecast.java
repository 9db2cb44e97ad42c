package dev.larder.claim;

import java.time.Duration;
import java.util.List;

/**
 * When something may be ready, from the pool's own builds (design, section 3.4). It assumes that as many builds as are
 * under way go on being so, each as long as the newest ones took.
 */
final class Forecast {

    static final Duration WITHOUT_EVIDENCE = Duration.ofSeconds(30);
    private static final Duration AT_LEAST = Duration.ofSeconds(1);
    private static final Duration AT_MOST = Duration.ofHours(1);

    private Forecast() {}

    /**
     * @param position as how many-th of those who wait, from 1
     * @param starting for how long each build under way has been so, the oldest first
     * @param buildTime mean of the newest builds; {@link #WITHOUT_EVIDENCE} where none is known
     * @return from one second to one hour
     */
    static Duration of(long position, List<Duration> starting, Duration buildTime) {
        int abreast = Math.max(1, starting.size());
        long rounds = (position - 1) / abreast;
        int within = (int) ((position - 1) % abreast);
        Duration elapsed = starting.isEmpty() ? Duration.ZERO : starting.get(within);
        Duration left = buildTime.minus(elapsed);
        Duration first = left.isNegative() ? Duration.ZERO : left;
        return bounded(first.plus(times(buildTime, rounds)));
    }

    private static Duration times(Duration buildTime, long rounds) {
        long roundsMax = AT_MOST.toMillis() / Math.max(1, buildTime.toMillis()) + 1;
        return buildTime.multipliedBy(Math.min(rounds, roundsMax));
    }

    private static Duration bounded(Duration time) {
        if (time.compareTo(AT_LEAST) < 0) {
            return AT_LEAST;
        }
        return time.compareTo(AT_MOST) > 0 ? AT_MOST : time;
    }
}
