package dev.larder.claim;

import java.time.Instant;
import java.util.UUID;

/**
 * After which prebuild, in the order of creation, a scan for the oldest may begin. It is a hint: prebuilds
 * that became ready late, or that a rollback gave back, lie before it. A scan that finds too few is made
 * again from {@link #OLDEST}.
 */
public record ScanStart(Instant createdAt, UUID workspace) {

    /** From the oldest prebuild. */
    public static final ScanStart OLDEST = new ScanStart(Instant.EPOCH, new UUID(0, 0));
}
