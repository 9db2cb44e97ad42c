package dev.larder.objects;

import dev.larder.model.Ids;
import dev.larder.wakeup.Ticker;
import io.quarkus.runtime.Startup;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.inject.Instance;
import jakarta.inject.Singleton;
import org.jboss.logging.Logger;

/** Tries the bucket at the start and again and again: all that Larder needs of it at first, then one read. */
@Startup
@Singleton
class StoreUpkeep {

    private static final Logger LOG = Logger.getLogger(StoreUpkeep.class);

    /** A race or two find a store that keeps no condition at all when writers come at once. */
    private static final int ROUNDS = 2;

    private final Instance<ObjectStore> store;
    private final Instance<StoreOwner> owner;
    private final StoreHealth health;
    private final Ids ids;

    /** A remote worker has this bean and no store, so the store is not asked for before the first look. */
    StoreUpkeep(
            Instance<ObjectStore> store,
            Instance<StoreOwner> owner,
            StoreHealth health,
            Ids ids,
            ObjectSettings settings,
            Ticker pace) {
        this.store = store;
        this.owner = owner;
        this.health = health;
        this.ids = ids;
        pace.keep("object store", settings.checkInterval(), this::look);
    }

    private Uni<Void> look() {
        return health.needed()
                ? look(store.get(), owner.get(), health, ids)
                : Uni.createFrom().voidItem();
    }

    static Uni<Void> look(ObjectStore store, StoreOwner owner, StoreHealth health, Ids ids) {
        return owner.verify()
                .chain(() -> health.unproven()
                        ? prove(store, health, ids)
                        : Uni.createFrom().voidItem())
                .onFailure(ObjectStoreException.class)
                .invoke(failure -> noted(failure, health))
                .onFailure(ObjectStoreException.class)
                .recoverWithNull();
    }

    private static Uni<Void> prove(ObjectStore store, StoreHealth health, Ids ids) {
        return StoreProbe.faults(store, ids::next, ROUNDS)
                .invoke(faults -> health.prove(store.place(), faults))
                .replaceWithVoid();
    }

    private static void noted(Throwable failure, StoreHealth health) {
        LOG.warnf("object store tried in vain cause=%s", failure.getMessage());
        health.note(failure);
    }
}
