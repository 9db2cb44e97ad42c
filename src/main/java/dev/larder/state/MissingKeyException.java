package dev.larder.state;

/** This process does not have the key that a body is sealed with. The body is not damaged. */
final class MissingKeyException extends RuntimeException {

    private static final long serialVersionUID = 1;

    MissingKeyException(String keyId) {
        super(
                "the key " + keyId + " is not in larder.state.keys of this server, or is another one",
                null,
                false,
                false);
    }
}
