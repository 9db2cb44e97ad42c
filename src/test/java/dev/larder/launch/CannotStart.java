package dev.larder.launch;

/** A reason not to start that a person can do something about; the message is the one line they get to see. */
final class CannotStart extends RuntimeException {

    private static final long serialVersionUID = 1L;

    CannotStart(String message) {
        super(message);
    }
}
