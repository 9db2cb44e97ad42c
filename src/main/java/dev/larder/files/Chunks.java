package dev.larder.files;

import dev.larder.model.Ids;
import dev.larder.objects.Condition;
import dev.larder.objects.ObjectSettings;
import dev.larder.objects.ObjectStore;
import dev.larder.objects.ObjectStoreException;
import dev.larder.objects.ObjectStoreException.Reason;
import dev.larder.objects.StoredObject;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Where the bytes of files lie: in the bucket, where the deployment has one, otherwise in their rows. A small piece
 * lies in its row either way. An object counts only once a row names it.
 */
@ApplicationScoped
class Chunks {

    /** What the keys of all pieces begin with. */
    static final String PREFIX = "files/";

    private static final int OBJECT_BYTES_MIN = 16 * 1024;

    private final ObjectStore store;
    private final Ids ids;
    private final boolean inBucket;

    @Inject
    Chunks(ObjectStore store, Ids ids, ObjectSettings settings) {
        this(store, ids, settings.inBucket());
    }

    Chunks(ObjectStore store, Ids ids, boolean inBucket) {
        this.store = store;
        this.ids = ids;
        this.inBucket = inBucket;
    }

    /**
     * What a row says of its bytes; one of the two is there.
     *
     * @param body the bytes themselves
     * @param objectKey where they lie otherwise: a key with the place of its store
     */
    record Stored(byte @Nullable [] body, @Nullable String objectKey) {}

    /** Stores bytes under a key that no other bytes ever have, before the row that names it is written. */
    Uni<Stored> keep(UUID file, byte[] bytes) {
        if (!inBucket || bytes.length < OBJECT_BYTES_MIN) {
            return Uni.createFrom().item(new Stored(bytes, null));
        }
        UUID writer = ids.next();
        String key = PREFIX + file + "/" + writer;
        return store.put(key, bytes, Condition.absent(), writer).replaceWith(() -> new Stored(null, named(key)));
    }

    /** A key with the place of its store, as rows have it. */
    String named(String key) {
        return store.place() + "/" + key;
    }

    /** The bytes of a row. Fails where the store does not have them, or cannot be reached. */
    Uni<byte[]> fetch(Stored stored) {
        String name = stored.objectKey();
        byte[] body = stored.body();
        if (name == null) {
            return Uni.createFrom().item(body == null ? new byte[0] : body);
        }
        String place = named("");
        if (!name.startsWith(place)) {
            return Uni.createFrom()
                    .failure(new ObjectStoreException(
                            Reason.STORE_MISCONFIGURED,
                            "a file lies at " + name + ", and the store of this server is " + store.place()));
        }
        return store.get(name.substring(place.length())).map(StoredObject::body);
    }
}
