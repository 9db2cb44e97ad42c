package dev.larder.state;

import dev.larder.database.CleanupType;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import dev.larder.objects.ObjectInfo;
import dev.larder.objects.ObjectSettings;
import dev.larder.objects.ObjectStore;
import dev.larder.objects.StoreOwner;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Removes bodies from the bucket that no version and no reject names (decision 0034): those of uploads whose server
 * died, and those of rows that were removed. An object is written before its row, so young ones stay.
 */
@ApplicationScoped
class OrphanBodyStore implements CleanupType {

    private static final int DELETED_AT_ONCE = 8;
    private static final Batch NOTHING = new Batch(0, 0, 0, 0, null);

    private final ObjectStore store;
    private final StoreOwner owner;
    private final boolean inBucket;

    @Inject
    OrphanBodyStore(ObjectStore store, StoreOwner owner, ObjectSettings settings) {
        this(store, owner, settings.inBucket());
    }

    OrphanBodyStore(ObjectStore store, StoreOwner owner, boolean inBucket) {
        this.store = store;
        this.owner = owner;
        this.inBucket = inBucket;
    }

    @Override
    public String name() {
        return "orphan_bodies";
    }

    @Override
    public Retention retention() {
        return Retention.of(Duration.ofDays(1), Duration.ofHours(1));
    }

    @Override
    public List<String> tables() {
        return List.of();
    }

    /** The objects' ages are in the bucket alone. */
    @Override
    public Uni<Optional<Instant>> oldest(SqlClient client) {
        return Uni.createFrom().item(Optional.empty());
    }

    /** Without a bucket there is nothing. In a bucket of another deployment every body would be an orphan. */
    @Override
    public Uni<Batch> batch(SqlClient transaction, Slice slice) {
        return inBucket
                ? owner.verify().chain(() -> page(slice)).chain(page -> swept(transaction, slice, page))
                : Uni.createFrom().item(NOTHING);
    }

    private Uni<List<ObjectInfo>> page(Slice slice) {
        String after = slice.position();
        return store.list(ObjectBodies.PREFIX, after == null ? "" : after)
                .select()
                .first(slice.rows())
                .collect()
                .asList();
    }

    private Uni<Batch> swept(SqlClient transaction, Slice slice, List<ObjectInfo> page) {
        List<ObjectInfo> old = page.stream()
                .filter(object -> object.modifiedAt().isBefore(slice.before()))
                .toList();
        return unnamed(transaction, old).call(this::delete).map(orphans -> counted(slice, page, orphans));
    }

    /** None while the database is suspect: a restored one does not name the bodies that came after its backup. */
    private static final Sql UNNAMED = Sql.of("""
            SELECT o.name
              FROM unnest(:names::text[]) AS o (name)
             WHERE NOT EXISTS (SELECT FROM state_versions v WHERE v.object_key = o.name)
               AND NOT EXISTS (SELECT FROM state_rejects r WHERE r.object_key = o.name)
               AND """ + " " + Rules.TRUSTED, "names");

    private Uni<List<ObjectInfo>> unnamed(SqlClient transaction, List<ObjectInfo> old) {
        String[] names = old.stream().map(this::named).toArray(String[]::new);
        return UNNAMED.on(transaction, (Object) names)
                .<Set<String>>map(rows -> new HashSet<>(Rows.list(rows, row -> row.getString("name"))))
                .map(unnamed -> old.stream()
                        .filter(object -> unnamed.contains(named(object)))
                        .toList());
    }

    private String named(ObjectInfo object) {
        return ObjectBodies.named(store, object.key());
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

    private static Batch counted(Slice slice, List<ObjectInfo> page, List<ObjectInfo> orphans) {
        long bytes = orphans.stream().mapToLong(ObjectInfo::size).sum();
        String position = page.size() < slice.rows() ? null : page.getLast().key();
        return new Batch(page.size(), 0, bytes, orphans.size(), position);
    }
}
