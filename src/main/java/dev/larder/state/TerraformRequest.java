package dev.larder.state;

import dev.larder.http.Problem;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import java.util.Base64;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A request whose body is read when it is wanted. */
final class TerraformRequest {

    private static final int MD5_BYTES = 16;

    private final HttpServerRequest request;

    TerraformRequest(HttpServerRequest request) {
        this.request = request;
    }

    static boolean announcesBody(HttpServerRequest request) {
        String length = request.getHeader("Content-Length");
        return length == null ? request.getHeader("Transfer-Encoding") != null : !length.equals("0");
    }

    Optional<BasicAuth> auth() {
        return BasicAuth.of(request.getHeader("Authorization"));
    }

    /** Whatever else a client names is shown as bytes. */
    String contentType() {
        return StateViews.contentType(request.getHeader("Content-Type"));
    }

    Optional<byte[]> contentMd5() {
        return md5(request.getHeader("Content-MD5"));
    }

    /** Code: 400 {@code invalid_content_md5}. */
    static Optional<byte[]> md5(@Nullable String header) {
        return Optional.ofNullable(header).map(TerraformRequest::md5Bytes);
    }

    private static byte[] md5Bytes(String header) {
        byte[] md5;
        try {
            md5 = Base64.getDecoder().decode(header.strip());
        } catch (IllegalArgumentException notBase64) {
            md5 = new byte[0];
        }
        if (md5.length != MD5_BYTES) {
            throw Problem.badRequest("invalid_content_md5", "Content-MD5", "must be 16 bytes in Base64.");
        }
        return md5;
    }

    /** The announced length of the body; the most that is taken where it is not announced. */
    long bytes(long most) {
        String length = request.getHeader("Content-Length");
        if (length == null) {
            return announcesBody(request) ? most : 0;
        }
        return length.length() > 18 ? Long.MAX_VALUE : Long.parseLong(length);
    }

    /**
     * The whole body. Code: 413 {@code body_too_large}.
     *
     * @param most bytes
     */
    Uni<byte[]> body(long most) {
        if (request.isEnded()) {
            return Uni.createFrom().item(new byte[0]);
        }
        if (bytes(most) > most) {
            return Uni.createFrom().failure(tooLarge());
        }
        return Uni.createFrom().emitter(emitter -> read(emitter, most));
    }

    private void read(UniEmitter<? super byte[]> emitter, long most) {
        Buffer all = Buffer.buffer();
        request.handler(chunk -> {
            if (all.length() + (long) chunk.length() > most) {
                request.pause();
                emitter.fail(tooLarge());
            } else {
                Buffer same = all.appendBuffer(chunk);
            }
        });
        request.exceptionHandler(emitter::fail);
        request.endHandler(ended -> emitter.complete(all.getBytes()));
        // Quarkus pauses every request before its routes.
        request.resume();
    }

    private static Problem tooLarge() {
        return Problem.of(413, "body_too_large", "The body is larger than is taken here.");
    }
}
