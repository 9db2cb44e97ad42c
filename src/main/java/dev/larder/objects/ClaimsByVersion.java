package dev.larder.objects;

import dev.larder.model.Ids;
import dev.larder.objects.ObjectStoreException.Reason;
import io.smallrye.mutiny.Uni;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;

/**
 * Claims and creations for processes that share a store of objects and nothing else. The store arbitrates, so it must
 * keep the conditions of writes. Larder's own workspaces are claimed in PostgreSQL instead.
 *
 * <p>A caller that did not hear an answer calls again as the same claimer, and is told of its success.
 */
public final class ClaimsByVersion {

    /** Rounds in which a store that is not atomic may betray itself. */
    private static final int PROBE_ROUNDS = 8;

    private final ObjectStore store;
    private final Ids ids;
    private final InstantSource clock;
    private final InstanceNames names;

    private ClaimsByVersion(ObjectStore store, Ids ids, InstantSource clock) {
        this.store = store;
        this.ids = ids;
        this.clock = clock;
        this.names = new InstanceNames(store, ids, clock);
    }

    /**
     * Opens a store. Code: {@code store_misconfigured}, with the faults, where the probe found that it does not keep
     * conditions.
     */
    public static Uni<ClaimsByVersion> over(ObjectStore store, Ids ids, InstantSource clock) {
        return StoreProbe.faults(store, ids::next, PROBE_ROUNDS).map(faults -> {
            if (!faults.isEmpty()) {
                throw new ObjectStoreException(
                        Reason.STORE_MISCONFIGURED,
                        store.place() + " cannot arbitrate claims: " + String.join(", ", faults));
            }
            return new ClaimsByVersion(store, ids, clock);
        });
    }

    /**
     * What a caller wants.
     *
     * @param version the one that the caller has seen
     * @param status of the instance from now on
     * @param claimer identifies this claim, and its repetitions
     */
    public record Wanted(String id, long version, String status, UUID claimer) {}

    /** What became of a claim. */
    public sealed interface Claim {

        record Claimed(Instance instance) implements Claim {}

        /** It has another version. Nothing was written. */
        record Conflict(Instance current) implements Claim {}

        record Missing() implements Claim {}
    }

    /** What became of a creation. Nothing is left of one that failed. */
    public sealed interface Creation {

        record Created(Instance instance) implements Creation {}

        record IdTaken(Instance current) implements Creation {}

        /** @param id of the instance that has the name */
        record NameTaken(String id) implements Creation {}
    }

    /** An instance and the ETag of its object. */
    private record Held(Instance instance, String etag) {}

    static String key(String id) {
        return "instances/" + id;
    }

    /** The instance; empty where there is none. Fails where the store does not tell. */
    public Uni<Optional<Instance>> find(String id) {
        return held(id).map(held -> held.map(Held::instance));
    }

    private Uni<Optional<Held>> held(String id) {
        return store.get(key(id))
                .map(read -> Optional.of(
                        new Held(Instance.of(read.body()), read.info().etag())))
                .onFailure(failure -> ObjectStoreException.is(failure, Reason.OBJECT_NOT_FOUND))
                .recoverWithItem(Optional.empty());
    }

    /** Gives an instance its next version and this status, if it has the version that the caller has seen. */
    public Uni<Claim> claim(Wanted wanted) {
        return held(wanted.id())
                .chain(found -> decided(wanted, found.map(Held::instance))
                        .map(Uni.createFrom()::item)
                        .orElseGet(() -> write(wanted, found.orElseThrow())));
    }

    /** What is known without a write; empty where the instance has the expected version. */
    private static Optional<Claim> decided(Wanted wanted, Optional<Instance> found) {
        if (found.isEmpty()) {
            return Optional.of(new Claim.Missing());
        }
        Instance is = found.get();
        if (is.version() == wanted.version() + 1 && is.claimer().equals(wanted.claimer())) {
            return Optional.of(new Claim.Claimed(is));
        }
        return is.version() == wanted.version() ? Optional.empty() : Optional.of(new Claim.Conflict(is));
    }

    private Uni<Claim> write(Wanted wanted, Held held) {
        Instance next = held.instance().claimed(wanted.status(), wanted.claimer(), clock.instant());
        return store.put(key(wanted.id()), next.bytes(), Condition.matches(held.etag()), ids.next())
                .<Claim>replaceWith(new Claim.Claimed(next))
                .onFailure(ObjectStoreException::isLostRace)
                .recoverWithUni(lost -> lookAgain(wanted));
    }

    /** The winner may be this claimer itself, by another call of its. */
    private Uni<Claim> lookAgain(Wanted wanted) {
        return held(wanted.id())
                .map(found -> decided(wanted, found.map(Held::instance))
                        .orElseGet(() -> new Claim.Conflict(found.orElseThrow().instance())));
    }

    /**
     * Creates an instance at version 1. Nothing is left of a creation that failed. Until the caller has its answer, no
     * other caller may count on the instance.
     *
     * @param creator identifies this creation, and its repetitions
     */
    public Uni<Creation> create(String id, String name, String status, UUID creator) {
        Instance made = Instance.created(id, name, status, creator, clock.instant());
        return find(id).chain(found -> found.isPresent() && !isSame(found.get(), made)
                ? Uni.createFrom().item(new Creation.IdTaken(found.get()))
                : names.reserve(made, this::find).chain(reserved -> created(made, reserved)));
    }

    /** Whether an instance is the one that this creation made. It may have been claimed since. */
    private static boolean isSame(Instance is, Instance made) {
        return is.name().equals(made.name()) && is.creator().equals(made.creator());
    }

    private Uni<Creation> created(Instance made, InstanceNames.Outcome reserved) {
        return switch (reserved) {
            case InstanceNames.Outcome.Taken(String by) -> withdrawn(made, by);
            case InstanceNames.Outcome.Reserved name ->
                store.put(key(made.id()), made.bytes(), Condition.absent(), ids.next())
                        .replaceWith(made)
                        .onFailure(failure -> ObjectStoreException.is(failure, Reason.PRECONDITION_FAILED))
                        .recoverWithUni(taken -> find(made.id()).map(Optional::orElseThrow))
                        .chain(is -> settled(made, is, name));
        };
    }

    private Uni<Creation> settled(Instance made, Instance is, InstanceNames.Outcome.Reserved name) {
        return isSame(is, made)
                ? names.confirm(made, name)
                        .chain(other -> other.isEmpty()
                                ? Uni.createFrom().item(new Creation.Created(is))
                                : withdrawn(made, other.get()))
                : names.free(made, name).replaceWith(new Creation.IdTaken(is));
    }

    /** The instance may have been written by an earlier call of this creation that lost the name afterwards. */
    private Uni<Creation> withdrawn(Instance made, String by) {
        return find(made.id())
                .chain(found -> found.filter(is -> isSame(is, made)).isPresent()
                        ? store.delete(key(made.id()))
                        : Uni.createFrom().voidItem())
                .replaceWith(new Creation.NameTaken(by));
    }
}
