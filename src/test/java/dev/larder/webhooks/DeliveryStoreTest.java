package dev.larder.webhooks;

import static dev.larder.testing.Stock.await;
import static dev.larder.webhooks.Hooks.answered;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Stock;
import dev.larder.testing.Tenant;
import dev.larder.webhooks.DeliveryRequestStore.Asked;
import dev.larder.webhooks.DeliveryStore.Leased;
import dev.larder.webhooks.DeliveryStore.Room;
import dev.larder.webhooks.DeliveryStore.Settled;
import dev.larder.webhooks.Verdict.Outcome;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Tuple;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which deliveries a server is given, and what becomes of them and of their webhook. */
@Timeout(60)
class DeliveryStoreTest {

    private final Stock stock = new Stock();
    private final Hooks hooks = new Hooks(stock);
    private final UUID preset = stock.declare("small", 1);
    private final UUID webhook = hooks.webhook("*");

    @AfterEach
    void close() {
        stock.close();
    }

    private void due(int deliveries) {
        hooks.happens("preset", preset, "preset.healthy", deliveries);
        hooks.fanOut(1_000);
    }

    private Asked asked() {
        return new Asked(stock.organization, webhook, stock.owner.userId(), hooks.now(), Hooks.A_DAY);
    }

    @Test
    void a_delivery_is_leased_with_all_that_its_request_needs() {
        due(1);

        Leased leased = hooks.lease().getFirst();

        assertThat(leased.webhook()).isEqualTo(webhook);
        assertThat(leased.attempt()).isEqualTo(1);
        assertThat(leased.message().url()).isEqualTo("https://example.org/hooks");
        assertThat(leased.message().secrets()).extracting(Secret::reveal).containsExactly(Hooks.SECRET.reveal());
        assertThat(leased.expiresAt()).isEqualTo(hooks.now().plus(Hooks.A_DAY));
        assertThat(hooks.lease()).isEmpty();
    }

    @Test
    void what_a_dead_server_had_leased_is_sent_by_another_one_with_the_same_id() {
        due(1);
        Leased dead = hooks.lease().getFirst();
        stock.clock.forward(Hooks.LEASE.minusMillis(1));
        assertThat(hooks.lease()).isEmpty();
        stock.clock.forward(Duration.ofMillis(1));

        Leased next = hooks.lease().getFirst();

        assertThat(next.id()).isEqualTo(dead.id());
        assertThat(next.attempt()).isEqualTo(2);
        assertThat(hooks.settle(dead, answered(500))).isEqualTo(new Settled(null, true));
        assertThat(hooks.settle(next, answered(200))).isEqualTo(new Settled(null, false));
        assertThat(hooks.status(next.id())).isEqualTo("delivered");
    }

    @Test
    void a_webhook_has_four_requests_open_at_once_and_one_while_it_fails() {
        due(10);

        List<Leased> first = hooks.lease();
        assertThat(first).hasSize(4);
        assertThat(hooks.lease()).isEmpty();
        hooks.settle(first.getFirst(), answered(200));
        assertThat(hooks.lease()).hasSize(1);

        first.stream().skip(1).forEach(leased -> hooks.settle(leased, answered(503)));
        assertThat(hooks.look(webhook).health().failingSince()).isEqualTo(hooks.now());
        assertThat(hooks.lease()).as("one of the first lease is still open").isEmpty();
    }

    @Test
    void a_webhook_that_fails_is_sent_one_delivery_at_a_time_until_one_succeeds() {
        due(10);
        hooks.lease().forEach(leased -> hooks.settle(leased, answered(500)));

        List<Leased> probe = hooks.lease();
        assertThat(probe).hasSize(1);
        assertThat(probe.getFirst().failing()).isTrue();
        hooks.settle(probe.getFirst(), answered(204));

        assertThat(hooks.look(webhook).health().failingSince()).isNull();
        assertThat(hooks.lease()).hasSize(4);
    }

