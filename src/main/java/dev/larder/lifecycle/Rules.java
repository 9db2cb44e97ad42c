package dev.larder.lifecycle;

/** The rules that several statements share, as SQL: each stands here once. */
public final class Rules {

    /** A condition: the database is not held to be older than what was answered from it (decision 0029). */
    public static final String TRUSTED = "NOT EXISTS (SELECT FROM settings WHERE suspect_since IS NOT NULL)";

    private Rules() {}
}
