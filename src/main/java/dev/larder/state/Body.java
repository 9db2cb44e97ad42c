package dev.larder.state;

/**
 * An opened version, byte for byte as it was uploaded. Never changed: copies are cached.
 *
 * @param md5 of the bytes, for Content-MD5
 * @param digestHex of the bytes, keyed: equal for equal bytes, and it does not let an outsider guess a secret in them
 */
record Body(long version, byte[] bytes, String contentType, byte[] md5, String digestHex) {}