    @Test
    void webhooks_that_fail_never_take_the_slots_of_others() {
        UUID good = hooks.webhook("*");
        List<UUID> bad = IntStream.range(0, 6).mapToObj(n -> hooks.webhook("*")).toList();
        due(3);
        stock.sql(
                "UPDATE webhooks SET failing_since = $1 WHERE id = ANY ($2)",
                Hooks.at(hooks.now()),
                bad.toArray(UUID[]::new));
        stock.sql("UPDATE webhook_deliveries SET due_at = due_at - interval '1 h' WHERE webhook_id = ANY ($1)", (Object)
                bad.toArray(UUID[]::new));

        List<Leased> leased = hooks.lease(new Room(8, 2, 4));

        assertThat(leased).filteredOn(Leased::failing).hasSize(2);
        assertThat(leased).filteredOn(one -> one.webhook().equals(good)).hasSize(3);
    }

    @Test
    void two_servers_at_the_same_time_lease_no_delivery_twice() {
        IntStream.range(0, 5).forEach(n -> hooks.webhook("*"));
        due(30);

        List<Leased> all = await(Uni.join()
                        .all(IntStream.range(0, 8)
                                .mapToObj(server -> hooks.deliveries.lease(
                                        Hooks.ROOM, hooks.now(), hooks.now().plus(Hooks.LEASE)))
                                .toList())
                        .andFailFast())
                .stream()
                .flatMap(List::stream)
                .toList();

        assertThat(all).extracting(Leased::id).doesNotHaveDuplicates();
        assertThat(all).isNotEmpty();
    }

