package dev.larder.wakeup;

import java.util.Locale;

/** What there may be work for. */
public enum Channel {
    /** A preset is marked dirty. */
    RECONCILE,
    /** A job has ended, and its preset is to be looked at soon. */
    ENDED,
    /** A job is waiting. */
    JOBS,
    /** A running job is to be cancelled. */
    CANCELS,
    /** A claimed workspace is to be prepared for its claimer. */
    STEPS,
    /** A waiting claim may be served, or was, or has ended. */
    WAITING,
    /** An event was appended by a change that wakes no other loop. */
    EVENTS;

    /** Lines were written to logs; the payload names their jobs ({@link LoggedJobs}). */
    static final String LOGS = "larder_logs";

    /** Its name for LISTEN and NOTIFY. */
    String channel() {
        return "larder_" + name().toLowerCase(Locale.ROOT);
    }

    static Channel ofChannel(String channel) {
        return valueOf(channel.substring("larder_".length()).toUpperCase(Locale.ROOT));
    }
}
