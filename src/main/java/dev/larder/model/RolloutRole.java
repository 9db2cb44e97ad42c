package dev.larder.model;

import java.util.Locale;

/** What a preset is in its rollout, as long as that is open (decision 0046). */
public enum RolloutRole {
    /** Of the active version, and served. */
    TARGET,
    /** Of the active version: it is tried, and hands nothing out yet. */
    CANARY,
    /** Of a former version, and served until it is replaced. */
    BEFORE;

    /** The word of the database. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static RolloutRole of(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