    @Test
    void a_failed_attempt_is_repeated_later_with_the_same_id_and_is_shown() {
        due(1);
        Leased first = hooks.lease().getFirst();
        hooks.settle(first, new Outcome.Failed("timed_out"));
        assertThat(hooks.lease()).isEmpty();
        stock.clock.forward(Duration.ofSeconds(5));

        Leased second = hooks.lease().getFirst();
        hooks.settle(second, answered(200));

        assertThat(second.id()).isEqualTo(first.id());
        var shown =
                await(hooks.reads.find(stock.organization, webhook, first.id())).orElseThrow();
        assertThat(shown.attemptLog())
                .extracting(
                        WebhookViews.AttemptView::number,
                        WebhookViews.AttemptView::statusCode,
                        WebhookViews.AttemptView::errorCode)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple(1, null, "timed_out"),
                        org.assertj.core.groups.Tuple.tuple(2, 200, null));
        assertThat(shown.delivery().status()).isEqualTo("delivered");
        assertThat(shown.delivery().progress().errorCode()).isNull();
    }

    @Test
    void a_delivery_that_fails_for_a_day_has_failed_and_keeps_its_last_twenty_attempts() {
        due(1);
        UUID id = hooks.lease().getFirst().id();
        stock.clock.forward(Hooks.LEASE);
        while (hooks.status(id).equals("pending")) {
            hooks.lease().forEach(leased -> hooks.settle(leased, answered(500)));
            stock.clock.forward(Duration.ofMinutes(30));
        }

        var shown = await(hooks.reads.find(stock.organization, webhook, id)).orElseThrow();
        assertThat(shown.delivery().status()).isEqualTo("failed");
        assertThat(shown.delivery().progress().errorCode()).isEqualTo("refused");
        assertThat(shown.attemptLog()).hasSize(20);
        assertThat(shown.attemptLog().getLast().number())
                .isEqualTo(shown.delivery().progress().attempts());
        assertThat(hooks.look(webhook).health().enabled()).isTrue();
    }

    @Test
    void a_webhook_that_fails_for_three_days_is_disabled_and_its_admins_are_notified_once() {
        stock.sql("UPDATE webhooks SET failing_since = $1", Hooks.at(hooks.now().minus(Duration.ofHours(71))));
        due(1);
        hooks.settle(hooks.lease().getFirst(), answered(500));
        assertThat(hooks.look(webhook).health().enabled()).isTrue();
        stock.clock.forward(Duration.ofHours(1));

        Settled settled = hooks.settle(hooks.lease().getFirst(), answered(500));

        assertThat(settled.disabled()).isEqualTo("failing");
        var health = hooks.look(webhook).health();
        assertThat(health.enabled()).isFalse();
        assertThat(health.disabledReason()).isEqualTo("failing");
        assertThat(health.disabledAt()).isEqualTo(hooks.now());
        assertThat(stock.count("notifications WHERE kind = 'webhook_disabled' AND detail ->> 'reason' = 'failing'"))
                .isEqualTo(1);
        assertThat(hooks.lease()).isEmpty();
    }

    @Test
    void the_answer_410_disables_a_webhook_at_once() {
        due(5);
        List<Leased> leased = hooks.lease();

        assertThat(hooks.settle(leased.get(0), answered(410)).disabled()).isEqualTo("gone");
        assertThat(hooks.settle(leased.get(1), answered(410)).disabled()).isNull();

        assertThat(hooks.status(leased.get(0).id())).isEqualTo("failed");
        assertThat(hooks.look(webhook).health().disabledReason()).isEqualTo("gone");
        assertThat(stock.count("notifications WHERE kind = 'webhook_disabled'")).isEqualTo(1);
        hooks.enable(webhook, true);
        assertThat(hooks.look(webhook).health().failingSince()).isNull();
        assertThat(hooks.lease()).as("the fifth").hasSize(1);
    }

    @Test
    void deliveries_that_no_server_sends_end_after_their_day() {
        due(3);
        Leased leased = hooks.lease(new Room(1, 0, 1)).getFirst();
        hooks.enable(webhook, false);
        stock.clock.forward(Hooks.A_DAY.minusSeconds(1));
        assertThat(await(hooks.deliveries.expire(hooks.now(), 100))).isZero();
        stock.clock.forward(Duration.ofSeconds(1));

        assertThat(await(hooks.deliveries.expire(hooks.now(), 2))).isEqualTo(2);
        assertThat(await(hooks.deliveries.expire(hooks.now(), 2))).isEqualTo(1);
        assertThat(hooks.status(leased.id())).isEqualTo("failed");
        assertThat(stock.count("webhook_deliveries WHERE error_code = 'expired' AND due_at IS NULL"))
                .isEqualTo(3);
    }

    @Test
    void deliveries_of_a_deleted_webhook_are_sent_no_more() {
        due(2);
        assertThat(await(hooks.webhooks.delete(stock.organization, webhook, stock.owner.userId(), hooks.now())))
                .isTrue();

        assertThat(hooks.lease()).isEmpty();
        assertThat(await(hooks.webhooks.delete(stock.organization, webhook, stock.owner.userId(), hooks.now())))
                .isFalse();
    }

    @Test
    void a_webhook_that_takes_too_little_is_disabled() {
        due(5);

        assertThat(await(hooks.deliveries.limitBacklog(5, hooks.now()))).isZero();
        assertThat(await(hooks.deliveries.limitBacklog(4, hooks.now()))).isEqualTo(1);

        assertThat(hooks.look(webhook).health().disabledReason()).isEqualTo("backlog");
        assertThat(stock.count("notifications WHERE kind = 'webhook_disabled'")).isEqualTo(1);
    }

    @Test
    void a_delivery_is_sent_once_more_with_the_same_id() {
        due(1);
        Leased first = hooks.lease().getFirst();
        hooks.settle(first, answered(200));
        stock.clock.forward(Duration.ofDays(2));

        assertThat(await(hooks.requests.again(asked(), first.id()))).isPresent();

        Leased again = hooks.lease().getFirst();
        assertThat(again.id()).isEqualTo(first.id());
        assertThat(again.attempt()).isEqualTo(1);
        assertThat(again.expiresAt()).isEqualTo(hooks.now().plus(Hooks.A_DAY));
        assertThat(await(hooks.requests.again(asked(), first.id()))
                        .orElseThrow()
                        .status())
                .as("while it is sent")
                .isEqualTo("pending");
        assertThat(hooks.lease()).as("it is not sent twice at a time").isEmpty();
        assertThat(stock.count("audit WHERE action = 'webhook.redeliver'")).isEqualTo(2);
    }

    @Test
    void a_disabled_webhook_is_neither_tried_nor_sent_anything_again() {
        due(1);
        Leased first = hooks.lease().getFirst();
        hooks.settle(first, answered(200));
        hooks.enable(webhook, false);

        assertThat(await(hooks.requests.again(asked(), first.id()))).isEmpty();
        assertThat(await(hooks.requests.test(asked()))).isEmpty();
    }

    @Test
    void a_webhook_is_tried_out() {
        var made = await(hooks.requests.test(asked())).orElseThrow();

        Leased leased = hooks.lease().getFirst();
        assertThat(leased.id()).isEqualTo(made.id());
        assertThat(leased.message().body()).contains("webhook.test", stock.organization.toString());
        assertThat(made.type()).isEqualTo("webhook.test");
    }

    @Test
    void the_old_secret_signs_until_its_time_is_over_and_a_third_one_ends_it() {
        Secret second = Secret.of("b".repeat(32).getBytes(StandardCharsets.US_ASCII));
        due(3);
        rotate(second, Duration.ofHours(1));

        assertThat(secrets()).containsExactly(second.reveal(), Hooks.SECRET.reveal());
        stock.clock.forward(Duration.ofHours(1));
        assertThat(secrets()).containsExactly(second.reveal());
        rotate(Hooks.SECRET, Duration.ZERO);
        assertThat(secrets()).containsExactly(Hooks.SECRET.reveal());
        assertThat(hooks.look(webhook).previousSecretUntil()).isNull();
    }

    private void rotate(Secret secret, Duration overlap) {
        var rotated = await(hooks.webhooks.rotate(
                        stock.organization,
                        webhook,
                        secret,
                        hooks.now().plus(overlap),
                        stock.owner.userId(),
                        hooks.now()))
                .orElseThrow();
    }

    private List<String> secrets() {
        return hooks.lease(new Room(1, 0, 4)).getFirst().message().secrets().stream()
                .map(Secret::reveal)
                .toList();
    }

    @Test
    void a_secret_of_another_key_is_reported_as_unreadable_and_not_as_a_fault_of_all() {
        due(1);
        stock.sql("UPDATE webhooks SET secret_sealed = '\\x0102'::bytea");

        assertThat(hooks.lease().getFirst().message().secrets()).isEmpty();
    }

    @Test
    void another_organization_finds_neither_webhook_nor_deliveries() {
        due(1);
        UUID other = new Tenant(stock, "other").organization;
        UUID delivery = hooks.lease().getFirst().id();

        assertThat(await(hooks.webhooks.find(other, webhook, hooks.now()))).isEmpty();
        assertThat(await(hooks.reads.find(other, webhook, delivery))).isEmpty();
        assertThat(await(hooks.webhooks.delete(other, webhook, stock.owner.userId(), hooks.now())))
                .isFalse();
    }

    @Test
    void no_secret_and_no_url_is_in_the_audit_log_and_each_change_is() {
        rotate(Hooks.SECRET, Duration.ofHours(1));
        hooks.enable(webhook, false);
        var deleted = await(hooks.webhooks.delete(stock.organization, webhook, stock.owner.userId(), hooks.now()));

        assertThat(stock.count("audit WHERE action LIKE 'webhook.%'")).isEqualTo(4);
        assertThat(stock.integer(
                        "SELECT count(*)::integer AS n FROM audit WHERE detail::text LIKE '%/hooks%' OR detail::text LIKE '%' || $1 || '%'",
                        Tuple.of(Hooks.SECRET.reveal())))
                .isZero();
    }
}
