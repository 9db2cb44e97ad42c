package dev.larder.state;

/**
 * How a mutation ends.
 *
 * @param outcome the word that is recorded
 * @param quiet where nothing was written, the state is what it was before
 * @param overdue only where the lease of a person's mutation has expired
 */
record End(String outcome, boolean quiet, boolean overdue) {

    /** The caller says that all went well. */
    static final End SUCCEEDED = new End("succeeded", false, false);

    /** The tool was not started. */
    static final End ABORTED = new End("aborted", true, false);

    /** It failed, and it is not known how the tool ended. */
    static final End FAILED = new End("failed", false, false);

    /** It failed, and the tool ended by itself: what it has stored is true. */
    static final End EXITED = new End("failed", true, false);

    /** The tool has given its lock back, which does not say that it changed anything. */
    static final End UNLOCKED = new End("succeeded", true, false);

    static final End CANCELED = new End("canceled", false, false);

    static final End FORCED = new End("forced", false, false);

    static final End EXPIRED = new End("expired", false, true);
}
