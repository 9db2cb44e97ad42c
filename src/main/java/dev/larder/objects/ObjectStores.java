package dev.larder.objects;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Instance;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.UUID;
import software.amazon.awssdk.services.s3.S3AsyncClient;

/** The store that the settings name. */
class ObjectStores {

    private static final Duration PAUSE = Duration.ofMillis(200);

    /** Fails with {@code model.MisconfiguredException}. Connects to nothing. */
    @Produces
    @Singleton
    ObjectStore store(ObjectSettings settings, Instance<PostgresObjectStore> postgres, StoreHealth health) {
        return settings.inBucket() ? bucket(settings, health) : postgres.get();
    }

    private static ObjectStore bucket(ObjectSettings settings, StoreHealth health) {
        S3AsyncClient client = S3Client.of(settings);
        S3ObjectStore store = new S3ObjectStore(
                client,
                new S3Calls(settings.timeout(), PAUSE),
                settings.bucket().orElseThrow(),
                settings.prefix().map(prefix -> prefix + "/").orElse(""),
                settings.maxSize().asLongValue());
        return new Watched(store, health, client);
    }

    void close(@Disposes ObjectStore store) {
        if (store instanceof Watched watched) {
            watched.client().close();
        }
    }

    /** A store whose failures the health of this process notes. */
    private record Watched(ObjectStore store, StoreHealth health, S3AsyncClient client) implements ObjectStore {

        @Override
        public String place() {
            return store.place();
        }

        @Override
        public Uni<StoredObject> get(String key) {
            return store.get(key).onFailure().invoke(health::note);
        }

        @Override
        public Uni<ObjectInfo> head(String key) {
            return store.head(key).onFailure().invoke(health::note);
        }

        @Override
        public Uni<String> put(String key, byte[] body, Condition condition, UUID writer) {
            return store.put(key, body, condition, writer).onFailure().invoke(health::note);
        }

        @Override
        public Uni<Void> delete(String key) {
            return store.delete(key).onFailure().invoke(health::note);
        }

        @Override
        public Multi<ObjectInfo> list(String prefix, String after) {
            return store.list(prefix, after).onFailure().invoke(health::note);
        }
    }
}
