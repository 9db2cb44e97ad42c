package dev.larder.model;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A pause of the reconciler at one level.
 *
 * @param level where it was set: {@code deployment}, {@code organization}, {@code template} or {@code preset}
 * @param until exclusive end; null holds until it is lifted
 */
public record Pause(
        String level, PauseScope scope, @Nullable Instant until) {

    public boolean holdsAt(Instant at) {
        return until == null || at.isBefore(until);
    }
}
