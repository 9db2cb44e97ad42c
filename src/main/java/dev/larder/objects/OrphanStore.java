package dev.larder.objects;

import dev.larder.database.CleanupType;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlClient;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Removes objects from the bucket that no row names (decision 0034): those of writes whose server died, and those of
 * rows that were removed. An object is written before its row, so young ones stay. Each room has one for its own
 * objects.
 */
public final class OrphanStore implements CleanupType {

    public static final Retention RETENTION = Retention.of(Duration.ofDays(1), Duration.ofHours(1));

    private static final int DELETED_AT_ONCE = 8;
    private static final Batch NOTHING = new Batch(0, 0, 0, 0, null);

    private final String name;
    private final ObjectStore store;
    private final StoreOwner owner;
    private final boolean inBucket;
    private final String prefix;
    private final Sql unnamed;

    /**
     * Sets whose objects are removed.
     *
     * @param name of the type of clean-up
     * @param prefix what the keys of the room's objects begin with
     * @param unnamed a statement with the parameter {@code :names}: objects with the place of their store. It returns
     *     those that no row names, as {@code name}; none while the database is suspect
     */
    public OrphanStore(String name, ObjectStore store, StoreOwner owner, boolean inBucket, String prefix, Sql unnamed) {
        this.name = name;
        this.store = store;
        this.owner = owner;
        this.inBucket = inBucket;
        this.prefix = prefix;
        this.unnamed = unnamed;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Retention retention() {
        return RETENTION;
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

    /** Without a bucket there is nothing. In a bucket of another deployment every object would be an orphan. */
    @Override
    public Uni<Batch> batch(SqlClient transaction, Slice slice) {
        return inBucket
                ? owner.verify().chain(() -> page(slice)).chain(page -> swept(transaction, slice, page))
                : Uni.createFrom().item(NOTHING);
    }

    private Uni<List<ObjectInfo>> page(Slice slice) {
        String after = slice.position();
        return store.list(prefix, after == null ? "" : after)
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

    private Uni<List<ObjectInfo>> unnamed(SqlClient transaction, List<ObjectInfo> old) {
        String[] names = old.stream().map(this::named).toArray(String[]::new);
        return unnamed.on(transaction, (Object) names)
                .<Set<String>>map(rows -> new HashSet<>(Rows.list(rows, row -> row.getString("name"))))
                .map(orphans -> old.stream()
                        .filter(object -> orphans.contains(named(object)))
                        .toList());
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

    private static Batch counted(Slice slice, List<ObjectInfo> page, List<ObjectInfo> orphans) {
        long bytes = orphans.stream().mapToLong(ObjectInfo::size).sum();
        String position = page.size() < slice.rows() ? null : page.getLast().key();
        return new Batch(page.size(), 0, bytes, orphans.size(), position);
    }
}
