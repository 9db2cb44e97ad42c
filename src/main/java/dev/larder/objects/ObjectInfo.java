package dev.larder.objects;

import java.time.Instant;

/**
 * An object without its body.
 *
 * @param size bytes of the body
 * @param etag opaque, with its quotes; never computed by Larder, and never the same for two writes
 * @param modifiedAt by the clock of the store
 */
public record ObjectInfo(String key, long size, String etag, Instant modifiedAt) {}
