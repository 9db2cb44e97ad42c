package dev.larder.objects;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.util.UUID;

/**
 * Bodies under keys, written under a condition only. All implementations behave alike: one contract holds them.
 *
 * <p>A key has 1 to 1,024 bytes of UTF-8, no control character and no half of a surrogate pair; other keys throw
 * {@link IllegalArgumentException}. Every call fails with an {@link ObjectStoreException} and nothing else.
 */
public interface ObjectStore {

    /** The most bytes that a key, with the prefix of the store, may have. */
    int KEY_BYTES_MAX = 1_024;

    /** Where the objects lie, for people and for rows that name an object: {@code s3://bucket/prefix}. No secret. */
    String place();

    /**
     * The whole object. Code: {@code object_not_found}; {@code object_damaged} where its bytes are not those that were
     * written.
     */
    Uni<StoredObject> get(String key);

    /** The object without its body. Code: {@code object_not_found}. */
    Uni<ObjectInfo> head(String key);

    /**
     * Writes an object. Code: {@code precondition_failed} where there is an object that must not be there, or another
     * one than the condition names; {@code object_not_found} where the condition names one and there is none;
     * {@code object_too_large}.
     *
     * <p>After a failure with {@code store_unavailable} the write may have been done all the same. To repeat it with
     * the same writer is then a success, unless another writer came between.
     *
     * @param writer identifies this write and no other
     * @return the new ETag
     */
    Uni<String> put(String key, byte[] body, Condition condition, UUID writer);

    /** Removes an object. Idempotent. */
    Uni<Void> delete(String key);

    /** All objects whose keys begin with this. */
    default Multi<ObjectInfo> list(String prefix) {
        return list(prefix, "");
    }

    /**
     * The same, of those whose keys come after this key. They come in the order of the bytes of their keys in UTF-8,
     * and are read in pages of up to 1,000 as the subscriber asks for them.
     *
     * @param after exclusive; empty: from the first one
     */
    Multi<ObjectInfo> list(String prefix, String after);
}
