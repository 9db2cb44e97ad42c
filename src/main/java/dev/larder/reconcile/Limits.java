package dev.larder.reconcile;

import java.time.Duration;

/**
 * What holds back the creation of prebuilds that fail (design, sections 2.3.3 and 2.3.4).
 *
 * @param backoffInterval waited per failure
 * @param lookback how long a failure counts, its end included
 * @param hardLimit how many of the newest attempts must all have failed before creation stops; 0 is never
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
