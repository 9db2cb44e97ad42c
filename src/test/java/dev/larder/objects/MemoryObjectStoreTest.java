package dev.larder.objects;

import java.time.InstantSource;

/** S15 in memory. */
class MemoryObjectStoreTest extends ObjectStoreContract {

    private final ObjectStore store = new MemoryObjectStore(InstantSource.system(), BYTES_MAX);

    @Override
    ObjectStore store() {
        return store;
    }
}
