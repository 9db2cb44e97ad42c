package dev.larder.http;

import dev.larder.store.DatabaseClock;
import io.quarkus.runtime.configuration.MemorySize;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.time.Duration;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/**
 * Answers in the form of a problem where a request never reaches a resource: a process that has just started and does
 * not know the time yet, a body that is too large, and an address under {@code /api} that is none.
 */
@Singleton
class Edge {

    // Before the limit that Quarkus sets itself, which answers without a body.
    private static final int BEFORE_EVERYTHING = -1000;

    // Shorter than any client waits, longer than a start takes where the database answers.
    private static final Duration START_HOLD = Duration.ofSeconds(2);

    private final DatabaseClock time;
    private final long bodyMaxBytes;

    // Reads a body of unknown length up to the limit before a resource sees it.
    private final BodyHandler unannounced;

    Edge(DatabaseClock time, @ConfigProperty(name = "quarkus.http.limits.max-body-size") MemorySize bodyMax) {
        this.time = time;
        this.bodyMaxBytes = bodyMax.asLongValue();
        this.unannounced = BodyHandler.create(false).setBodyLimit(bodyMaxBytes);
    }

    void install(@Observes Router router) {
        router.route("/api/*").order(BEFORE_EVERYTHING - 1).handler(this::holdUntilTimeIsKnown);
        router.route("/api/*")
                .order(BEFORE_EVERYTHING)
                .handler(this::refuseTooLarge)
                .failureHandler(this::failed);
        router.route("/api/*").last().handler(this::nothingHere);
    }

    /** Nothing is answered by the process's own clock: tokens expire, leases begin and ids are made by the database's. */
    private void holdUntilTimeIsKnown(RoutingContext routing) {
        if (time.isRead()) {
            routing.next();
        } else {
            Context context = routing.vertx().getOrCreateContext();
            time.awaitFirst(START_HOLD)
                    .emitOn(step -> context.runOnContext(unused -> step.run()))
                    .subscribe()
                    .with(known -> routing.next(), unknown -> answer(routing, starting()));
        }
    }

    private static Problem starting() {
        return Problem.of(503, "starting", "This server has just started and has not reached its database yet.")
                .withHeader("Retry-After", "1");
    }

    private void refuseTooLarge(RoutingContext routing) {
        String length = routing.request().getHeader("Content-Length");
        if (announcesTooMuch(length)) {
            tooLarge(routing);
        } else if (length == null && mayHaveBody(routing.request())) {
            // Quarkus pauses every request before its routes.
            routing.request().resume();
            unannounced.handle(routing);
        } else {
            routing.next();
        }
    }

    private static boolean mayHaveBody(HttpServerRequest request) {
        return request.version() == HttpVersion.HTTP_2 || request.getHeader("Transfer-Encoding") != null;
    }

    private void failed(RoutingContext routing) {
        if (routing.statusCode() == 413) {
            tooLarge(routing);
        } else {
            routing.next();
        }
    }

    private static void tooLarge(RoutingContext routing) {
        // The rest of the body is not read, so the connection cannot be used again. HTTP/2 closes a stream instead.
        if (routing.request().version() != HttpVersion.HTTP_2) {
            routing.response().putHeader("Connection", "close");
        }
        answer(routing, ProblemMapper.ofStatus(413));
    }

    // What is no length at all never gets here: the HTTP decoder refuses it.
    private boolean announcesTooMuch(@Nullable String length) {
        return length != null && (length.length() > 18 || Long.parseLong(length) > bodyMaxBytes);
    }

    private void nothingHere(RoutingContext routing) {
        answer(routing, ProblemMapper.ofStatus(404));
    }

    private static void answer(RoutingContext routing, Problem problem) {
        problem.headers().forEach(routing.response()::putHeader);
        var ended = routing.response()
                .setStatusCode(problem.status())
                .putHeader("Content-Type", ProblemMapper.MEDIA_TYPE)
                .end(Buffer.buffer(ProblemMapper.body(problem)));
    }
}
