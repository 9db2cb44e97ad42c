package dev.larder.webhooks;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.CleanupTypes;
import dev.larder.testing.Eventually;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Plans;
import dev.larder.testing.Stock;
import dev.larder.testing.Tenant;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which events become deliveries, and that each does once, whichever servers look and die. */
@Timeout(60)
class FanOutStoreTest {

    private final Stock stock = new Stock();
    private final Hooks hooks = new Hooks(stock);
    private final UUID preset = stock.declare("small", 3);

    @AfterEach
    void close() {
        stock.close();
    }

    private void presetChanges(int times) {
        hooks.happens("preset", preset, "preset.healthy", times);
    }

    private String event(int seq) {
        return "preset:" + preset + "/" + seq;
    }

    private void notifies(String kind, String occasion) {
        stock.sql(
                "INSERT INTO notifications (id, organization_id, audience, kind, occasion, detail, created_at)"
                        + " VALUES ($1, $2, 'template_admin', $3, $4, '{\"a\": 1}', $5)",
                stock.ids.next(),
                stock.organization,
                kind,
                occasion,
                Hooks.at(hooks.now()));
    }

    @Test
    void each_kind_of_subject_and_notifications_are_told_to_the_webhooks_of_their_organization() {
        UUID all = hooks.webhook("*");
        UUID stranger = hooks.webhook(new Tenant(stock, "other").organization, "*");
        hooks.fanOut(100);
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID claim = stock.claim(preset, stock.member("ada")).orElseThrow();
        hooks.happens("claim", claim, "claim.expired", 1);
        presetChanges(1);
        notifies("place_held", "one");

        hooks.fanOut(100);

        List<String> sent = hooks.sent(all);
        assertThat(sent)
                .contains(
                        "workspace:" + workspace + "/1",
                        "workspace:" + workspace + "/2",
                        "claim:" + claim + "/1",
                        event(1));
        assertThat(sent).filteredOn(event -> event.startsWith("notification:")).hasSize(1);
        assertThat(sent).hasSize(5);
        assertThat(hooks.sent(stranger)).isEmpty();
    }

    @Test
    void a_cleanup_belongs_to_no_organization_and_a_notification_of_the_deployment_to_all_that_exist() {
        UUID gone = new Tenant(stock, "gone").organization;
        List<UUID> told = List.of(hooks.webhook("*"), hooks.webhook(new Tenant(stock, "other").organization, "*"));
        UUID ofGone = hooks.webhook(gone, "*");
        hooks.fanOut(100);
        stock.sql("UPDATE organizations SET deleted_at = now() WHERE id = $1", gone);
        stock.sql(
                "INSERT INTO cleanup_operations (id, type, status, started_at, requested_by, heartbeat_at)"
                        + " SELECT $1, 'audit', 'running', now(), $2, now()",
                stock.ids.next(),
                stock.owner.userId());
        stock.sql("ALTER TABLE notifications ALTER COLUMN organization_id DROP NOT NULL");
        notifies("place_held", "one");
        stock.sql("UPDATE notifications SET organization_id = NULL");

        hooks.fanOut(100);

        assertThat(told)
                .allSatisfy(webhook -> assertThat(hooks.sent(webhook))
                        .singleElement()
                        .asString()
                        .startsWith("notification:"));
        assertThat(hooks.sent(ofGone)).isEmpty();
    }

    @Test
    void a_filter_is_a_type_or_all_types_of_one_beginning() {
        UUID one = hooks.webhook("preset.hard_limited");
        UUID kind = hooks.webhook("preset.*", "claim.*");
        UUID other = hooks.webhook("workspace.*");
        UUID notifications = hooks.webhook("notification.place_held");
        hooks.happens("preset", preset, "preset.healthy", 1);
        hooks.happens("preset", preset, "preset.hard_limited", 1);
        notifies("place_held", "one");
        notifies("no_worker", "two");

        hooks.fanOut(100);

        assertThat(hooks.sent(one)).containsExactly(event(2));
        assertThat(hooks.sent(kind)).containsExactly(event(1), event(2));
        assertThat(hooks.sent(other)).isEmpty();
        assertThat(hooks.sent(notifications)).hasSize(1);
    }

