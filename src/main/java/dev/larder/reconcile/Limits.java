package dev.larder.reconcile;

import java.time.Duration;

/**
 * Limits on the creation of prebuilds that fail (design, sections 2.3.3 and 2.3.4).
 *
 * @param backoffInterval the wait per failure
 * @param lookback how long a failure counts, its end included
 * @param hardLimit creation stops when this many of the newest attempts have all failed; 0: never
 */
public record Limits(Duration backoffInterval, Duration lookback, int hardLimit) {

    public static final Limits DEFAULT = new Limits(Duration.ofMinutes(1), Duration.ofHours(1), 3);

    public Limits {
        if (backoffInterval.isNegative() || lookback.isNegative() || hardLimit < 0) {
            throw new IllegalArgumentException(
                    "limits are not negative: " + backoffInterval + ", " + lookback + ", " + hardLimit);
        }
    }
}
