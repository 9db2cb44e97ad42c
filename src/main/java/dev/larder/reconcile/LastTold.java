package dev.larder.reconcile;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** What a follower of a rollout was told last. Of one stream, whose steps come one after the other. */
final class LastTold {

    private static final Duration SHORTEST = Duration.ofMillis(10);

    private final Duration silence;
    private @Nullable RolloutView view;
    private Instant at = Instant.EPOCH;

    /** @param silence how long a follower is told nothing at most */
    LastTold(Duration silence) {
        this.silence = silence;
    }

    boolean isNothing() {
        return view == null;
    }

    /** How long to wait for a change until the same is to be told again; more than zero. */
    Duration untilAgain(Instant now) {
        Duration left = Duration.between(now, at.plus(silence));
        return left.compareTo(SHORTEST) < 0 ? SHORTEST : left;
    }

    /** Whether the follower is to be told this now: it differs from what it was told last, or that was long ago. */
    boolean isDue(RolloutView next, Instant now) {
        if (next.equals(view) && now.isBefore(at.plus(silence))) {
            return false;
        }
        view = next;
        at = now;
        return true;
    }
}
