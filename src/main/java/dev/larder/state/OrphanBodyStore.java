package dev.larder.state;

import dev.larder.database.CleanupType;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import dev.larder.objects.ObjectSettings;
import dev.larder.objects.ObjectStore;
import dev.larder.objects.OrphanStore;
import dev.larder.objects.StoreOwner;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Removes bodies from the bucket that no version and no reject names. */
@ApplicationScoped
class OrphanBodyStore implements CleanupType {

    /** None while the database is suspect: a restored one does not name the bodies that came after its backup. */
    private static final Sql UNNAMED = Sql.of("""
            SELECT o.name
              FROM unnest(:names::text[]) AS o (name)
             WHERE NOT EXISTS (SELECT FROM state_versions v WHERE v.object_key = o.name)
               AND NOT EXISTS (SELECT FROM state_rejects r WHERE r.object_key = o.name)
               AND """ + " " + Rules.TRUSTED, "names");

    private final OrphanStore orphans;

    @Inject
    OrphanBodyStore(ObjectStore store, StoreOwner owner, ObjectSettings settings) {
        this(store, owner, settings.inBucket());
    }

    OrphanBodyStore(ObjectStore store, StoreOwner owner, boolean inBucket) {
        this.orphans = new OrphanStore(store, owner, inBucket, ObjectBodies.PREFIX, UNNAMED);
    }

    @Override
    public String name() {
        return "orphan_bodies";
    }

    @Override
    public Retention retention() {
        return OrphanStore.retention();
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

    @Override
    public Uni<Batch> batch(SqlClient transaction, Slice slice) {
        return orphans.batch(transaction, slice);
    }
}
