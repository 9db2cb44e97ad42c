package dev.larder.state;

import dev.larder.model.Ids;
import dev.larder.objects.Condition;
import dev.larder.objects.ObjectSettings;
import dev.larder.objects.ObjectStore;
import dev.larder.objects.ObjectStoreException;
import dev.larder.objects.ObjectStoreException.Reason;
import dev.larder.objects.StoredObject;
import dev.larder.state.Envelope.Place;
import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Bodies lie in the bucket, where the deployment has one, except small ones, and ones that are larger than the store
 * takes: those lie in their rows. A row names the place of its object as well, so that a body is not looked for, and
 * found missing, in another bucket.
 */
@ApplicationScoped
class ObjectBodies implements StateBodies {

    /** What the keys of all bodies begin with. */
    static final String PREFIX = "states/";

    private final StateBodies rows = new PostgresBodies();
    private final ObjectStore store;
    private final Ids ids;
    private final Sizes sizes;

    /**
     * Sealed bytes of the bodies that lie in the store.
     *
     * @param least inclusive
     * @param most inclusive
     */
    record Sizes(long least, long most) {}

    @Inject
    ObjectBodies(
            ObjectStore store,
            Ids ids,
            ObjectSettings settings,
            @ConfigProperty(name = "larder.state.inline-below", defaultValue = "16K") MemorySize inlineBelow) {
        this(
                store,
                ids,
                new Sizes(
                        settings.inBucket() ? inlineBelow.asLongValue() : Long.MAX_VALUE,
                        settings.maxSize().asLongValue()));
    }

    ObjectBodies(ObjectStore store, Ids ids, Sizes sizes) {
        this.store = store;
        this.ids = ids;
        this.sizes = sizes;
    }

    @Override
    public Uni<Stored> keep(Place place, byte[] sealed) {
        boolean inRow = sealed.length < sizes.least() || sealed.length > sizes.most();
        return inRow ? rows.keep(place, sealed) : put(place, sealed);
    }

    private Uni<Stored> put(Place place, byte[] sealed) {
        UUID upload = ids.next();
        String key = key(place, upload);
        return store.put(key, sealed, Condition.absent(), upload)
                .onFailure(failure -> ObjectStoreException.is(failure, Reason.PRECONDITION_FAILED))
                .transform(ObjectBodies::noOtherWrites)
                .map(etag -> new Stored(null, named(store, key)));
    }

    /** A client gives up after a 412, and would be told one although it set no condition. */
    private static Throwable noOtherWrites(Throwable failure) {
        return new ObjectStoreException(
                Reason.STORE_UNAVAILABLE, "a key that no other upload has is taken: " + failure.getMessage());
    }

    static String key(Place place, UUID upload) {
        String version = place.version() == 0 ? "reject-" + place.reject() : "%020d".formatted(place.version());
        return PREFIX + place.state() + "/" + version + "-" + upload;
    }

    /** A key with the place of its store, as rows have it. */
    static String named(ObjectStore store, String key) {
        return store.place() + "/" + key;
    }

    @Override
    public Uni<Optional<byte[]>> fetch(Stored stored) {
        String name = stored.objectKey();
        return name == null ? rows.fetch(stored) : get(name);
    }

    private Uni<Optional<byte[]>> get(String name) {
        String place = named(store, "");
        if (!name.startsWith(place)) {
            return Uni.createFrom()
                    .failure(new ObjectStoreException(
                            Reason.STORE_MISCONFIGURED,
                            "a body lies at " + name + ", and the store of this server is " + store.place()));
        }
        return store.get(name.substring(place.length()))
                .map(StoredObject::body)
                .map(Optional::of)
                .onFailure(failure -> ObjectStoreException.is(failure, Reason.OBJECT_NOT_FOUND))
                .recoverWithItem(Optional.empty())
                .onFailure(failure -> ObjectStoreException.is(failure, Reason.OBJECT_DAMAGED))
                .transform(damaged -> new DamagedException());
    }
}
