package dev.larder.http;

import dev.larder.model.Caller;
import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.RequestScoped;
import org.jspecify.annotations.Nullable;

/**
 * The caller of the current request. Known in every resource method that requires a role, because the token is
 * read before the method is called.
 */
@RequestScoped
public class CurrentCaller {

    /** The attribute of the security identity, and the key in the routing context, that hold the caller. */
    public static final String ATTRIBUTE = "caller";

    private final CurrentVertxRequest request;

    public CurrentCaller(CurrentVertxRequest request) {
        this.request = request;
    }

    /** Fails with a 401 problem where the request has no valid token. */
    public Caller get() {
        // Read from the routing context: with lazy authentication the security identity may still be a promise,
        // and waiting for it would block the event loop.
        @Nullable RoutingContext routing = request.getCurrent();
        @Nullable Caller caller = routing == null ? null : routing.get(ATTRIBUTE);
        if (caller == null) {
            throw StatusProblems.missingToken();
        }
        return caller;
    }

    /**
     * Closes a place of {@link Shares} when this request ends. A stream whose client has gone before its head
     * was sent is never subscribed to, so it cannot close the place itself.
     */
    public void closeWithAnswer(Shares.Place place) {
        @Nullable RoutingContext routing = request.getCurrent();
        if (routing != null) {
            int unused = routing.addEndHandler(ended -> place.close());
            if (routing.response().closed()) {
                place.close();
            }
        }
    }
}
