package dev.larder.catalog;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.Declaration;
import dev.larder.model.Refusal;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.mutiny.sqlclient.SqlConnection;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** Which uploaded files a version refers to. */
final class FileReferenceStore {

    private FileReferenceStore() {}

    /** The files of an organization for these digests. */
    sealed interface Found {

        /** @param sizes in bytes, by digest */
        record All(Map<String, Long> sizes) implements Found {}

        record Missing(Set<String> digests) implements Found {}

        /** Backend {@code postgres} cannot read some of them. */
        record Unreadable(List<Refusal> refusals) implements Found {}
    }

    // Locked in one order, so that two declarations do not wait for each other. The clean-up locks a row before it
    // removes it, and sees there that the file was touched.
    private static final Sql LOCK = Sql.of("""
            WITH wanted AS (
                SELECT id FROM files
                 WHERE organization_id = :organization AND digest = ANY (:digests::text[]) AND stored_at IS NOT NULL
                 ORDER BY digest FOR NO KEY UPDATE)
            UPDATE files SET touched_at = greatest(touched_at, :at) WHERE id IN (SELECT id FROM wanted)
            RETURNING digest, bytes""", "organization", "digests", "at");

    /** Locks the files until the transaction ends, so that none is removed meanwhile. */
    static Uni<Found> lock(SqlClient connection, UUID organization, Declaration declaration, Instant at) {
        return lock(connection, organization, declaration.uploads(), at)
                .chain(found ->
                        found instanceof Found.All && declaration.backend().equals("postgres")
                                ? readable(connection, organization, declaration.uploads(), found)
                                : Uni.createFrom().item(found));
    }

    /** The same for any backend. */
    static Uni<Found> lock(SqlClient connection, UUID organization, Map<String, String> uploads, Instant at) {
        Set<String> wanted = new HashSet<>(uploads.values());
        if (wanted.isEmpty()) {
            return Uni.createFrom().item(new Found.All(Map.of()));
        }
        return LOCK.on(connection, organization, wanted.toArray(String[]::new), Rows.utc(at))
                .map(rows -> {
                    Map<String, Long> sizes = new HashMap<>();
                    rows.forEach(row -> sizes.put(row.getString("digest"), row.getLong("bytes")));
                    return found(wanted, sizes);
                });
    }

    private static Found found(Set<String> wanted, Map<String, Long> sizes) {
        Set<String> missing = new HashSet<>(wanted);
        missing.removeAll(sizes.keySet());
        return missing.isEmpty() ? new Found.All(sizes) : new Found.Missing(missing);
    }

    // What lies in a bucket is read when it runs.
    private static final Sql BEGINNINGS = Sql.of("""
            SELECT f.digest, substr(c.body, 1, 8192) AS beginning
              FROM files f
              JOIN file_chunks c ON c.file_id = f.id AND c.start = 0 AND c.body IS NOT NULL
             WHERE f.organization_id = :organization AND f.digest = ANY (:digests::text[])""", "organization", "digests");

    private static Uni<Found> readable(
            SqlClient connection, UUID organization, Map<String, String> uploads, Found found) {
        if (uploads.isEmpty()) {
            return Uni.createFrom().item(found);
        }
        return BEGINNINGS
                .on(connection, organization, uploads.values().toArray(String[]::new))
                .map(rows -> {
                    Map<String, byte[]> beginnings = new HashMap<>();
                    rows.forEach(row -> beginnings.put(
                            row.getString("digest"), row.getBuffer("beginning").getBytes()));
                    List<Refusal> refusals = FileReferences.unreadable(uploads, beginnings);
                    return refusals.isEmpty() ? found : new Found.Unreadable(refusals);
                });
    }

    private static final Sql INSERT = Sql.of("""
            INSERT INTO version_files (version_id, path, organization_id, digest)
            SELECT :version, path, :organization, digest
              FROM unnest(:paths::text[], :digests::text[]) AS declared (path, digest)""", "version", "organization", "paths", "digests");

    static Uni<Void> insert(SqlConnection connection, UUID version, UUID organization, Map<String, String> uploads) {
        if (uploads.isEmpty()) {
            return Uni.createFrom().voidItem();
        }
        String[] paths = uploads.keySet().toArray(String[]::new);
        String[] digests = uploads.values().toArray(String[]::new);
        return INSERT.on(connection, version, organization, paths, digests).replaceWithVoid();
    }
}
