package dev.larder.claim;

/**
 * Tells a repeated request from a new one.
 *
 * @param hash of the request; 32 bytes
 * @param earlierHash the hash that earlier versions recorded for the same request
 */
public record IdempotencyKey(String key, byte[] hash, byte[] earlierHash) {

    public IdempotencyKey(String key, byte[] hash) {
        this(key, hash, hash);
    }
}
