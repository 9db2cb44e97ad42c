package dev.larder.model;

import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A pause as lists and items show it.
 *
 * @param level where it was set: {@code deployment}, {@code organization}, {@code template} or {@code preset}
 * @param scope {@code create} or {@code all}
 * @param until exclusive end; null holds until it is lifted
 */
public record LevelPause(
        String level, String scope, @Nullable Instant until) {

    private static LevelPause of(Pause pause) {
        return new LevelPause(pause.level(), pause.scope().word(), pause.until());
    }

    /** All of them, ended ones too. */
    public static List<LevelPause> all(List<Pause> pauses) {
        return pauses.stream().map(LevelPause::of).toList();
    }

    /**
     * Of those that hold at this instant, the one of the narrowest level.
     *
     * @param pauses the widest level first
     */
    public static Optional<LevelPause> narrowest(List<Pause> pauses, Instant at) {
        return pauses.reversed().stream()
                .filter(pause -> pause.holdsAt(at))
                .map(LevelPause::of)
                .findFirst();
    }

    /**
     * Of those that hold at this instant, the one that holds longest. One that must be lifted holds longest of all.
     *
     * @param pauses the widest level first: it is the one where two hold equally long
     */
    public static Optional<LevelPause> longest(List<Pause> pauses, Instant at) {
        return pauses.stream()
                .filter(pause -> pause.holdsAt(at))
                .max(Comparator.comparing(Pause::until, Comparator.nullsLast(Comparator.naturalOrder())))
                .map(LevelPause::of);
    }
}
