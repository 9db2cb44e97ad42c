package dev.larder.files;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;

/**
 * Parts that become files. One request at a time writes a part; every statement of a request names itself as the
 * writer, so a request that was taken for dead changes nothing any more.
 */
@ApplicationScoped
class UploadStore {

    /** A writer that has stored nothing for so long is taken for dead. A live one stores something each 40 s. */
    static final Duration WRITER_SILENCE = Duration.ofMinutes(1);

    private final Pool pool;
    private final Ids ids;
    private final InstantSource clock;

    UploadStore(Pool pool, Ids ids, InstantSource clock) {
        this.pool = pool;
        this.ids = ids;
        this.clock = clock;
    }

    /** A request that sends bytes of a file. */
    record Upload(UUID organization, String digest, Range range, UUID user) {}

    /** What a request may do. */
    sealed interface Begun {

        /** @param place where its bytes go */
        record Writing(ChunkStore.Place place) implements Begun {}

        /** The file is there. */
        record Stored(FileView file) implements Begun {}

        /** Another request is writing the part. */
        record Busy() implements Begun {}

        /** @param offset what the range must begin with; the file has another size where it is the same */
        record Elsewhere(long offset) implements Begun {}

        /** The organization has too many bytes of files. */
        record Full() implements Begun {}

        record NoOrganization() implements Begun {}
    }

    // Uploads of one organization begin one after the other, so that together they do not exceed its bytes.
    private static final Sql LOCK_ORGANIZATION = Sql.of(
            "SELECT id FROM organizations WHERE id = :organization AND deleted_at IS NULL FOR NO KEY UPDATE",
            "organization");

    /**
     * Makes the request the writer of its part. A request for the first byte begins a part, or begins it anew.
     *
     * @param bytesMax of all files of the organization
     */
    Uni<Begun> begin(Upload upload, long bytesMax) {
        return pool.withTransaction(connection -> LOCK_ORGANIZATION
                .on(connection, upload.organization())
                .chain(rows -> rows.size() == 0
                        ? Uni.createFrom().item(new Begun.NoOrganization())
                        : find(connection, upload).chain(found -> begin(connection, upload, bytesMax, found))));
    }

    /** A file or part, locked. */
    private record Part(FileView file, boolean written) {}

    private static final Sql FIND = Sql.of(
            "SELECT " + FileReads.COLUMNS + ", coalesce(writer_at > :silent, false) AS written FROM files f\n"
                    + " WHERE organization_id = :organization AND digest = :digest FOR NO KEY UPDATE",
            "organization",
            "digest",
            "silent");

    private Uni<Optional<Part>> find(SqlConnection connection, Upload upload) {
        Instant silent = clock.instant().minus(WRITER_SILENCE);
        return FIND.on(connection, upload.organization(), upload.digest(), Rows.utc(silent))
                .map(rows -> Rows.first(rows, row -> new Part(FileReads.view(row), row.getBoolean("written"))));
    }

    private Uni<Begun> begin(SqlConnection connection, Upload upload, long bytesMax, Optional<Part> found) {
        Range range = upload.range();
        if (found.isEmpty()) {
            return range.start() > 0
                    ? Uni.createFrom().item(new Begun.Elsewhere(0))
                    : fits(connection, upload, bytesMax, 0)
                            .chain(fits -> fits
                                    ? insert(connection, upload)
                                    : Uni.createFrom().item(new Begun.Full()));
        }
        FileView file = found.get().file();
        if (file.storedAt() != null) {
            return TOUCH.on(connection, file.id(), Rows.utc(clock.instant())).replaceWith(new Begun.Stored(file));
        }
        if (found.get().written()) {
            return Uni.createFrom().item(new Begun.Busy());
        }
        if (range.start() > 0) {
            return range.start() == file.received() && range.total() == file.bytes()
                    ? resume(connection, upload, file)
                    : Uni.createFrom().item(new Begun.Elsewhere(range.total() == file.bytes() ? file.received() : 0));
        }
        return fits(connection, upload, bytesMax, file.bytes())
                .chain(fits -> fits
                        ? restart(connection, upload, file)
                        : Uni.createFrom().item(new Begun.Full()));
    }

    private static final Sql TOUCH =
            Sql.of("UPDATE files SET touched_at = greatest(touched_at, :at) WHERE id = :file", "file", "at");

    private static final Sql SUM = Sql.of(
            "SELECT coalesce(sum(bytes), 0)::bigint AS bytes FROM files WHERE organization_id = :organization",
            "organization");

