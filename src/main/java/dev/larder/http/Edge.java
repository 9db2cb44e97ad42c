package dev.larder.http;

import io.quarkus.runtime.configuration.MemorySize;
import io.vertx.core.buffer.Buffer;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Answers in the form of a problem where a request never reaches a resource: a body announced as too large, and an
 * address under {@code /api} that is none.
 */
@Singleton
class Edge {

    // Before the limit that Quarkus sets itself, which answers without a body.
    private static final int BEFORE_EVERYTHING = -1000;

    private final long bodyMaxBytes;

    Edge(@ConfigProperty(name = "quarkus.http.limits.max-body-size") MemorySize bodyMax) {
        this.bodyMaxBytes = bodyMax.asLongValue();
    }

    void install(@Observes Router router) {
        router.route("/api/*").order(BEFORE_EVERYTHING).handler(this::refuseTooLarge);
        router.route("/api/*").last().handler(this::nothingHere);
    }

    private void refuseTooLarge(RoutingContext routing) {
        String announced = routing.request().getHeader("Content-Length");
        if (announced != null && announced.matches("[0-9]{1,18}") && Long.parseLong(announced) <= bodyMaxBytes
                || announced == null) {
            routing.next();
            return;
        }
        // The rest of the body is not read, so the connection cannot be used again.
        routing.response().putHeader("Connection", "close");
        answer(routing, ProblemMapper.ofStatus(413));
    }

    private void nothingHere(RoutingContext routing) {
        answer(routing, ProblemMapper.ofStatus(404));
    }

    private static void answer(RoutingContext routing, Problem problem) {
        var ended = routing.response()
                .setStatusCode(problem.status())
                .putHeader("Content-Type", ProblemMapper.MEDIA_TYPE)
                .end(Buffer.buffer(ProblemMapper.body(problem, null)));
    }
}
