package dev.larder.state;

/**
 * A body that is ready to be sealed.
 *
 * @param size bytes, as uploaded
 * @param digest keyed, of the bytes as uploaded
 * @param packed see {@link Packed}
 */
record Pack(StateFile file, int size, byte[] digest, String contentType, byte[] packed) {}
