package dev.larder.webhooks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.Stock;
import dev.larder.wakeup.Ticker;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.mutiny.sqlclient.Tuple;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A server that sends to receivers of this process. */
@Timeout(60)
class SenderTest {

    private static final Vertx VERTX = Databases.vertx().getDelegate();

    private final Stock stock = new Stock();
    private final Hooks hooks = new Hooks(stock);
    private final UUID preset = stock.declare("small", 1);
    private final AtomicInteger hanging = new AtomicInteger();
    private final AtomicInteger hangingMost = new AtomicInteger();
    private final AtomicInteger good = new AtomicInteger();
    private HttpServer receiver;
    private Transport transport;
    private Sender sender;

    private record Settings(int atOnce, Duration timeout) implements WebhookSettings {

        @Override
        public int perOrganization() {
            return 20;
        }

        @Override
        public boolean http() {
            return true;
        }

        @Override
        public Optional<List<String>> allowedNetworks() {
            return Optional.of(List.of("127.0.0.1/32"));
        }

        @Override
        public int atOncePerWebhook() {
            return 4;
        }

        @Override
        public Duration giveUpAfter() {
            return Hooks.A_DAY;
        }

        @Override
        public Duration disableAfter() {
            return Hooks.DISABLE_AFTER;
        }

        @Override
        public int pendingMax() {
            return 1_000;
        }
    }

    @BeforeEach
    void listen() throws Exception {
        receiver = VERTX.createHttpServer()
                .requestHandler(request -> {
                    if (request.path().equals("/hang")) {
                        hangingMost.accumulateAndGet(hanging.incrementAndGet(), Math::max);
                        request.connection().closeHandler(closed -> hanging.decrementAndGet());
                    } else {
                        good.incrementAndGet();
                        request.response().end();
                    }
                })
                .listen(0, "127.0.0.1")
                .toCompletionStage()
                .toCompletableFuture()
                .get(10, TimeUnit.SECONDS);
        Settings settings = new Settings(4, Duration.ofMillis(400));
        transport = new Transport(
                Databases.vertx(),
                new HttpClientOptions(),
                settings.atOnce(),
                settings.timeout(),
                Webhooks.networks(settings),
                host -> List.of(InetAddress.getByName("127.0.0.1")),
                stock.clock);
        sender = new Sender(
                hooks.deliveries, transport, stock.clock, settings, verdict -> {}, new Ticker(Databases.vertx()));
    }

    @AfterEach
    void close() {
        var stopped = Stock.await(sender.stop(Duration.ofSeconds(10)).replaceWith(true));
        transport.close();
        var unused = receiver.close();
        stock.close();
    }

    @CanIgnoreReturnValue
    private UUID webhook(String path) {
        UUID webhook = hooks.webhook("*");
        stock.sql(
                "UPDATE webhooks SET url = $1 WHERE id = $2",
                "http://hook.test:" + receiver.actualPort() + path,
                webhook);
        return webhook;
    }

    private int pending(UUID webhook) {
        return stock.integer(
                "SELECT count(*)::integer AS n FROM webhook_deliveries WHERE webhook_id = $1 AND status = 'pending'",
                Tuple.of(webhook));
    }

    @Test
    void receivers_that_hang_hold_up_none_that_answers() {
        IntStream.range(0, 6).forEach(n -> webhook("/hang"));
        UUID answering = webhook("/good");
        hooks.happens("preset", preset, "preset.healthy", 8);
        hooks.fanOut(1_000);

        sender.wakeIf(true);
        Eventually.see(() -> pending(answering), left -> left == 0);

        assertThat(good).hasValue(8);
        assertThat(hangingMost).hasValueLessThanOrEqualTo(4);
        // From now on they are known to fail: half of the slots, and one request each.
        hangingMost.set(0);
        Eventually.see(hanging::get, open -> open <= 2);
        hooks.happens("preset", preset, "preset.healthy", 8);
        hooks.fanOut(1_000);
        sender.wakeIf(true);
        Eventually.see(() -> pending(answering), left -> left == 0);
        assertThat(good).hasValue(16);
    }

    @Test
    void what_was_sent_is_settled_and_a_stop_waits_for_it() {
        UUID answering = webhook("/good");
        hooks.happens("preset", preset, "preset.healthy", 3);
        hooks.fanOut(1_000);

        sender.wakeIf(true);
        Eventually.see(good::get, sent -> sent == 3);
        var stopped = Stock.await(sender.stop(Duration.ofSeconds(10)).replaceWith(true));

        assertThat(pending(answering)).isZero();
    }
}
