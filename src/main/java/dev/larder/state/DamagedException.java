package dev.larder.state;

/** A sealed body that was changed or moved, or that cannot be opened for another reason than a missing key. */
final class DamagedException extends RuntimeException {

    private static final long serialVersionUID = 1;

    DamagedException() {
        super("the body was changed, or moved from another row", null, false, false);
    }
}
