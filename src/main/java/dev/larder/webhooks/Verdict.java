package dev.larder.webhooks;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/** What follows from an attempt. */
sealed interface Verdict {

    Duration FIRST = Duration.ofSeconds(5);
    Duration LONGEST = Duration.ofHours(1);

    /** The receiver has taken it. */
    record Delivered() implements Verdict {}

    /** It is tried again. */
    record Again(Instant at) implements Verdict {}

    /** It was tried for long enough. */
    record GivenUp() implements Verdict {}

    /** The receiver wants nothing of this webhook any more. */
    record Gone() implements Verdict {}

    /** How an attempt ended. */
    sealed interface Outcome {

        /** @param retryAfter what the receiver asks for */
        record Answered(int status, Optional<Duration> retryAfter) implements Outcome {}

        /** @param code stable, such as {@code timed_out} */
        record Failed(String code) implements Outcome {}
    }

    /**
     * The rule: any 2xx is success, 410 ends the webhook, everything else is tried again until {@code expiresAt}.
     *
     * @param attempts how many were made, this one included
     */
    static Verdict of(Outcome outcome, UUID delivery, int attempts, Instant now, Instant expiresAt) {
        return switch (outcome) {
            case Outcome.Answered(int status, var unused) when status / 100 == 2 -> new Delivered();
            case Outcome.Answered(int status, var unused) when status == 410 -> new Gone();
            case Outcome.Answered(int status, var retryAfter) ->
                again(now.plus(longer(wait(delivery, attempts), retryAfter)), expiresAt);
            case Outcome.Failed(String code) -> again(now.plus(wait(delivery, attempts)), expiresAt);
        };
    }

    private static Verdict again(Instant at, Instant expiresAt) {
        return at.isAfter(expiresAt) ? new GivenUp() : new Again(at);
    }

    private static Duration longer(Duration wait, Optional<Duration> asked) {
        return asked.map(time -> time.compareTo(LONGEST) > 0 ? LONGEST : time)
                .filter(time -> time.compareTo(wait) > 0)
                .orElse(wait);
    }

    /**
     * Twice as long after each attempt, from 5 s to an hour, less up to a quarter: deliveries that failed together are
     * not repeated together. The part is that of the id and the attempt.
     */
    static Duration wait(UUID delivery, int attempts) {
        Duration full = FIRST;
        for (int attempt = 1; attempt < attempts && full.compareTo(LONGEST) < 0; attempt++) {
            full = full.multipliedBy(2);
        }
        Duration capped = full.compareTo(LONGEST) > 0 ? LONGEST : full;
        int part = Math.floorMod(delivery.hashCode() * 31 + attempts * 0x9E3779B9, 1_000);
        return capped.minus(capped.multipliedBy(part).dividedBy(4_000));
    }
}
