package dev.larder.model;

import java.util.Locale;

/** What a build does to its workspace. */
public enum Transition {
    START,
    STOP,
    DELETE;

    /** The word the database and the API use. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static Transition of(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
