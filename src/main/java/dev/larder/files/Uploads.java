package dev.larder.files;

import dev.larder.files.UploadStore.Begun;
import dev.larder.files.UploadStore.Upload;
import dev.larder.http.Problem;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * Receives bodies and makes files of them. The digest is computed while the bytes come; of a part that an earlier
 * request began, its first bytes are read back. A file counts once its digest was verified.
 */
@ApplicationScoped
class Uploads {

    /** Each holds one piece in memory. */
    private static final int AT_ONCE = 16;

    /** While the first bytes of a part are read back, the request says each so many pieces that it is alive. */
    private static final int ALIVE_EACH = 32;

    private final UploadStore store;
    private final ChunkStore chunks;
    private final InstantSource clock;
    private final Limits limits;
    private final AtomicInteger running = new AtomicInteger();

    /**
     * Bounds of uploads.
     *
     * @param fileBytes of one file, inclusive
     * @param organizationBytes of all files of an organization, inclusive
     * @param body how long a body may take
     */
    record Limits(long fileBytes, long organizationBytes, Duration body) {}

    @Inject
    Uploads(UploadStore store, ChunkStore chunks, InstantSource clock, FileSettings settings) {
        this(
                store,
                chunks,
                clock,
                new Limits(
                        settings.maxSize().asLongValue(),
                        settings.organizationMax().asLongValue(),
                        settings.bodyTimeout()));
    }

    Uploads(UploadStore store, ChunkStore chunks, InstantSource clock, Limits limits) {
        this.store = store;
        this.chunks = chunks;
        this.clock = clock;
        this.limits = limits;
    }

    /** What became of an upload. */
    sealed interface Outcome {

        /** All of it is there, and the digest is right. */
        record Created(FileView file) implements Outcome {}

        /** It was there before. */
        record Present(FileView file) implements Outcome {}

        /** @param offset how many bytes from the beginning are there */
        record Incomplete(long offset) implements Outcome {}
    }

    /**
     * Receives a body. Codes: 413 {@code file_too_large}, 413 {@code files_full}, 503 {@code uploads_busy}, 404
     * {@code organization_not_found}, 409 {@code upload_in_progress}, 409 {@code upload_offset_mismatch}, 422
     * {@code digest_mismatch}, 408 {@code body_too_slow}, and those of the body itself.
     *
     * @param body the next bytes each time, none at the end
     */
    Uni<Outcome> receive(Upload upload, Supplier<Uni<byte[]>> body) {
        if (upload.range().total() > limits.fileBytes()) {
            throw Problem.of(413, "file_too_large", "The file has more than " + limits.fileBytes() + " bytes.");
        }
        if (running.incrementAndGet() > AT_ONCE) {
            int unused = running.decrementAndGet();
            throw Problem.of(503, "uploads_busy", "Many files are uploaded at the moment; send it again.")
                    .withHeader("Retry-After", "2");
        }
        return store.begin(upload, limits.organizationBytes())
                .chain(begun -> begun(upload, body, begun))
                .onTermination()
                .invoke(running::decrementAndGet);
    }

    private Uni<Outcome> begun(Upload upload, Supplier<Uni<byte[]>> body, Begun begun) {
        return switch (begun) {
            case Begun.Writing(var place) -> new Writing(upload, place).run(body);
            // A client of HTTP/1.1 may not read the answer before it has sent its body.
            case Begun.Stored(var file) -> toItsEnd(body).replaceWith(new Outcome.Present(file));
            case Begun.Busy() -> Uni.createFrom().failure(inProgress());
            case Begun.Elsewhere(long offset) -> Uni.createFrom().failure(elsewhere(offset));
            case Begun.Full() ->
                Uni.createFrom()
                        .failure(Problem.of(
                                413,
                                "files_full",
                                "The files of the organization would have more than " + limits.organizationBytes()
                                        + " bytes."));
            case Begun.NoOrganization() -> Uni.createFrom().failure(Problem.notFound("organization"));
        };
    }

    private static Problem inProgress() {
        return Problem.of(409, "upload_in_progress", "Another request is uploading this file.")
                .withHeader("Retry-After", "2");
    }