    /** @param own bytes that the file itself counts already */
    private static Uni<Boolean> fits(SqlConnection connection, Upload upload, long bytesMax, long own) {
        return SUM.on(connection, upload.organization())
                .map(rows -> rows.iterator().next().getLong("bytes") - own
                        <= bytesMax - upload.range().total());
    }

    private static final Sql INSERT = Sql.of("""
            INSERT INTO files (id, organization_id, digest, bytes, writer, writer_at, created_by, created_at, touched_at)
            VALUES (:file, :organization, :digest, :bytes, :writer, :at, :user, :at, :at)""", "file", "organization", "digest", "bytes", "writer", "user", "at");

    private Uni<Begun> insert(SqlConnection connection, Upload upload) {
        ChunkStore.Place place = new ChunkStore.Place(ids.next(), 0, ids.next());
        return INSERT.on(
                        connection,
                        place.file(),
                        upload.organization(),
                        upload.digest(),
                        upload.range().total(),
                        place.writer(),
                        upload.user(),
                        Rows.utc(clock.instant()))
                .replaceWith(new Begun.Writing(place));
    }

    private static final Sql RESUME = Sql.of(
            "UPDATE files SET writer = :writer, writer_at = :at, touched_at = :at WHERE id = :file",
            "file",
            "writer",
            "at");

    private Uni<Begun> resume(SqlConnection connection, Upload upload, FileView file) {
        ChunkStore.Place place = new ChunkStore.Place(file.id(), upload.range().start(), ids.next());
        return RESUME.on(connection, file.id(), place.writer(), Rows.utc(clock.instant()))
                .replaceWith(new Begun.Writing(place));
    }

    private static final Sql EMPTY = Sql.of("DELETE FROM file_chunks WHERE file_id = :file", "file");

    private static final Sql RESTART = Sql.of("""
            UPDATE files SET writer = :writer, writer_at = :at, touched_at = :at, received = 0, bytes = :bytes
             WHERE id = :file""", "file", "writer", "at", "bytes");

    private Uni<Begun> restart(SqlConnection connection, Upload upload, FileView file) {
        ChunkStore.Place place = new ChunkStore.Place(file.id(), 0, ids.next());
        return EMPTY.on(connection, file.id())
                .chain(() -> RESTART.on(
                        connection,
                        file.id(),
                        place.writer(),
                        Rows.utc(clock.instant()),
                        upload.range().total()))
                .replaceWith(new Begun.Writing(place));
    }

    private static final Sql RELEASE = Sql.of(
            "UPDATE files SET writer = NULL, writer_at = NULL WHERE id = :file AND writer = :writer", "file", "writer");

    /** The request writes no more. What it has stored stays. */
    Uni<Void> release(ChunkStore.Place place) {
        return RELEASE.on(pool, place.file(), place.writer()).replaceWithVoid();
    }

    private static final Sql ALIVE = Sql.of(
            "UPDATE files SET writer_at = :at WHERE id = :file AND writer = :writer RETURNING id",
            "file",
            "writer",
            "at");

    /** The request goes on although it stores nothing. False where another request writes the part now. */
    Uni<Boolean> alive(ChunkStore.Place place) {
        return ALIVE.on(pool, place.file(), place.writer(), Rows.utc(clock.instant()))
                .map(rows -> rows.size() == 1);
    }

    private static final Sql COMPLETE = Sql.of(
            "WITH done AS (\n"
                    + "    UPDATE files f SET stored_at = :at, touched_at = :at, writer = NULL, writer_at = NULL\n"
                    + "     WHERE id = :file AND writer = :writer AND received = bytes\n"
                    + "    RETURNING f.organization_id, " + FileReads.COLUMNS + "),\n"
                    + "entry AS ("
                    + AuditEntry.of("file.upload", "jsonb_build_object('digest', digest, 'bytes', bytes)", "done")
                    + ")\nSELECT * FROM done",
            "file",
            "writer",
            "at",
            "entry",
            "actor");

    /** All bytes are there, and the digest is verified. Empty where another request writes the part now. */
    Uni<Optional<FileView>> complete(ChunkStore.Place place, UUID user) {
        return COMPLETE.on(pool, place.file(), place.writer(), Rows.utc(clock.instant()), ids.next(), user)
                .map(rows -> Rows.first(rows, FileReads::view));
    }

    private static final Sql DISCARD =
            Sql.of("DELETE FROM files WHERE id = :file AND writer = :writer AND stored_at IS NULL", "file", "writer");

    /** The bytes have another digest: nothing of them is kept. */
    Uni<Void> discard(ChunkStore.Place place) {
        return DISCARD.on(pool, place.file(), place.writer()).replaceWithVoid();
    }
}
