package dev.larder.objects;

import dev.larder.model.Ids;
import dev.larder.objects.ObjectStoreException.Reason;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;

/**
 * Names of instances, each in an object of its own. A creator reserves the name, writes the instance, and confirms the
 * name. A creator that died before it wrote the instance leaves a reservation, which ends after a minute: another
 * creator then overwrites it. The first creator, if it only was slow, finds that when it confirms.
 */
final class InstanceNames {

    /** How long a creator has from the reservation to the instance. */
    static final Duration RESERVED_FOR = Duration.ofMinutes(1);

    private static final int TRIES_MAX = 4;
    private static final String NO_INSTANCE = "";

    private final ObjectStore store;
    private final Ids ids;
    private final InstantSource clock;

    InstanceNames(ObjectStore store, Ids ids, InstantSource clock) {
        this.store = store;
        this.ids = ids;
        this.clock = clock;
    }

    /** What became of a reservation. */
    sealed interface Outcome {

        record Reserved(String etag) implements Outcome {}

        /** @param id of the instance that has the name */
        record Taken(String id) implements Outcome {}
    }

    /** The content of a name's object: the instance that has it, or is to have it, and which creator wrote it. */
    private record Holder(String id, String creator) {

        static Holder of(Instance made) {
            return new Holder(made.id(), made.creator().toString());
        }

        byte[] bytes() {
            return new JsonObject()
                    .put("id", id)
                    .put("creator", creator)
                    .toString()
                    .getBytes(StandardCharsets.UTF_8);
        }

        static Holder of(StoredObject read) {
            JsonObject json = new JsonObject(new String(read.body(), StandardCharsets.UTF_8));
            return new Holder(json.getString("id"), json.getString("creator"));
        }
    }

    static String key(String name) {
        return "names/" + name;
    }

    /** @param find the instance of an id */
    Uni<Outcome> reserve(Instance made, Function<String, Uni<Optional<Instance>>> find) {
        return reserve(made, find, Condition.absent(), 1);
    }

    private Uni<Outcome> reserve(
            Instance made, Function<String, Uni<Optional<Instance>>> find, Condition condition, int nth) {
        return store.put(key(made.name()), Holder.of(made).bytes(), condition, ids.next())
                .<Outcome>map(Outcome.Reserved::new)
                .onFailure(failure -> nth < TRIES_MAX && ObjectStoreException.isLostRace(failure))
                .recoverWithUni(lost -> look(made, find, nth));
    }

    private Uni<Outcome> look(Instance made, Function<String, Uni<Optional<Instance>>> find, int nth) {
        return store.get(key(made.name()))
                .chain(read -> judged(made, read, find, nth))
                .onFailure(failure -> ObjectStoreException.is(failure, Reason.OBJECT_NOT_FOUND))
                .recoverWithUni(gone -> reserve(made, find, Condition.absent(), nth + 1));
    }

    private Uni<Outcome> judged(
            Instance made, StoredObject read, Function<String, Uni<Optional<Instance>>> find, int nth) {
        Holder holder = Holder.of(read);
        String etag = read.info().etag();
        if (holder.equals(Holder.of(made))) {
            return Uni.createFrom().item(new Outcome.Reserved(etag));
        }
        if (holder.id().equals(NO_INSTANCE)) {
            return reserve(made, find, Condition.matches(etag), nth + 1);
        }
        boolean fresh = read.info().modifiedAt().plus(RESERVED_FOR).isAfter(clock.instant());
        return find.apply(holder.id()).chain(instance -> {
            boolean has = instance.filter(is -> is.name().equals(made.name())).isPresent();
            return has || fresh
                    ? Uni.createFrom().item(new Outcome.Taken(holder.id()))
                    : reserve(made, find, Condition.matches(etag), nth + 1);
        });
    }

    /** Gives the reservation another ETag, so that it is not overwritten. If it was: the id that has the name now. */
    Uni<Optional<String>> confirm(Instance made, Outcome.Reserved name) {
        return store.put(key(made.name()), Holder.of(made).bytes(), Condition.matches(name.etag()), ids.next())
                .replaceWith(Optional.<String>empty())
                .onFailure(ObjectStoreException::isLostRace)
                .recoverWithUni(lost -> store.get(key(made.name()))
                        .map(Holder::of)
                        .map(holder -> holder.equals(Holder.of(made)) ? Optional.empty() : Optional.of(holder.id())));
    }

    /** Another creator may have the name by now, so the object is marked as free and is not deleted. */
    Uni<Void> free(Instance made, Outcome.Reserved name) {
        Holder none = new Holder(NO_INSTANCE, new UUID(0, 0).toString());
        return store.put(key(made.name()), none.bytes(), Condition.matches(name.etag()), ids.next())
                .replaceWithVoid()
                .onFailure(ObjectStoreException::isLostRace)
                .recoverWithNull();
    }
}