    private static Problem elsewhere(long offset) {
        return Problem.of(
                        409, "upload_offset_mismatch", "The part that is there ends elsewhere, or is of another size.")
                .withHeader(FileResource.OFFSET, Long.toString(offset));
    }

    /** Takes one piece after the other. Code: 408 {@code body_too_slow}. */
    private Uni<Void> toItsEnd(Supplier<Uni<byte[]>> pieces) {
        return Multi.createBy()
                .repeating()
                .uni(pieces::get)
                .whilst(bytes -> bytes.length > 0)
                .collect()
                .last()
                .ifNoItem()
                .after(limits.body())
                .failWith(() -> Problem.of(408, "body_too_slow", "The body did not arrive in time."))
                .replaceWithVoid();
    }

    /** A request that writes a part. It is canceled when its connection breaks. Later failures are not reported. */
    private final class Writing {

        private final Upload upload;
        private final ChunkStore.Place begin;
        private final MessageDigest digest = sha256();
        private long received;
        private volatile boolean canceled;

        Writing(Upload upload, ChunkStore.Place begin) {
            this.upload = upload;
            this.begin = begin;
            this.received = begin.start();
        }

        Uni<Outcome> run(Supplier<Uni<byte[]>> body) {
            return toItsEnd(() -> body.get().call(this::append))
                    .chain(this::end)
                    .onFailure()
                    .call(failure -> store.release(begin).onFailure().recoverWithNull())
                    .onCancellation()
                    .invoke(() -> canceled = true)
                    .onCancellation()
                    .call(() -> store.release(begin).onFailure().recoverWithNull());
        }

        private Uni<Void> append(byte[] bytes) {
            if (bytes.length == 0) {
                return Uni.createFrom().voidItem();
            }
            if (received + bytes.length
                    > upload.range().start() + upload.range().length()) {
                throw Problem.badRequest("malformed_body", "body", "is longer than announced.");
            }
            ChunkStore.Place place = new ChunkStore.Place(begin.file(), received, begin.writer());
            return chunks.append(place, bytes, clock.instant())
                    .invoke(mine -> {
                        if (!mine && !canceled) {
                            throw inProgress();
                        }
                        received += bytes.length;
                        digest.update(bytes);
                    })
                    .replaceWithVoid();
        }

        private Uni<Outcome> end() {
            if (received < upload.range().total()) {
                return store.release(begin).replaceWith(new Outcome.Incomplete(received));
            }
            return digest().chain(is -> is.equals(upload.digest()) ? complete() : wrong(is));
        }

        private Uni<String> digest() {
            return begin.start() == 0 ? Uni.createFrom().item(hex(digest)) : ofPart();
        }

        private Uni<String> ofPart() {
            MessageDigest whole = sha256();
            AtomicInteger pieces = new AtomicInteger();
            return chunks.pieces(begin.file())
                    .emitOn(Infrastructure.getDefaultWorkerPool(), 1)
                    .onItem()
                    .transformToUniAndConcatenate(bytes -> hashed(whole, bytes, pieces.incrementAndGet()))
                    .collect()
                    .last()
                    .replaceWith(() -> hex(whole));
        }

        private Uni<Boolean> hashed(MessageDigest whole, byte[] bytes, int nth) {
            whole.update(bytes);
            return nth % ALIVE_EACH == 0 ? store.alive(begin) : Uni.createFrom().item(true);
        }

        private Uni<Outcome> complete() {
            return store.complete(begin, upload.user())
                    .map(file -> new Outcome.Created(file.orElseThrow(Uploads::inProgress)));
        }

        private Uni<Outcome> wrong(String is) {
            return store.discard(begin)
                    .chain(() -> Uni.createFrom()
                            .failure(Problem.unprocessable(
                                    "digest_mismatch",
                                    "digest",
                                    "The bytes have the digest " + is + ". Nothing of them was kept.")));
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static String hex(MessageDigest digest) {
        return "sha256:" + HexFormat.of().formatHex(digest.digest());
    }
}
