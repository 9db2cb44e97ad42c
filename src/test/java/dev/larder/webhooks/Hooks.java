package dev.larder.webhooks;

import static dev.larder.testing.Stock.await;

import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Stock;
import dev.larder.webhooks.DeliveryStore.Leased;
import dev.larder.webhooks.DeliveryStore.Room;
import dev.larder.webhooks.DeliveryStore.Settled;
import dev.larder.webhooks.FanOutStore.Turn;
import dev.larder.webhooks.Verdict.Outcome;
import dev.larder.webhooks.WebhookStore.Address;
import dev.larder.webhooks.WebhookStore.NewWebhook;
import dev.larder.webhooks.WebhookStore.WebhookChange;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Webhooks on a {@link Stock}, one step at a time. */
final class Hooks {

    static final Duration A_DAY = Duration.ofHours(24);
    static final Duration DISABLE_AFTER = Duration.ofHours(72);
    static final Duration LEASE = Duration.ofSeconds(40);
    static final Room ROOM = new Room(32, 16, 4);
    static final Secret SECRET = Secret.of(new byte[32]);

    final Stock stock;
    final WebhookStore webhooks;
    final FanOutStore fanOut;
    final DeliveryStore deliveries;
    final DeliveryReads reads;
    final DeliveryRequestStore requests;

    Hooks(Stock stock) {
        this.stock = stock;
        webhooks = new WebhookStore(stock.pool, stock.ids, stock.encryption);
        fanOut = new FanOutStore(stock.pool);
        deliveries = new DeliveryStore(stock.pool, stock.encryption);
        reads = new DeliveryReads(stock.pool);
        requests = new DeliveryRequestStore(stock.pool, stock.ids);
    }

    Instant now() {
        return stock.clock.instant();
    }

    @CanIgnoreReturnValue
    UUID webhook(String... events) {
        return webhook(stock.organization, events);
    }

    UUID webhook(UUID organization, String... events) {
        return create(organization, true, 100, events).orElseThrow();
    }

    Optional<UUID> create(UUID organization, boolean enabled, int most, String... events) {
        NewWebhook wanted = new NewWebhook(
                organization,
                new Address("https://example.org/hooks", "example.org"),
                List.of(events),
                "",
                enabled,
                SECRET);
        return await(webhooks.create(wanted, most, stock.owner.userId(), now())).map(WebhookViews.WebhookView::id);
    }

    WebhookViews.WebhookView look(UUID webhook) {
        return await(webhooks.find(stock.organization, webhook, now())).orElseThrow();
    }

    void enable(UUID webhook, boolean enabled) {
        var changed = await(webhooks.change(
                        stock.organization,
                        webhook,
                        new WebhookChange(null, null, null, enabled),
                        stock.owner.userId(),
                        now()))
                .orElseThrow();
    }

    /** So many events of a subject, each in a transaction of its own. */
    void happens(String kind, UUID subject, String type, int times) {
        for (int i = 0; i < times; i++) {
            stock.sql("SELECT append_event($1, $2, $3, $4, '{}')", kind, subject, type, at(now()));
        }
    }

    static java.time.OffsetDateTime at(Instant instant) {
        return instant.atOffset(java.time.ZoneOffset.UTC);
    }

    /** Turns until there is nothing more; how many deliveries were made. */
    @CanIgnoreReturnValue
    int fanOut(int limit) {
        int added = 0;
        Turn turn;
        do {
            turn = await(fanOut.turn(limit, now(), A_DAY));
            added += turn.added();
        } while (turn.more());
        return added;
    }

    /** What a webhook is sent, in the order in which it is due. */
    List<String> sent(UUID webhook) {
        List<String> events = new ArrayList<>();
        for (Row row : await(stock.pool
                .preparedQuery("SELECT event FROM webhook_deliveries WHERE webhook_id = $1 ORDER BY created_at, due_at")
                .execute(Tuple.of(webhook)))) {
            events.add(row.getString("event"));
        }
        return events;
    }

    @CanIgnoreReturnValue
    List<Leased> lease() {
        return lease(ROOM);
    }

    List<Leased> lease(Room room) {
        return await(deliveries.lease(room, now(), now().plus(LEASE)));
    }

    @CanIgnoreReturnValue
    Settled settle(Leased leased, Outcome outcome) {
        Verdict verdict = Verdict.of(outcome, leased.id(), leased.attempt(), now(), leased.expiresAt());
        return await(deliveries.settle(leased, outcome, verdict, now(), now(), DISABLE_AFTER));
    }

    static Outcome answered(int status) {
        return new Outcome.Answered(status, Optional.empty());
    }

    String status(UUID delivery) {
        return stock.row("SELECT status FROM webhook_deliveries WHERE id = $1", Tuple.of(delivery))
                .getString("status");
    }
}
