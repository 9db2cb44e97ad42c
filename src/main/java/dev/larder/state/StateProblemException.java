package dev.larder.state;

/** A call that a state cannot answer. Its message is one sentence for people, without anything of a body. */
final class StateProblemException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final String code;
    private final long current;

    /**
     * Makes one.
     *
     * @param code stable: state_body_missing, state_corrupt, encryption_key_unavailable, state_too_large,
     *     state_not_found, state_tombstoned, mutation_in_progress, version_not_found, reject_not_found,
     *     malformed_state, unsupported_state_format
     */
    StateProblemException(String code, String message) {
        this(code, message, 0);
    }

    private StateProblemException(String code, String message, long current) {
        super(message, null, false, false);
        this.code = code;
        this.current = current;
    }

    /** The state has another current version than the caller names. Code: version_conflict. */
    static StateProblemException otherVersion(long current) {
        return new StateProblemException("version_conflict", "The current version is " + current + ".", current);
    }

    /** The current version, with the code version_conflict. */
    long current() {
        return current;
    }

    String code() {
        return code;
    }
}
