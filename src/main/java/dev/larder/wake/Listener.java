package dev.larder.wake;

import dev.larder.pool.ReadinessPart;
import dev.larder.store.Direct;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgConnection;
import io.vertx.pgclient.pubsub.PgSubscriber;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The one LISTEN connection of this process. On every (re)subscription it rings every topic, because what was told while
 * it was away is lost; a half-open connection is found by a question every few seconds.
 */
@ApplicationScoped
public class Listener implements ReadinessPart {

    private static final Logger LOG = Logger.getLogger(Listener.class);
    private static final long KEEPALIVE_MILLIS = 5_000;
    private static final long ANSWER_MILLIS = 2_000;
    private static final long RECONNECT_MAX_MILLIS = 2_000;

    private final Vertx vertx;
    private final Direct direct;
    private final Bell bell;
    private final Pump pump;
    private @Nullable PgSubscriber subscriber;
    private long keepalive = -1;
    private volatile boolean stopped;

    public Listener(Vertx vertx, Direct direct, Bell bell, Pump pump) {
        this.vertx = vertx;
        this.direct = direct;
        this.bell = bell;
        this.pump = pump;
    }

    /** Starts to listen and goes on trying for as long as the process lives. */
    public synchronized void start() {
        if (subscriber != null) {
            throw new IllegalStateException("the listener was started before");
        }
        PgSubscriber listening = PgSubscriber.subscriber(vertx, direct.options());
        listening.reconnectPolicy(Listener::reconnectAfter);
        for (Topic topic : Topic.values()) {
            listening
                    .channel(topic.channel())
                    .handler(from -> heard(topic, from))
                    .subscribeHandler(subscribed -> ring(topic));
        }
        var unused = listening
                .connect()
                .onFailure(
                        cause -> LOG.warnf("listener not connected, will be tried again cause=%s", cause.getMessage()));
        subscriber = listening;
        keepalive = vertx.setPeriodic(KEEPALIVE_MILLIS, tick -> askWhetherAlive());
    }

    private static long reconnectAfter(int attempt) {
        long backoff = Math.min(RECONNECT_MAX_MILLIS, 50L << Math.min(attempt, 6));
        return backoff / 2 + ThreadLocalRandom.current().nextLong(backoff / 2 + 1);
    }

    private void heard(Topic topic, String from) {
        if (!from.equals(pump.process().toString())) {
            ring(topic);
        }
    }

    /** A connection that is being made while the process stops still subscribes, and nobody listens any more. */
    private void ring(Topic topic) {
        if (!stopped) {
            bell.ringHere(topic);
        }
    }

    private synchronized void askWhetherAlive() {
        PgConnection connection = subscriber == null ? null : subscriber.actualConnection();
        if (connection == null) {
            return;
        }
        var unused = connection
                .query("SELECT 1")
                .execute()
                .timeout(ANSWER_MILLIS, TimeUnit.MILLISECONDS)
                .onFailure(silent -> {
                    LOG.warn("listener connection is silent, closing it");
                    var closing = connection.close();
                });
    }

    @Override
    public String name() {
        return "listener";
    }

    @Override
    public String detail() {
        return up() ? "listening" : "not connected, trying again";
    }

    /** Whether notifications arrive at present. */
    @Override
    public synchronized boolean up() {
        return subscriber != null && subscriber.actualConnection() != null;
    }

    /** Idempotent. Closed before everything else at shutdown, because it would go on reconnecting. */
    public synchronized void stop() {
        stopped = true;
        vertx.cancelTimer(keepalive);
        if (subscriber != null) {
            var closing = subscriber.close();
            subscriber = null;
        }
    }
}
