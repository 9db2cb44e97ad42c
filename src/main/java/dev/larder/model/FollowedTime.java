package dev.larder.model;

import java.time.Duration;
import java.time.Instant;

/**
 * The time of another clock, carried on between two readings of it by a counter that is never set. A reading
 * bounds the difference between the two: the other clock was read after it was asked and before its answer
 * arrived. Readings are narrowed down by each other, so that the quickest answer counts for longest. Pure; all
 * numbers are nanoseconds.
 *
 * @param lowest the smallest difference, other clock less counter, that the readings allow; inclusive
 * @param highest the largest
 * @param asOf the counter when the latest reading was answered
 */
public record FollowedTime(long lowest, long highest, long asOf) {

    // Two clocks that NTP slews may drift apart by 500 parts per million each.
    private static final long DRIFT = 1_000;

    /** @param asked the counter when the question was sent; {@code answered} when its answer had arrived */
    public static FollowedTime read(Instant said, long asked, long answered) {
        long other = Math.addExact(Math.multiplyExact(said.getEpochSecond(), 1_000_000_000L), said.getNano());
        return new FollowedTime(other - answered, other - asked, answered);
    }

    /**
     * This and a later reading together. Where both cannot be true the other clock was set, or is another one
     * since a fail-over: then the later reading alone counts.
     */
    public FollowedTime narrowedBy(FollowedTime later) {
        long drift = Math.max(0, later.asOf - asOf) / DRIFT;
        long low = Math.max(lowest - drift, later.lowest);
        long high = Math.min(highest + drift, later.highest);
        return low <= high ? new FollowedTime(low, high, later.asOf) : later;
    }

    /** The other clock's time at this state of the counter. */
    public Instant at(long counter) {
        return Instant.ofEpochSecond(0, counter + lowest + (highest - lowest) / 2);
    }

    /** How far {@link #at} may be off at the time of the latest reading. */
    public Duration error() {
        return Duration.ofNanos((highest - lowest + 1) / 2);
    }
}
