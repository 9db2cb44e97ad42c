package dev.larder.files;

import dev.larder.database.CleanupType;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import dev.larder.objects.ObjectSettings;
import dev.larder.objects.ObjectStore;
import dev.larder.objects.OrphanStore;
import dev.larder.objects.StoreOwner;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;

/** Removes pieces of files from the bucket that no row names. */
class OrphanChunkStore {

    /** None while the database is suspect: a restored one does not name the pieces that came after its backup. */
    private static final Sql UNNAMED = Sql.of("""
            SELECT o.name
              FROM unnest(:names::text[]) AS o (name)
             WHERE NOT EXISTS (SELECT FROM file_chunks c WHERE c.object_key = o.name)
               AND """ + " " + Rules.TRUSTED, "names");

    @Produces
    @Singleton
    CleanupType orphans(ObjectStore store, StoreOwner owner, ObjectSettings settings) {
        return of(store, owner, settings.inBucket());
    }

    static CleanupType of(ObjectStore store, StoreOwner owner, boolean inBucket) {
        return new OrphanStore("orphan_file_chunks", store, owner, inBucket, Chunks.PREFIX, UNNAMED);
    }
}
