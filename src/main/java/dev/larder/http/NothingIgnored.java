package dev.larder.http;

import dev.larder.http.Contract.Operation;
import dev.larder.model.Refusal;
import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.RequestBody;
import io.vertx.ext.web.RoutingContext;
import jakarta.ws.rs.Priorities;
import java.util.List;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/**
 * Refuses what the called operation would ignore, by its name ({@link Contract#ignored}). It runs after the
 * token was checked, so that a caller without one is told that and nothing else.
 */
class NothingIgnored {

    private static final int EMPTY_OBJECT_BYTES = "{}".length();

    private final CurrentVertxRequest current;

    NothingIgnored(CurrentVertxRequest current) {
        this.current = current;
    }

    @ServerRequestFilter(priority = Priorities.HEADER_DECORATOR)
    public void refuse() {
        RoutingContext routing = current.getCurrent();
        Edge.called(routing).ifPresent(operation -> refuse(operation, routing));
    }

    private static void refuse(Operation operation, RoutingContext routing) {
        HttpServerRequest request = routing.request();
        List<Refusal> refusals = Contract.ignored(
                operation, routing.queryParams(), request.headers()::contains, bodyBytes(routing), EMPTY_OBJECT_BYTES);
        if (!refusals.isEmpty()) {
            throw Problem.badRequest(refusals);
        }
    }

    /** A body of unknown length has been read at the edge. */
    private static long bodyBytes(RoutingContext routing) {
        String length = routing.request().getHeader("Content-Length");
        RequestBody body = routing.body();
        return length != null ? Edge.lengthOf(length) : body == null ? 0 : Math.max(0, body.length());
    }
}
