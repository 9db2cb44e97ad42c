package dev.larder.state;

/**
 * A body as it is stored.
 *
 * @param keyId the name of the key that wraps the data key
 * @param wrappedKey the data key, which seals this body only
 */
record Sealed(String keyId, byte[] wrappedKey, byte[] body) {}
