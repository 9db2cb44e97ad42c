package dev.larder.cli.client;

import java.time.Duration;

/**
 * When a lease is renewed and when it is lost. Instants are readings of a counter in nanoseconds. Pure.
 *
 * <p>A lease is renewed after each third of its length. After a renewal without an answer, it is renewed again soon,
 * until the lease has ended.
 *
 * @param length of the lease
 * @param endsAt no workspace is held after this, unless a renewal succeeds. The length is counted from before the call
 *     was sent, so it ends here no later than on the server
 * @param nextAt when it is renewed next
 */
record LeaseClock(Duration length, long endsAt, long nextAt) {

    /** A server that restarts is back in seconds. */
    private static final Duration AGAIN = Duration.ofSeconds(2);

    private static final Duration CALL_MAX = Duration.ofSeconds(10);

    /** @param sentAt when the call that granted or renewed the lease was sent */
    static LeaseClock granted(Duration length, long sentAt) {
        long nanos = length.toNanos();
        return new LeaseClock(length, sentAt + nanos, sentAt + nanos / 3);
    }

    /** The same lease, renewed as soon as possible: a claim that waited may have got it before the call. */
    LeaseClock due(long now) {
        return new LeaseClock(length, endsAt, now);
    }

    LeaseClock renewed(long sentAt) {
        return granted(length, sentAt);
    }

    /** The lease after a call without an answer. */
    LeaseClock unanswered(long now) {
        long again = Math.min(AGAIN.toNanos(), length.toNanos() / 12);
        return new LeaseClock(length, endsAt, now + again);
    }

    boolean isOver(long now) {
        return now - endsAt >= 0;
    }

    boolean isDue(long now) {
        return now - nextAt >= 0;
    }

    /** How long nothing has to be done: until the next renewal or the end. */
    Duration pause(long now) {
        long nanos = Math.min(nextAt - now, endsAt - now);
        return Duration.ofNanos(Math.max(0, nanos));
    }

    /** How long one renewal may take. A call that takes longer is repeated. */
    Duration callWithin(long now) {
        long left = Math.min(length.toNanos() / 3, endsAt - now);
        return Duration.ofNanos(Math.clamp(left, 1_000_000, CALL_MAX.toNanos()));
    }
}
