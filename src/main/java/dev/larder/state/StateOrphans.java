package dev.larder.state;

import dev.larder.objects.ObjectInfo;
import dev.larder.objects.ObjectSettings;
import dev.larder.objects.ObjectStore;
import dev.larder.objects.OrphanBodies;
import dev.larder.objects.StoreOwner;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import org.jboss.logging.Logger;

/** Deletes the bodies in the bucket that no version and no reject names. */
@ApplicationScoped
class StateOrphans implements OrphanBodies {

    private static final Logger LOG = Logger.getLogger(StateOrphans.class);
    private static final int STEP = 500;
    private static final int DELETED_AT_ONCE = 8;

    private final ObjectStore store;
    private final StoreOwner owner;
    private final BodyReads reads;
    private final boolean inBucket;

    @Inject
    StateOrphans(ObjectStore store, StoreOwner owner, BodyReads reads, ObjectSettings settings) {
        this(store, owner, reads, settings.inBucket());
    }

    StateOrphans(ObjectStore store, StoreOwner owner, BodyReads reads, boolean inBucket) {
        this.store = store;
        this.owner = owner;
        this.reads = reads;
        this.inBucket = inBucket;
    }

    @Override
    public Multi<Swept> sweep(Instant writtenBefore) {
        return inBucket
                ? owner.verify()
                        .onItem()
                        .transformToMulti(own -> store.list(ObjectBodies.PREFIX))
                        .group()
                        .intoLists()
                        .of(STEP)
                        .onItem()
                        .transformToUniAndConcatenate(step -> sweep(step, writtenBefore))
                : Multi.createFrom().empty();
    }

    private Uni<Swept> sweep(List<ObjectInfo> step, Instant writtenBefore) {
        List<ObjectInfo> old = step.stream()
                .filter(object -> object.modifiedAt().isBefore(writtenBefore))
                .toList();
        return reads.unnamed(old.stream().map(this::named).toList())
                .map(HashSet::new)
                .map(unnamed -> old.stream()
                        .filter(object -> unnamed.contains(named(object)))
                        .toList())
                .call(this::delete)
                .map(orphans -> swept(step.size(), orphans));
    }

    private String named(ObjectInfo object) {
        return store.place() + "/" + object.key();
    }

    private Uni<Void> delete(List<ObjectInfo> orphans) {
        return Multi.createFrom()
                .iterable(orphans)
                .onItem()
                .transformToUni(orphan -> store.delete(orphan.key()))
                .merge(DELETED_AT_ONCE)
                .collect()
                .last()
                .replaceWithVoid();
    }

    private static Swept swept(int seen, List<ObjectInfo> orphans) {
        long bytes = orphans.stream().mapToLong(ObjectInfo::size).sum();
        if (!orphans.isEmpty()) {
            LOG.infof("orphan bodies deleted count=%d bytes=%d", orphans.size(), bytes);
        }
        return new Swept(seen, orphans.size(), bytes);
    }
}
