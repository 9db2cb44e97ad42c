package dev.larder.webhooks;

import dev.larder.wakeup.Loop;
import dev.larder.wakeup.Ticker;
import dev.larder.webhooks.DeliveryStore.Leased;
import dev.larder.webhooks.DeliveryStore.Room;
import dev.larder.webhooks.DeliveryStore.Settled;
import dev.larder.webhooks.Verdict.Outcome;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jboss.logging.Logger;

/**
 * Leases deliveries that are due and sends them, each by itself: one that hangs keeps its slot and holds up no other.
 * What a server that died had leased, another one sends when the lease has ended.
 */
@ApplicationScoped
class Sender {

    private static final Logger LOG = Logger.getLogger(Sender.class);
    private static final Duration REST = Duration.ofMillis(20);
    private static final Duration TIDY_EVERY = Duration.ofSeconds(30);

    /** Beyond the time of an attempt: for the statement that settles it, and for servers that disagree on the time. */
    private static final Duration LEASE_BEYOND = Duration.ofSeconds(30);

    private static final int EXPIRED_AT_ONCE = 1_000;

    private final DeliveryStore store;
    private final Transport transport;
    private final InstantSource clock;
    private final WebhookSettings settings;
    private final WebhookObserver observer;
    private final Ticker pace;
    private final Loop loop = new Loop("webhook deliveries", this::lease, REST);
    private final Map<UUID, Leased> sending = new ConcurrentHashMap<>();
    private final List<UniEmitter<? super Void>> waiting = new ArrayList<>(1);

    Sender(
            DeliveryStore store,
            Transport transport,
            InstantSource clock,
            WebhookSettings settings,
            WebhookObserver observer,
            Ticker pace) {
        this.store = store;
        this.transport = transport;
        this.clock = clock;
        this.settings = settings;
        this.observer = observer;
        this.pace = pace;
    }

    /** Once this process serves. */
    void start() {
        pace.keep("webhook deliveries that expire", TIDY_EVERY, this::tidy);
    }

    void wakeIf(boolean due) {
        if (due) {
            loop.wake();
        }
    }

    private Uni<Boolean> lease() {
        Room room = room();
        if (room.slots() <= 0) {
            return Uni.createFrom().item(false);
        }
        Instant now = clock.instant();
        return store.lease(room, now, now.plus(settings.timeout()).plus(LEASE_BEYOND))
                .map(this::begin);
    }

    private Room room() {
        int free = settings.atOnce() - sending.size();
        int failing = (int) sending.values().stream().filter(Leased::failing).count();
        int failingMost = Math.max(1, settings.atOnce() / 2);
        return new Room(free, Math.max(0, failingMost - failing), settings.atOncePerWebhook());
    }

    private boolean begin(List<Leased> leased) {
        leased.forEach(one -> {
            sending.put(one.token(), one);
            deliver(one)
                    .onTermination()
                    .invoke(() -> ended(one))
                    .subscribe()
                    .with(settled -> told(one, settled), failure -> unsettled(one, failure));
        });
        return false;
    }

    private void ended(Leased one) {
        sending.remove(one.token());
        loop.wake();
        tellIfAllEnded();
    }

    private synchronized void tellIfAllEnded() {
        if (sending.isEmpty()) {
            waiting.forEach(emitter -> emitter.complete(null));
            waiting.clear();
        }
    }

    /** One attempt, and what becomes of it. */
    private Uni<Settled> deliver(Leased one) {
        Instant began = clock.instant();
        return attempt(one, began).chain(outcome -> settle(one, outcome, began));
    }

    private Uni<Outcome> attempt(Leased one, Instant began) {
        List<Secret> secrets = one.message().secrets();
        if (secrets.isEmpty()) {
            return failed("secret_unreadable");
        }
        return switch (Receiver.of(one.message().url(), settings.http())) {
            case Receiver.Read.Refused(String code, String unused) -> failed(code);
            case Receiver.Read.Good(Receiver receiver) -> transport.send(request(one, receiver, secrets, began));
        };
    }

    private static Uni<Outcome> failed(String code) {
        return Uni.createFrom().item(new Outcome.Failed(code));
    }

    private static Transport.Request request(Leased one, Receiver receiver, List<Secret> secrets, Instant began) {
        long timestamp = began.getEpochSecond();
        String body = one.message().body();
        String signatures = Secret.signatures(secrets, one.id().toString(), timestamp, body);
        return new Transport.Request(one.id(), receiver, body, one.attempt(), timestamp, signatures);
    }

    private Uni<Settled> settle(Leased one, Outcome outcome, Instant began) {
        Instant now = clock.instant();
        Verdict verdict = Verdict.of(outcome, one.id(), one.attempt(), now, one.expiresAt());
        observer.attempted(verdict);
        return store.settle(one, outcome, verdict, began, now, settings.disableAfter());
    }

    private static void told(Leased one, Settled settled) {
        if (settled.lost()) {
            LOG.warnf("lease ended before the attempt did, it is sent again delivery=%s", one.id());
        }
        if (settled.disabled() != null) {
            LOG.infof("webhook disabled webhook=%s reason=%s", one.webhook(), settled.disabled());
        }
    }

    private static void unsettled(Leased one, Throwable failure) {
        LOG.warnf("attempt not settled, it is sent again delivery=%s cause=%s", one.id(), failure.getMessage());
    }

    private Uni<Void> tidy() {
        Instant now = clock.instant();
        return store.expire(now, EXPIRED_AT_ONCE)
                .chain(() -> store.limitBacklog(settings.pendingMax(), now))
                .replaceWithVoid();
    }

    /** Leases nothing more; waits for attempts that are under way at most this long. */
    Uni<Void> stop(Duration within) {
        return loop.stop(within)
                .chain(() -> Uni.createFrom().<Void>emitter(this::waitForAll))
                .ifNoItem()
                .after(within)
                .fail();
    }

    private synchronized void waitForAll(UniEmitter<? super Void> emitter) {
        waiting.add(emitter);
        tellIfAllEnded();
    }
}
