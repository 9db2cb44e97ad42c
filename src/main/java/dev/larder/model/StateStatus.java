package dev.larder.model;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How far what is known of a workspace's infrastructure can be trusted (decision 0033). */
public enum StateStatus {
    /** It is true. */
    RELIABLE,
    /** A mutation is open: it is being changed. */
    IN_FLIGHT,
    /** It may be older than what exists: a worker was lost, or an upload failed. */
    UNRELIABLE,
    /** It cannot be read. */
    CORRUPT;

    /** The word the database and the API use. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @param word null for a workspace of which nothing else is known: it is as reliable as its build */
    public static StateStatus of(@Nullable String word) {
        return word == null ? RELIABLE : valueOf(word.toUpperCase(Locale.ROOT));
    }

    /** Whether a prebuild in it is to be replaced. */
    public boolean isLost() {
        return this == UNRELIABLE || this == CORRUPT;
    }
}
