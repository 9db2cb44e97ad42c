package dev.larder.http;

import io.quarkus.vertx.http.runtime.filters.Filters;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * The requests of this process, from the start to the stop. Before {@link #open} and after {@link #drain} calls
 * of the API are answered 503; health and metrics are always answered.
 */
@Singleton
public class Traffic {

    // Filters of a higher priority run first: a request is counted before anything else is done with it.
    private static final int BEFORE_EVERYTHING = 2_000;

    private static final int LOOKED_THROUGH_AT = 2_000;
    private static final Duration LOOK = Duration.ofMillis(10);

    private enum State {
        STARTING,
        SERVING,
        LEAVING,
        CLOSED
    }

    private final Set<UniEmitter<? super Void>> held = ConcurrentHashMap.newKeySet();
    private final Set<HttpServerResponse> inFlight = ConcurrentHashMap.newKeySet();
    private volatile State state = State.STARTING;
    private volatile boolean hurried;
    private volatile boolean ending;

    void install(@Observes Filters filters) {
        filters.register(this::pass, BEFORE_EVERYTHING);
    }

    private void pass(RoutingContext routing) {
        enter(routing);
        switch (state) {
            case STARTING -> refuse(routing, "starting", "This server is starting; it does not serve yet.");
            case SERVING -> routing.next();
            case LEAVING -> {
                closeAfterwards(routing);
                routing.next();
            }
            case CLOSED -> {
                closeAfterwards(routing);
                refuse(routing, "stopping", "This server is stopping; send the request to another one.");
            }
        }
    }

    private void enter(RoutingContext routing) {
        HttpServerResponse response = routing.response();
        if (inFlight.size() >= LOOKED_THROUGH_AT) {
            forgetGone();
        }
        inFlight.add(response);
        int unused = routing.addEndHandler(ended -> inFlight.remove(response));
    }

    /** The end of a stream is not always told: the code that answers it may replace the handler for that. */
    private void forgetGone() {
        inFlight.removeIf(response -> response.ended() || response.closed());
    }

    /** A client that keeps its connection must not find it closed in the middle of its next request. */
    private static void closeAfterwards(RoutingContext routing) {
        if (routing.request().version() != HttpVersion.HTTP_2) {
            HttpServerResponse same = routing.response().putHeader("Connection", "close");
        }
    }

    private void refuse(RoutingContext routing, String code, String detail) {
        String path = routing.normalizedPath();
        if (!path.startsWith("/api/") && !path.startsWith("/tf/")) {
            routing.next();
            return;
        }
        Problem.of(503, code, detail).withHeader("Retry-After", "1").answer(routing.response());
    }

    /** From now on the API is served. */
    public void open() {
        if (state == State.STARTING) {
            state = State.SERVING;
        }
    }

    /**
     * Everything is still served; each answer closes its connection, so that the next request opens one
     * elsewhere.
     */
    public void leave() {
        if (state == State.SERVING) {
            state = State.LEAVING;
        }
    }

    /** Answers held calls now, and ends streams. */
    public void end() {
        ending = true;
        held.forEach(one -> one.complete(null));
    }

    /** Whether calls are no longer held and streams end. */
    public boolean isEnding() {
        return ending;
    }

    /** Completes when held calls and streams are to end. */
    public Uni<Void> ending() {
        return Uni.createFrom().<Void>emitter(this::hold);
    }

    /** Completes after this time, or when held calls and streams are to end. */
    public Uni<Void> pause(Duration time) {
        return ending().ifNoItem().after(time).recoverWithItem(() -> null);
    }

    private void hold(UniEmitter<? super Void> one) {
        held.add(one);
        UniEmitter<? super Void> unused = one.onTermination(() -> held.remove(one));
        if (ending) {
            one.complete(null);
        }
    }

    /**
     * Waits until no request is in flight; the API is refused from then on. Blocks.
     *
     * @return how many requests were still in flight when the time was over
     */
    public int drain(Duration within) {
        long until = System.nanoTime() + within.toNanos();
        forgetGone();
        while (!inFlight.isEmpty() && !hurried && System.nanoTime() < until) {
            LockSupport.parkNanos(LOOK.toNanos());
            forgetGone();
        }
        state = State.CLOSED;
        return inFlight.size();
    }

    /** Stops waiting for requests in flight. */
    public void hurry() {
        hurried = true;
    }
}
