package dev.larder.model;

import java.util.Locale;

/** What a pause holds back (design, section 2.1.8). Claims always go on. */
public enum PauseScope {
    /** Nothing is created; deletions go on. */
    CREATE,
    /** Nothing is created, deleted or cancelled. */
    ALL;

    /** The word the database and the API use. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static PauseScope of(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
