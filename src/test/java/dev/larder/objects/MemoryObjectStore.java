package dev.larder.objects;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;

/** Objects in this process's memory, for tests. */
public final class MemoryObjectStore implements ObjectStore {

    private final Map<String, Held> objects =
            new ConcurrentSkipListMap<>(Comparator.comparing(MemoryObjectStore::bytes, Arrays::compareUnsigned));
    private final AtomicLong etags = new AtomicLong();
    private final InstantSource clock;
    private final long bytesMax;

    public MemoryObjectStore(InstantSource clock, long bytesMax) {
        this.clock = clock;
        this.bytesMax = bytesMax;
    }

    private record Held(ObjectInfo info, byte[] body, UUID writer) {}

    @Override
    public String place() {
        return "memory";
    }

    @Override
    public Uni<StoredObject> get(String key) {
        return Uni.createFrom()
                .item(() -> held(key))
                .map(held -> new StoredObject(held.info(), held.body().clone()));
    }

    @Override
    public Uni<ObjectInfo> head(String key) {
        return Uni.createFrom().item(() -> held(key)).map(Held::info);
    }

    private Held held(String key) {
        Held held = objects.get(ObjectKeys.checked(key));
        if (held == null) {
            throw ObjectStoreException.notFound(key);
        }
        return held;
    }

    @Override
    public Uni<String> put(String key, byte[] body, Condition condition, UUID writer) {
        String checked = ObjectKeys.checked(key);
        return Uni.createFrom().item(() -> {
            if (body.length > bytesMax) {
                throw ObjectStoreException.tooLarge(key, bytesMax);
            }
            return objects.compute(checked, (same, held) -> written(checked, held, body, condition, writer))
                    .info()
                    .etag();
        });
    }

    private Held written(String key, Held held, byte[] body, Condition condition, UUID writer) {
        boolean holds = switch (condition) {
            case Condition.Absent() -> held == null;
            case Condition.Matches(String etag) ->
                held != null && held.info().etag().equals(etag);
        };
        if (holds) {
            String etag = "\"m" + etags.incrementAndGet() + "\"";
            return new Held(new ObjectInfo(key, body.length, etag, clock.instant()), body.clone(), writer);
        }
        if (held == null) {
            throw ObjectStoreException.notFound(key);
        }
        if (held.writer().equals(writer)) {
            return held;
        }
        throw ObjectStoreException.failedPrecondition(key).current(held.info().etag());
    }

    @Override
    public Uni<Void> delete(String key) {
        String checked = ObjectKeys.checked(key);
        return Uni.createFrom().item(() -> objects.remove(checked)).replaceWithVoid();
    }

    @Override
    public Multi<ObjectInfo> list(String prefix, String after) {
        byte[] from = bytes(ObjectKeys.checkedPrefix(after));
        String checked = ObjectKeys.checkedPrefix(prefix);
        return Multi.createFrom()
                .items(() -> List.copyOf(objects.values()).stream()
                        .map(Held::info)
                        .filter(info -> info.key().startsWith(checked))
                        .filter(info -> Arrays.compareUnsigned(bytes(info.key()), from) > 0));
    }

    private static byte[] bytes(String key) {
        return key.getBytes(StandardCharsets.UTF_8);
    }
}
