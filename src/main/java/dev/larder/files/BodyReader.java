package dev.larder.files;

import dev.larder.http.Problem;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Reads the body of a request piece by piece. Between two pieces the request is paused, so that a client which sends
 * faster than its bytes are stored waits.
 *
 * <p>Everything runs on the context of the request.
 */
final class BodyReader {

    /** A piece is handed over when it has so many bytes, or up to one network buffer more. */
    static final int PIECE_BYTES = 1024 * 1024;

    /** What a slow client has sent is handed over after so long, so that it is not lost if the connection breaks. */
    private static final long PIECE_WITHIN_MILLIS = 10_000;

    private final HttpServerRequest request;
    private final Vertx vertx;
    private final Context context;
    private final long idleMillis;
    private Buffer piece = Buffer.buffer();
    private long lastByteAt;
    private boolean ended;
    private @Nullable Throwable failure;
    private @Nullable UniEmitter<? super byte[]> waiting;
    private long timer;

    private BodyReader(HttpServerRequest request, Vertx vertx, Context context, Duration idle) {
        this.request = request;
        this.vertx = vertx;
        this.context = context;
        this.idleMillis = idle.toMillis();
    }

    /** To be called on the context of the request, which is paused. */
    static BodyReader of(HttpServerRequest request, Vertx vertx, Duration idle) {
        BodyReader reader = new BodyReader(request, vertx, vertx.getOrCreateContext(), idle);
        reader.ended = request.isEnded();
        if (!reader.ended) {
            var same = request.handler(reader::received)
                    .endHandler(end -> reader.atEnd())
                    .exceptionHandler(reader::broken);
        }
        return reader;
    }

    /**
     * The next bytes; none at the end of the body. Code: 408 {@code body_too_slow} where no byte came for too long.
     * Fails where the connection breaks.
     */
    Uni<byte[]> next() {
        return Uni.createFrom().emitter(emitter -> context.runOnContext(unused -> await(emitter)));
    }

    private void await(UniEmitter<? super byte[]> emitter) {
        waiting = emitter;
        if (failure != null || ended) {
            deliver();
            return;
        }
        idleFrom();
        var same = request.resume();
    }

    private void idleFrom() {
        vertx.cancelTimer(timer);
        long wait = piece.length() == 0 ? idleMillis : Math.min(idleMillis, PIECE_WITHIN_MILLIS);
        timer = vertx.setTimer(wait, elapsed -> silent());
    }

    private void received(Buffer bytes) {
        if (piece.length() == 0) {
            piece = piece.appendBuffer(bytes);
            idleFrom();
        } else {
            piece = piece.appendBuffer(bytes);
        }
        if (piece.length() >= PIECE_BYTES) {
            deliver();
        }
    }

    private void silent() {
        if (piece.length() == 0) {
            failure = Problem.of(408, "body_too_slow", "No byte of the body came for too long.");
        }
        deliver();
    }

    private void atEnd() {
        ended = true;
        deliver();
    }

    private void broken(Throwable cause) {
        failure = cause;
        deliver();
    }

    private void deliver() {
        vertx.cancelTimer(timer);
        UniEmitter<? super byte[]> emitter = waiting;
        if (emitter == null) {
            return;
        }
        waiting = null;
        if (!ended && failure == null) {
            var same = request.pause();
        }
        byte[] bytes = piece.getBytes();
        piece = Buffer.buffer();
        if (bytes.length == 0 && failure != null) {
            emitter.fail(failure);
        } else {
            emitter.complete(bytes);
        }
    }
}
