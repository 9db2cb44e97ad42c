package dev.larder.state;

import dev.larder.http.Edge;
import dev.larder.http.Faults;
import dev.larder.http.Problem;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import org.jboss.logging.Logger;

/**
 * Terraform's http backend over HTTP: reads a request and writes its answer. It is no JAX-RS resource, since the
 * caller is to be known before a large body is read, and no address below {@code /tf} may ever answer 404 for a
 * reason of its own.
 */
@Singleton
class TerraformRoutes {

    private static final Logger LOG = Logger.getLogger(TerraformRoutes.class);

    // After the edge, and before Quarkus' own limit of bodies.
    private static final int AFTER_THE_EDGE = -900;

    private final TerraformBackend backend;
    private final Faults faults;

    TerraformRoutes(TerraformBackend backend, Faults faults) {
        this.backend = backend;
        this.faults = faults;
    }

    void install(@Observes Router router) {
        router.route("/tf/*").order(AFTER_THE_EDGE).handler(this::serve);
        router.route("/tf").order(AFTER_THE_EDGE).handler(this::serve);
    }

    private void serve(RoutingContext routing) {
        HttpServerRequest request = routing.request();
        var served = answer(routing, request)
                .subscribe()
                .with(answer -> send(routing, answer), failure -> refuse(routing, failure));
    }

    private Uni<TerraformAnswer> answer(RoutingContext routing, HttpServerRequest request) {
        try {
            TerraformCall call =
                    TerraformCall.of(request.method().name(), routing.normalizedPath(), routing.queryParams());
            Edge.nameForMetrics(call.template());
            return backend.answer(call, new TerraformRequest(request));
        } catch (Problem unreadable) {
            return Uni.createFrom().failure(unreadable);
        }
    }

    private static void send(RoutingContext routing, TerraformAnswer answer) {
        HttpServerResponse response = routing.response().setStatusCode(answer.status());
        answer.headers().forEach(response::putHeader);
        boolean head = routing.request().method().name().equals("HEAD");
        response.putHeader("Content-Length", Integer.toString(answer.body().length));
        var ended = head ? response.end() : response.end(Buffer.buffer(answer.body()));
    }

    /** The rest of a body that is not wanted is not read: the connection closes. */
    private void refuse(RoutingContext routing, Throwable failure) {
        HttpServerRequest request = routing.request();
        if (routing.response().closed() || routing.response().headWritten()) {
            LOG.debugf("client closed its connection path=%s", request.path());
            return;
        }
        if (!request.isEnded() && request.version() != HttpVersion.HTTP_2 && TerraformRequest.announcesBody(request)) {
            routing.response().putHeader("Connection", "close");
        }
        faults.problem(StateProblems.of(failure)).answer(routing.response());
    }
}
