package dev.larder.wakeup;

import dev.larder.database.DatabaseFaults;
import dev.larder.database.Direct;
import dev.larder.model.ReadinessPart;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgConnection;
import io.vertx.pgclient.PgNotification;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The one LISTEN connection of this process. On every (re)subscription it wakes every channel, because what
 * was told while it was away is lost; a half-open connection is found by a question every few seconds.
 */
@ApplicationScoped
public class Listener implements ReadinessPart {

    private static final Logger LOG = Logger.getLogger(Listener.class);
    private static final long KEEPALIVE_MILLIS = 5_000;
    private static final long ANSWER_MILLIS = 2_000;
    private static final long RECONNECT_MAX_MILLIS = 2_000;

    private static final String LISTEN = Arrays.stream(Channel.values())
            .map(channel -> "LISTEN " + channel.channel() + "; ")
            .collect(Collectors.joining("", "", "LISTEN " + Channel.LOGS));

    private final Vertx vertx;
    private final Direct direct;
    private final WakeUps wakeUps;
    private final NotifySender sender;
    private @Nullable PgConnection listening;
    private boolean running;
    private int attempt;
    private long keepalive = -1;
    private volatile boolean stopped;

    public Listener(Vertx vertx, Direct direct, WakeUps wakeUps, NotifySender sender) {
        this.vertx = vertx;
        this.direct = direct;
        this.wakeUps = wakeUps;
        this.sender = sender;
    }

    /** Starts to listen and goes on trying for as long as the process lives. */
    public synchronized void start() {
        if (running) {
            throw new IllegalStateException("the listener was started before");
        }
        running = true;
        keepalive = vertx.setPeriodic(KEEPALIVE_MILLIS, tick -> askWhetherAlive());
        connect();
    }

    private void connectUnlessStopped() {
        if (!stopped) {
            connect();
        }
    }

    // Each time anew through Direct: after a promotion the primary is another host.
    private void connect() {
        var unused = direct.connect()
                .compose(connection -> connection
                        .notificationHandler(this::heard)
                        .query(LISTEN)
                        .execute()
                        .map(connection)
                        .onFailure(failed -> connection.close()))
                .onSuccess(this::connected)
                .onFailure(this::notConnected);
    }

    private void connected(PgConnection connection) {
        synchronized (this) {
            if (!running) {
                var closing = connection.close();
                return;
            }
            attempt = 0;
            listening = connection;
        }
        connection.exceptionHandler(ending -> LOG.debugf("listener connection fails cause=%s", ending));
        connection.closeHandler(ended -> lost(connection));
        wakeUps.wakeAfterGap();
    }

    private synchronized void lost(PgConnection connection) {
        if (connection.equals(listening)) {
            listening = null;
            tryAgain();
        }
    }

    private synchronized void notConnected(Throwable cause) {
        if (running && attempt == 0) {
            LOG.warnf("listener not connected, will be tried again cause=%s", DatabaseFaults.inPlainWords(cause));
        }
        tryAgain();
    }

    private void tryAgain() {
        if (running) {
            long timer = vertx.setTimer(reconnectAfter(attempt++), passed -> connectUnlessStopped());
        }
    }

    private static long reconnectAfter(int attempt) {
        long backoff = Math.min(RECONNECT_MAX_MILLIS, 50L << Math.min(attempt, 6));
        return backoff / 2 + ThreadLocalRandom.current().nextLong(backoff / 2 + 1);
    }

    private void heard(PgNotification told) {
        if (stopped || told.getPayload().startsWith(sender.process().toString())) {
            return;
        }
        if (told.getChannel().equals(Channel.LOGS)) {
            wakeUps.loggedElsewhere(LoggedJobs.named(told.getPayload()));
        } else {
            wakeUps.wakeLocal(Channel.ofChannel(told.getChannel()));
        }
    }

    private synchronized void askWhetherAlive() {
        PgConnection connection = listening;
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
                    lost(connection);
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
        return listening != null;
    }

    /** Idempotent. Closed before everything else at shutdown, because it would go on reconnecting. */
    public synchronized void stop() {
        stopped = true;
        vertx.cancelTimer(keepalive);
        running = false;
        PgConnection connection = listening;
        listening = null;
        if (connection != null) {
            var closing = connection.close();
        }
    }
}
