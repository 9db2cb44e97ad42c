package dev.larder.state;

/** A call that a state cannot answer. Its message is one sentence for people, without anything of a body. */
final class StateProblemException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final String code;

    /**
     * Makes one.
     *
     * @param code stable: state_body_missing, state_corrupt, encryption_key_unavailable, state_too_large,
     *     state_not_found, state_tombstoned, mutation_in_progress, version_not_found, reject_not_found,
     *     malformed_state
     */
    StateProblemException(String code, String message) {
        super(message, null, false, false);
        this.code = code;
    }

    String code() {
        return code;
    }
}
