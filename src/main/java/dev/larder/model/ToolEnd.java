package dev.larder.model;

import java.util.Locale;

/** How the tool ended that changes a workspace's infrastructure, in a job that did not succeed. */
public enum ToolEnd {
    /** It was not started, or had changed nothing yet: what was known before is still true. */
    NOT_STARTED,
    /** It ended by itself: what it has stored is true. */
    EXITED,
    /** It was killed, or it is not known: what is stored may be too old. */
    UNKNOWN;

    /** As the API and the database have it, such as {@code not_started}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
