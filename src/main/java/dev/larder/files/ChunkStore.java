package dev.larder.files;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.FileContents;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The bytes of files, piece by piece. */
@ApplicationScoped
class ChunkStore implements FileContents {

    private final Pool pool;
    private final Chunks chunks;

    ChunkStore(Pool pool, Chunks chunks) {
        this.pool = pool;
        this.chunks = chunks;
    }

    /**
     * Where bytes go.
     *
     * @param start how many bytes of the file come before
     * @param writer the request that writes the file now
     */
    record Place(UUID file, long start, UUID writer) {}

    // A request that is no longer the writer, or has not seen the latest bytes, changes nothing.
    private static final Sql APPEND = Sql.of("""
            WITH mine AS (
                UPDATE files SET received = received + :bytes::integer, writer_at = :at::timestamptz,
                                 touched_at = :at::timestamptz
                 WHERE id = :file AND writer = :writer AND received = :start::bigint
                RETURNING id)
            INSERT INTO file_chunks (file_id, start, bytes, body, object_key)
            SELECT id, :start, :bytes, :body, :key FROM mine
            RETURNING start""", "file", "writer", "start", "bytes", "at", "body", "key");

    /** Appends bytes to a part. False, without a change, where another request writes it now. */
    Uni<Boolean> append(Place place, byte[] bytes, Instant at) {
        return chunks.keep(place.file(), bytes)
                .chain(stored -> APPEND.on(
                        pool,
                        place.file(),
                        place.writer(),
                        place.start(),
                        bytes.length,
                        Rows.utc(at),
                        buffer(stored.body()),
                        stored.objectKey()))
                .map(rows -> rows.size() == 1);
    }

    private static @Nullable Buffer buffer(byte @Nullable [] bytes) {
        return bytes == null ? null : Buffer.buffer(bytes);
    }

    private static final Sql FIND = Sql.of("""
            SELECT id, bytes FROM files
             WHERE organization_id = :organization AND digest = :digest AND stored_at IS NOT NULL""", "organization", "digest");

    @Override
    public Uni<Optional<Content>> find(UUID organization, String digest) {
        return FIND.on(pool, organization, digest)
                .map(rows -> Rows.first(rows, row -> new Content(row.getLong("bytes"), pieces(row.getUUID("id")))));
    }

    private static final Sql STARTS =
            Sql.of("SELECT start, bytes FROM file_chunks WHERE file_id = :file ORDER BY start", "file");

    /** The bytes that a file or part has. Fails where some are missing in between. */
    Multi<byte[]> pieces(UUID file) {
        return STARTS.on(pool, file)
                .map(rows -> contiguous(
                        file, Rows.list(rows, row -> new Piece(row.getLong("start"), row.getInteger("bytes")))))
                .onItem()
                .transformToMulti(starts -> Multi.createFrom().iterable(starts))
                .onItem()
                .transformToUniAndConcatenate(piece -> piece(file, piece));
    }

    private record Piece(long start, int bytes) {}

    private static List<Piece> contiguous(UUID file, List<Piece> pieces) {
        long next = 0;
        for (Piece piece : pieces) {
            if (piece.start() != next) {
                throw new IllegalStateException("bytes of a file are missing file=" + file + " at=" + next);
            }
            next += piece.bytes();
        }
        return pieces;
    }

    private static final Sql READ = Sql.of(
            "SELECT body, object_key FROM file_chunks WHERE file_id = :file AND start = :start", "file", "start");

    private Uni<byte[]> piece(UUID file, Piece piece) {
        return READ.on(pool, file, piece.start())
                .map(rows -> Rows.first(rows, ChunkStore::stored)
                        .orElseThrow(
                                () -> new IllegalStateException("a file was removed while it was read file=" + file)))
                .chain(chunks::fetch)
                .invoke(bytes -> {
                    if (bytes.length != piece.bytes()) {
                        throw new IllegalStateException("a piece of a file has another length file=" + file);
                    }
                });
    }

    private static Chunks.Stored stored(Row row) {
        var body = row.getBuffer("body");
        return new Chunks.Stored(body == null ? null : body.getBytes(), row.getString("object_key"));
    }
}
