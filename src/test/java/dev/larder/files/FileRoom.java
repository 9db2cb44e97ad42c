package dev.larder.files;

import static dev.larder.testing.Stock.await;

import dev.larder.files.UploadStore.Upload;
import dev.larder.objects.ObjectStore;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import java.io.ByteArrayOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The room over the database of a stock, and over a bucket where one is given. */
public final class FileRoom {

    static final int PIECE = BodyReader.PIECE_BYTES;

    private final Stock stock;
    final Chunks chunks;
    final ChunkStore pieces;
    final UploadStore store;
    final FileReads reads;
    final Uploads uploads;

    FileRoom(Stock stock, ObjectStore store, boolean inBucket, Uploads.Limits limits) {
        this.stock = stock;
        this.chunks = new Chunks(store, stock.ids, inBucket);
        this.pieces = new ChunkStore(stock.pool, chunks);
        this.store = new UploadStore(stock.pool, stock.ids, stock.clock);
        this.reads = new FileReads(stock.pool, stock.clock);
        this.uploads = new Uploads(this.store, pieces, stock.clock, limits);
    }

    /** Bytes that no other seed gives. */
    static byte[] bytes(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    public static String digest(byte[] bytes) {
        try {
            return "sha256:"
                    + HexFormat.of()
                            .formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    Upload whole(byte[] bytes) {
        return part(bytes, 0, bytes.length);
    }

    /** A request for the bytes from {@code start} to {@code end}, exclusive. */
    Upload part(byte[] bytes, int start, int end) {
        return new Upload(
                stock.organization, digest(bytes), new Range(start, end - start, bytes.length), stock.owner.userId());
    }

    @CanIgnoreReturnValue
    Uploads.Outcome put(byte[] bytes) {
        return await(uploads.receive(whole(bytes), body(bytes, 0, bytes.length)));
    }

    @CanIgnoreReturnValue
    Uploads.Outcome put(byte[] bytes, int start, int end) {
        return await(uploads.receive(part(bytes, start, end), body(bytes, start, end)));
    }

    /** A body that comes in pieces. */
    static Supplier<Uni<byte[]>> body(byte[] bytes, int start, int end) {
        Queue<byte[]> pieces = new ArrayDeque<>();
        for (int at = start; at < end; at += PIECE) {
            pieces.add(Arrays.copyOfRange(bytes, at, Math.min(end, at + PIECE)));
        }
        return () -> Uni.createFrom().item(Optional.ofNullable(pieces.poll()).orElse(new byte[0]));
    }

    /** A body that breaks off after so many bytes. */
    static Supplier<Uni<byte[]>> broken(byte[] bytes, int after) {
        Supplier<Uni<byte[]>> begin = body(bytes, 0, after);
        return () -> begin.get().map(piece -> {
            if (piece.length == 0) {
                throw new IllegalStateException("connection closed");
            }
            return piece;
        });
    }

    /** What the file has; null where it is not there whole. */
    byte @Nullable [] read(String digest) {
        var found = await(pieces.find(stock.organization, digest));
        if (found.isEmpty()) {
            return null;
        }
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        await(found.get().pieces().collect().asList()).forEach(all::writeBytes);
        return all.toByteArray();
    }

    static Uploads.Limits limits(long file, long organization) {
        return new Uploads.Limits(file, organization, Duration.ofSeconds(20));
    }
}