    @Test
    void the_body_names_the_event_its_subject_and_its_number() {
        UUID webhook = hooks.webhook("*");
        presetChanges(1);

        hooks.fanOut(100);

        String body = stock.row("SELECT body FROM webhook_deliveries WHERE webhook_id = $1", Tuple.of(webhook))
                .getString("body");
        assertThat(new JsonObject(body))
                .isEqualTo(new JsonObject()
                        .put("type", "preset.healthy")
                        .put("timestamp", "2026-11-20T12:00:00.000000Z")
                        .put("id", event(1))
                        .put("partition", "preset:" + preset)
                        .put("seq", 1)
                        .put("organizationId", stock.organization.toString())
                        .put("data", new JsonObject()));
    }

    @Test
    void pages_follow_each_other_and_deliveries_of_a_subject_are_due_in_its_order() {
        UUID webhook = hooks.webhook("*");
        presetChanges(7);

        assertThat(hooks.fanOut(2)).isEqualTo(7);
        assertThat(hooks.fanOut(2)).isZero();
        presetChanges(1);
        assertThat(hooks.fanOut(2)).isEqualTo(1);

        assertThat(hooks.sent(webhook))
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.rangeClosed(1, 8).mapToObj(this::event).toList());
    }

    @Test
    void events_of_one_turn_are_due_in_the_order_of_their_numbers() {
        UUID webhook = hooks.webhook("*");
        presetChanges(9);

        hooks.fanOut(100);

        assertThat(hooks.sent(webhook))
                .containsExactlyElementsOf(
                        IntStream.rangeClosed(1, 9).mapToObj(this::event).toList());
        assertThat(hooks.stock.count("webhook_deliveries WHERE due_at > '" + hooks.now() + "'"))
                .isZero();
    }

    @Test
    void a_transaction_that_began_before_a_turn_and_commits_after_it_is_not_missed() {
        stock.replacing();
        UUID webhook = hooks.webhook("*");
        UUID other = stock.declare("other", 1);
        try (OpenTransaction late = new OpenTransaction(stock)) {
            late.does("SELECT append_event('preset', $1, 'preset.healthy', now(), '{}')", other);
            presetChanges(1);
            assertThat(hooks.fanOut(100)).isEqualTo(1);
            late.commits();
        }

        assertThat(hooks.fanOut(100)).isEqualTo(1);
        assertThat(hooks.sent(webhook)).containsExactlyInAnyOrder(event(1), "preset:" + other + "/1");
    }

    @Test
    void a_server_that_dies_in_its_turn_leaves_everything_to_the_next_one() {
        UUID webhook = hooks.webhook("*");
        presetChanges(3);
        try (OpenTransaction dying = new OpenTransaction(stock)) {
            dying.does("SELECT FROM webhook_cursor FOR UPDATE");
            dying.does("UPDATE webhook_cursor SET previous = pg_current_snapshot()");
            assertThat(hooks.fanOut(100)).as("the turn is another server's").isZero();
            dying.rollsBack();
        }

        assertThat(hooks.fanOut(100)).isEqualTo(3);
        assertThat(hooks.sent(webhook)).hasSize(3);
    }

    @Test
    void three_servers_make_one_delivery_of_each_event_while_others_write() {
        stock.replacing();
        UUID webhook = hooks.webhook("*");
        List<UUID> presets =
                IntStream.range(0, 4).mapToObj(n -> stock.declare("p" + n, 1)).toList();
        hooks.fanOut(100);
        List<Uni<Object>> work = new ArrayList<>();
        for (UUID one : presets) {
            work.add(repeated(
                    50,
                    () -> stock.pool
                            .preparedQuery("SELECT append_event('preset', $1, 'preset.healthy', $2, '{}')")
                            .execute(Tuple.of(one, Hooks.at(hooks.now())))));
        }
        for (int server = 0; server < 3; server++) {
            work.add(repeated(60, () -> hooks.fanOut.turn(7, hooks.now(), Hooks.A_DAY)));
        }

        var done = await(Uni.join().all(work).andFailFast());
        // An event is read when all transactions of the database server that began before it have ended.
        List<String> sent = Eventually.see(
                () -> {
                    hooks.fanOut(7);
                    return hooks.sent(webhook);
                },
                events -> events.size() >= 200);

        assertThat(sent).doesNotHaveDuplicates().hasSize(200);
    }

    private static Uni<Object> repeated(int times, Supplier<Uni<?>> step) {
        Uni<Object> all = Uni.createFrom().item(times);
        for (int i = 0; i < times; i++) {
            all = all.call(() -> step.get());
        }
        return all;
    }

    @Test
    void without_an_enabled_webhook_nothing_is_looked_for_and_a_new_one_is_not_sent_what_was_before() {
        presetChanges(2);
        assertThat(await(hooks.fanOut.signs())).isEqualTo(new FanOutStore.Signs(false, false));

        UUID webhook = hooks.webhook("*");
        assertThat(await(hooks.fanOut.signs())).isEqualTo(new FanOutStore.Signs(true, false));
        presetChanges(1);
        assertThat(await(hooks.fanOut.signs())).isEqualTo(new FanOutStore.Signs(true, true));
        hooks.fanOut(100);

        assertThat(hooks.sent(webhook)).containsExactly(event(3));
        assertThat(await(hooks.fanOut.signs())).isEqualTo(new FanOutStore.Signs(true, false));
    }

    @Test
    void what_happens_while_a_webhook_is_disabled_is_not_sent() {
        UUID webhook = hooks.webhook("*");
        hooks.enable(webhook, false);
        presetChanges(1);
        hooks.fanOut(100);
        hooks.enable(webhook, true);
        presetChanges(1);
        hooks.fanOut(100);

        assertThat(hooks.sent(webhook)).containsExactly(event(2));
    }

    /** Transactions of the restored database have other numbers: here those of its past are far ahead. */
    @Test
    void after_a_restore_into_another_cluster_only_what_was_never_sent_is_sent() {
        UUID early = hooks.webhook("*");
        presetChanges(2);
        hooks.fanOut(100);
        stock.clock.forward(Duration.ofMinutes(1));
        UUID late = hooks.webhook("*");
        hooks.fanOut(100);
        presetChanges(1);
        stock.sql("UPDATE events SET tx = (900000000 + tx::text::bigint)::text::xid8");
        stock.sql("UPDATE webhook_cursor SET previous = '900000000:900000000:'");
        presetChanges(1);

        hooks.fanOut(100);
        assertThat(await(hooks.fanOut.signs()).news())
                .as("old events have foreign numbers")
                .isTrue();
        var adopted = CleanupTypes.run(stock, "events", 1_000);
        hooks.fanOut(2);

        assertThat(hooks.sent(early)).containsExactlyInAnyOrder(event(1), event(2), event(3), event(4));
        assertThat(hooks.sent(late)).containsExactlyInAnyOrder(event(3), event(4));
        assertThat(await(hooks.fanOut.signs()).news()).isFalse();
    }

    @Test
    void a_look_reads_the_events_since_the_last_one_and_no_others() throws IllegalAccessException {
        stock.sql("""
                INSERT INTO events (kind, subject, seq, type, at, tx)
                SELECT 'preset', $1, n, 'preset.healthy', now(), n::text::xid8 FROM generate_series(1, 20000) n""", preset);
        Plans.analyze(stock);

        var plans = Plans.of(
                stock,
                List.of(FanOutStore.class),
                (name, text) -> text.contains("events e") && !name.endsWith("SOURCE"));

        assertThat(plans).hasSize(2);
        assertThat(plans.values())
                .allSatisfy(plan ->
                        assertThat(plan).contains("events_by_transaction").doesNotContain("Seq Scan on events"));
    }

    @Test
    void an_organization_has_so_many_webhooks_at_most() {
        assertThat(hooks.create(stock.organization, true, 2, "*")).isPresent();
        assertThat(hooks.create(stock.organization, false, 2, "*")).isPresent();
        assertThat(hooks.create(stock.organization, true, 2, "*")).isEmpty();
    }

    @Test
    void deliveries_that_have_ended_are_removed_after_thirty_days() {
        hooks.webhook("*");
        presetChanges(3);
        hooks.fanOut(100);
        hooks.settle(hooks.lease().getFirst(), Hooks.answered(200));
        stock.clock.forward(Duration.ofDays(31));

        assertThat(CleanupTypes.run(stock, "webhook_deliveries", 100).deleted()).isEqualTo(1);
        assertThat(stock.count("webhook_deliveries")).isEqualTo(2);
    }
}
