package dev.larder.model;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** How far a rollout is. */
public enum RolloutState {
    /** The new version is tried, and the one before is served. */
    CANARY,
    /** The new version is served, and replaces what is left of the one before. */
    PROGRESSING,
    /** It goes no further until a person or the preset's {@code onFailure} decides. */
    HELD,
    /** Nothing is left of the version before. */
    DONE,
    /** The version before is the active one again. */
    ROLLED_BACK,
    /** Another promotion, or the end of the template, came first. */
    SUPERSEDED;

    /** The words of all. */
    public static final List<String> WORDS =
            Arrays.stream(values()).map(RolloutState::word).toList();

    public boolean ended() {
        return this == DONE || this == ROLLED_BACK || this == SUPERSEDED;
    }

    /** The word the database and the API use. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static RolloutState of(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
