package dev.larder.files;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Shows the files of an organization. */
@ApplicationScoped
class FileReads {

    /** Of the row {@code f}. The references of a file are counted up to a bound. */
    static final String COLUMNS = """
            f.id, f.digest, f.bytes, f.received, f.stored_at, f.created_at, f.touched_at,
                   (SELECT count(*)::integer
                      FROM (SELECT FROM version_files v
                             WHERE v.organization_id = f.organization_id AND v.digest = f.digest LIMIT 1000) r) AS versions""";

    private final Pool pool;
    private final InstantSource clock;

    FileReads(Pool pool, InstantSource clock) {
        this.pool = pool;
        this.clock = clock;
    }

    static FileView view(Row row) {
        return new FileView(
                row.getUUID("id"),
                row.getString("digest"),
                row.getLong("bytes"),
                row.getLong("received"),
                Rows.instantOrNull(row, "stored_at"),
                Rows.instant(row, "created_at"),
                Rows.instant(row, "touched_at"),
                row.getInteger("versions"));
    }

    // A client that learns that a file is there relies on it: the clean-up leaves the file a day more.
    private static final Sql TOUCHED = Sql.of(
            "WITH touched AS (\n"
                    + "    UPDATE files SET touched_at = greatest(touched_at, :at::timestamptz)\n"
                    + "     WHERE organization_id = :organization AND digest = :digest\n"
                    + "       AND touched_at < :at::timestamptz - interval '10 minutes' RETURNING id)\n"
                    + "SELECT " + COLUMNS + " FROM files f\n"
                    + " WHERE organization_id = :organization AND digest = :digest AND (SELECT count(*) FROM touched) >= 0",
            "organization",
            "digest",
            "at");

    /** A file or part; a client relies on the answer. */
    Uni<Optional<FileView>> touched(UUID organization, String digest) {
        return TOUCHED.on(pool, organization, digest, Rows.utc(clock.instant()))
                .map(rows -> Rows.first(rows, FileReads::view));
    }

    /**
     * Which files a list shows; a filter that is null lets all pass.
     *
     * @param stored whether all of the file is there
     * @param used whether a version refers to it
     */
    record Filter(
            @Nullable String digest,
            @Nullable Boolean stored,
            @Nullable Boolean used) {}

    private static final Sql LIST = Sql.of(
            "SELECT " + COLUMNS + " FROM files f\n" + """
             WHERE f.organization_id = :organization AND {before}
               AND (:digest::text IS NULL OR f.digest = :digest)
               AND (:stored::boolean IS NULL OR (f.stored_at IS NOT NULL) = :stored)
               AND (:used::boolean IS NULL OR :used = EXISTS (
                       SELECT FROM version_files v WHERE v.organization_id = f.organization_id AND v.digest = f.digest))
             ORDER BY f.id DESC LIMIT :limit""".replace("{before}", Rules.before("f.id")),
            "organization",
            "before",
            "digest",
            "stored",
            "used",
            "limit");

    /** Newest first. */
    Uni<List<FileView>> list(UUID organization, Filter filter, Optional<UUID> before, int limit) {
        return LIST.on(pool, organization, before.orElse(null), filter.digest(), filter.stored(), filter.used(), limit)
                .map(rows -> Rows.list(rows, FileReads::view));
    }
}
