package dev.larder.wakeup;

import dev.larder.database.Direct;
import io.vertx.mutiny.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jboss.logging.Logger;

/**
 * Tells the other processes: one {@code pg_notify} per channel and at most every ten milliseconds, at the
 * leading and the trailing edge, so that no wake-up is lost (design, section 4.2). A NOTIFY
 * that fails is dropped; the loops' backstops cover it.
 */
@ApplicationScoped
public class NotifySender {

    private static final Logger LOG = Logger.getLogger(NotifySender.class);
    private static final long WINDOW_MILLIS = 10;

    private final NotifyStore store;
    private final Vertx vertx;
    private final UUID process = UUID.randomUUID();
    private final Set<Channel> waiting = EnumSet.noneOf(Channel.class);
    private final Set<UUID> logged = new HashSet<>();
    private boolean windowOpen;

    public NotifySender(Direct direct, Vertx vertx) {
        this.store = new NotifyStore(direct.pool());
        this.vertx = vertx;
    }

    /** The payload of this process's notifications, by which it knows its own. */
    UUID process() {
        return process;
    }

    /** Starts to tell the other processes what wakes loops here. */
    public void start(WakeUps wakeUps) {
        wakeUps.forward(this::send, this::sendLogged);
    }

    private void send(Channel channel) {
        synchronized (this) {
            waiting.add(channel);
        }
        flushUnlessWindowOpen();
    }

    private void sendLogged(UUID job) {
        synchronized (this) {
            logged.add(job);
        }
        flushUnlessWindowOpen();
    }

    private void flushUnlessWindowOpen() {
        synchronized (this) {
            if (windowOpen) {
                return;
            }
            windowOpen = true;
        }
        flush();
    }

    private void flush() {
        Map<String, String> payloads = new LinkedHashMap<>();
        synchronized (this) {
            if (waiting.isEmpty() && logged.isEmpty()) {
                windowOpen = false;
                return;
            }
            waiting.forEach(channel -> payloads.put(channel.channel(), process.toString()));
            if (!logged.isEmpty()) {
                payloads.put(Channel.LOGS, LoggedJobs.payload(process, logged));
            }
            waiting.clear();
            logged.clear();
        }
        vertx.setTimer(WINDOW_MILLIS, elapsed -> flush());
        store.tell(payloads)
                .subscribe()
                .with(told -> {}, failed -> LOG.debugf("notify dropped, backstops cover it cause=%s", failed));
    }
}
