package dev.larder.objects;

import io.smallrye.mutiny.Multi;
import java.time.Instant;

/** Objects that no row names: of uploads whose server died or that lost a race, and of rows that were deleted. */
public interface OrphanBodies {

    /**
     * What one step did.
     *
     * @param seen objects that were looked at
     * @param deleted objects that no row named
     * @param bytes of the deleted objects
     */
    record Swept(int seen, int deleted, long bytes) {}

    /**
     * Deletes them, in steps of up to 500 objects; each step is an item. Ends when all were looked at; a subscriber
     * that cancels ends it after a step. Fails with an {@link ObjectStoreException}; objects that were deleted by then
     * stay deleted. Without a bucket there are none.
     *
     * @param writtenBefore by the clock of the store. An object is written before its row, so at least an hour ago
     */
    Multi<Swept> sweep(Instant writtenBefore);
}
