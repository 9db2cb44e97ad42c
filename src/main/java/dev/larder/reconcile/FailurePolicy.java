package dev.larder.reconcile;

import dev.larder.model.Failures;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** The effects of a preset's failures at one instant: a growing backoff, and the hard limit. */
final class FailurePolicy {

    /**
     * The largest difference between the times of two processes. A failure further in the future was dated by a
     * wrong clock.
     */
    private static final Duration APART = Duration.ofSeconds(5);

    private final Failures failures;
    private final Limits limits;
    private final Instant at;

    FailurePolicy(Failures failures, Limits limits, Instant at) {
        this.failures = failures;
        this.limits = limits;
        this.at = at;
    }

    /**
     * Holds until the latest failure + failures × interval, that instant included, if one of the newest
     * {@code desired} (at least one) start builds failed (design, section 2.3.3).
     */
    Optional<Blocker.Backoff> backoff(int desired) {
        List<Instant> counted = counted();
        boolean newestFailed = failures.newestBuildsFailed().stream()
                .limit(Math.max(desired, 1))
                .anyMatch(failed -> failed);
        if (!newestFailed || counted.isEmpty()) {
            return Optional.empty();
        }
        Instant latest = counted.stream().max(Instant::compareTo).orElseThrow();
        Instant until = latest.plus(limits.backoffInterval().multipliedBy(counted.size()));
        return at.isAfter(until) ? Optional.empty() : Optional.of(new Blocker.Backoff(until, counted.size()));
    }

    /** When the oldest counted failure counts for the last time; the instant of the plan when there is none. */
    Instant firstForgotten() {
        return counted().stream()
                .min(Instant::compareTo)
                .map(oldest -> oldest.plus(limits.lookback()))
                .orElse(at);
    }

    /**
     * Failures of the future do not count: a server whose clock was ahead, or a restored database, must not
     * stop creation.
     */
    private List<Instant> counted() {
        Instant since = at.minus(limits.lookback());
        Instant until = at.plus(APART);
        return failures.failedAt().stream()
                .filter(failed -> !failed.isBefore(since) && !failed.isAfter(until))
                .toList();
    }

    /** The newest {@code hardLimit} attempts exist and all failed (design, section 2.3.4). */
    boolean reachesHardLimit() {
        return limits.hardLimit() > 0 && failedAttempts() >= limits.hardLimit();
    }

    /** The newest {@code hardLimit} attempts that succeeded were all older than the ttl when they were ready. */
    boolean buildsTooSlowlyForItsTtl() {
        long inARow = failures.newestExpiredUnready().stream()
                .takeWhile(expired -> expired)
                .count();
        return limits.hardLimit() > 0 && inARow >= limits.hardLimit();
    }

    /** How many of the newest attempts failed in a row, as far as they are remembered. */
    int failedAttempts() {
        return (int) failures.newestAttemptsFailed().stream()
                .takeWhile(failed -> failed)
                .count();
    }
}
