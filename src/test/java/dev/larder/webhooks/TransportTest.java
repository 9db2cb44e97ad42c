package dev.larder.webhooks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Certificates;
import dev.larder.testing.Databases;
import dev.larder.testing.Stock;
import dev.larder.webhooks.Transport.Request;
import dev.larder.webhooks.Transport.Resolver;
import dev.larder.webhooks.Verdict.Outcome;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Requests to receivers that answer, and to those that do everything else. */
@Timeout(60)
class TransportTest {

    private static final Vertx VERTX = Databases.vertx().getDelegate();
    private static final Networks LOOPBACK = new Networks(List.of("127.0.0.0/8"));
    private static final Networks PUBLIC = new Networks(List.of());
    private static final Duration SHORT = Duration.ofMillis(800);
    private static final Duration LONG = Duration.ofSeconds(20);
    private static final UUID ID = UUID.fromString("00000000-0000-7000-8000-00000000000a");

    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable one : open) {
            one.close();
        }
    }

    private static <T> T get(io.vertx.core.Future<T> future) throws Exception {
        return future.toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
    }

    private int http(Consumer<HttpServerRequest> answers) throws Exception {
        return http(new HttpServerOptions(), answers);
    }

    private int http(HttpServerOptions options, Consumer<HttpServerRequest> answers) throws Exception {
        HttpServer server =
                get(VERTX.createHttpServer(options.setHost("127.0.0.1").setPort(0))
                        .requestHandler(answers::accept)
                        .listen());
        open.add(() -> get(server.close()));
        return server.actualPort();
    }

    private int tcp(Consumer<NetSocket> answers) throws Exception {
        NetServer server = get(VERTX.createNetServer(
                        new NetServerOptions().setHost("127.0.0.1").setPort(0))
                .connectHandler(answers::accept)
                .listen());
        open.add(() -> get(server.close()));
        return server.actualPort();
    }

    private Transport transport(Duration timeout, Networks networks, Resolver resolver) {
        return transport(new HttpClientOptions(), timeout, networks, resolver);
    }

    private Transport transport(HttpClientOptions options, Duration timeout, Networks networks, Resolver resolver) {
        Transport transport =
                new Transport(Databases.vertx(), options, 8, timeout, networks, resolver, InstantSource.system());
        open.add(transport::close);
        return transport;
    }

    /** Every name is one of this host. */
    private static List<InetAddress> loopback(String host) throws UnknownHostException {
        return List.of(InetAddress.getByName("127.0.0.1"));
    }

    private static Outcome send(Transport transport, boolean tls, String host, int port) {
        return Stock.await(transport.send(new Request(
                ID, new Receiver(tls, host, port, "/hooks?a=1"), "{\"a\": \"ü\"}", 1, 1_700_000_000, "v1,abc=")));
    }

    private Outcome send(int port) {
        return send(transport(LONG, LOOPBACK, TransportTest::loopback), false, "hook.test", port);
    }

    private static Outcome answered(int status) {
        return new Outcome.Answered(status, Optional.empty());
    }

    @Test
    void a_receiver_is_sent_the_body_and_the_headers_of_standard_webhooks() throws Exception {
        Queue<String> seen = new ConcurrentLinkedQueue<>();
        int port = http(request -> request.bodyHandler(body -> {
            for (String header : List.of(
                    "Host", "Content-Type", "User-Agent", "webhook-id", "webhook-timestamp", "webhook-signature")) {
                seen.add(header + ": " + request.getHeader(header));
            }
            seen.add(request.method() + " " + request.uri());
            seen.add(body.toString());
            request.response().setStatusCode(204).end();
        }));

        assertThat(send(port)).isEqualTo(answered(204));

        assertThat(seen)
                .containsExactly(
                        "Host: hook.test:" + port,
                        "Content-Type: application/json",
                        "User-Agent: Larder",
                        "webhook-id: " + ID,
                        "webhook-timestamp: 1700000000",
                        "webhook-signature: v1,abc=",
                        "POST /hooks?a=1",
                        "{\"a\": \"ü\"}");
    }

    @Test
    void a_redirect_is_not_followed_wherever_it_leads() throws Exception {
        AtomicInteger requests = new AtomicInteger();
        int[] port = new int[1];
        port[0] = http(request -> {
            requests.incrementAndGet();
            request.response()
                    .setStatusCode(302)
                    .putHeader("Location", "http://127.0.0.1:" + port[0] + "/inside")
                    .end();
        });

        assertThat(send(port[0])).isEqualTo(answered(302));
        assertThat(requests).hasValue(1);
    }

    @Test
    void a_receiver_says_when_to_come_again() throws Exception {
        int port = http(request -> request.response()
                .setStatusCode(429)
                .putHeader("Retry-After", "120")
                .end());

        assertThat(send(port)).isEqualTo(new Outcome.Answered(429, Optional.of(Duration.ofSeconds(120))));
    }

    @Test
    void a_receiver_that_never_answers_is_left_after_the_time_of_an_attempt() throws Exception {
        int port = http(request -> {});

        assertThat(send(transport(SHORT, LOOPBACK, TransportTest::loopback), false, "hook.test", port))
                .isEqualTo(new Outcome.Failed("timed_out"));
    }

    @Test
    void a_receiver_that_sends_its_head_byte_by_byte_is_left_after_the_time_of_an_attempt() throws Exception {
        int port = tcp(socket -> {
            var timer = VERTX.setPeriodic(50, tick -> socket.write("x"));
            socket.write("HTTP/1.1 200 OK\r\nX-Slow: ");
            socket.closeHandler(closed -> VERTX.cancelTimer(timer));
        });

        assertThat(send(transport(SHORT, LOOPBACK, TransportTest::loopback), false, "hook.test", port))
                .isEqualTo(new Outcome.Failed("timed_out"));
    }

    @Test
    void a_body_without_end_is_cut_and_its_status_counts() throws Exception {
        var closed = new java.util.concurrent.CompletableFuture<Void>();
        int port = http(request -> {
            var response = request.response().setChunked(true);
            request.connection().closeHandler(ended -> closed.complete(null));
            pour(request, response);
        });

        assertThat(send(port)).isEqualTo(answered(200));
        var unused = closed.get(10, TimeUnit.SECONDS);
    }

    private static void pour(HttpServerRequest request, io.vertx.core.http.HttpServerResponse response) {
        response.write(Buffer.buffer(new byte[8_192])).onSuccess(written -> pour(request, response));
    }

    @Test
    void a_body_that_stops_in_the_middle_is_left_after_a_second() throws Exception {
        var closed = new java.util.concurrent.CompletableFuture<Void>();
        int port = tcp(socket -> {
            socket.closeHandler(ended -> closed.complete(null));
            socket.handler(request -> socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"));
        });

        assertThat(send(port)).isEqualTo(answered(200));
        var unused = closed.get(10, TimeUnit.SECONDS);
    }

    @Test
    void garbage_is_no_answer() throws Exception {
        int port = tcp(socket -> socket.handler(request -> socket.write("\u0000\u0001 hello\r\n\r\n")));

        assertThat(send(port)).isInstanceOf(Outcome.Failed.class);
    }

    @Test
    void headers_without_end_are_no_answer() throws Exception {
        int port = tcp(socket -> socket.handler(request -> {
            socket.write("HTTP/1.1 200 OK\r\n");
            socket.write("X-Long: " + "x".repeat(1_000_000) + "\r\n");
        }));

        assertThat(send(port)).isInstanceOf(Outcome.Failed.class);
    }

    @Test
    void a_receiver_that_closes_the_connection_has_not_answered() throws Exception {
        int port = tcp(socket -> socket.handler(request -> socket.close()));

        assertThat(send(port)).isEqualTo(new Outcome.Failed("connection_closed"));
    }

    @Test
    void a_port_on_which_nothing_listens_cannot_be_connected() throws Exception {
        NetServer server =
                get(VERTX.createNetServer().connectHandler(socket -> {}).listen(0, "127.0.0.1"));
        int port = server.actualPort();
        get(server.close());

        assertThat(send(port)).isEqualTo(new Outcome.Failed("connection_failed"));
    }

    @Test
    void no_connection_is_made_to_an_address_that_is_not_allowed() throws Exception {
        AtomicInteger connections = new AtomicInteger();
        int port = tcp(socket -> connections.incrementAndGet());
        Transport transport = transport(LONG, PUBLIC, TransportTest::loopback);

        assertThat(send(transport, false, "hook.test", port)).isEqualTo(new Outcome.Failed("address_not_allowed"));
        assertThat(send(transport, false, "127.0.0.1", port)).isEqualTo(new Outcome.Failed("address_not_allowed"));
        assertThat(connections).hasValue(0);
    }

    /** A name server that answers with a good address first and with an inside one then gains nothing. */
    @Test
    void a_name_is_looked_up_once_and_the_checked_address_is_connected_to() throws Exception {
        AtomicInteger lookUps = new AtomicInteger();
        int port = http(request -> request.response().end());
        Resolver rebinding =
                host -> List.of(InetAddress.getByName(lookUps.incrementAndGet() == 1 ? "127.0.0.1" : "127.0.0.2"));
        Transport transport = transport(LONG, new Networks(List.of("127.0.0.1/32")), rebinding);

        assertThat(send(transport, false, "hook.test", port)).isEqualTo(answered(200));
        assertThat(lookUps).hasValue(1);
        assertThat(send(transport, false, "hook.test", port)).isEqualTo(new Outcome.Failed("address_not_allowed"));
    }

    @Test
    void of_several_addresses_only_an_allowed_one_is_called() throws Exception {
        int port = http(request -> request.response().end());
        Resolver several = host -> List.of(
                InetAddress.getByName("10.0.0.1"), InetAddress.getByName("127.0.0.1"), InetAddress.getByName("::1"));

        assertThat(send(transport(LONG, LOOPBACK, several), false, "hook.test", port))
                .isEqualTo(answered(200));
    }

    @Test
    void a_name_that_is_not_found_or_not_in_time_is_reported_as_unknown() throws Exception {
        Resolver unknown = host -> {
            throw new UnknownHostException(host);
        };
        var never = new java.util.concurrent.CountDownLatch(1);
        Resolver hanging = host -> {
            boolean unused = uninterruptibly(never);
            return List.of();
        };

        assertThat(send(transport(LONG, LOOPBACK, unknown), false, "hook.test", 80))
                .isEqualTo(new Outcome.Failed("unknown_host"));
        assertThat(send(transport(SHORT, LOOPBACK, hanging), false, "hook.test", 80))
                .isEqualTo(new Outcome.Failed("unknown_host"));
        never.countDown();
    }

    private static boolean uninterruptibly(java.util.concurrent.CountDownLatch latch) {
        try {
            return latch.await(20, TimeUnit.SECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Test
    void the_certificate_must_be_trusted_and_made_out_to_the_name() throws Exception {
        Path folder = Path.of("target", "certificates-webhooks");
        Certificates certificates = new Certificates(folder, "dns:hook.test");
        Queue<String> names = new ConcurrentLinkedQueue<>();
        int port = http(
                new HttpServerOptions()
                        .setSsl(true)
                        .setSni(true)
                        .setKeyCertOptions(new PemKeyCertOptions()
                                .setCertPath(folder.resolve("server.pem").toString())
                                .setKeyPath(folder.resolve("server-key.pem").toString())),
                request -> {
                    names.add(String.valueOf(request.connection().indicatedServerName()));
                    request.response().end();
                });
        HttpClientOptions trusting = new HttpClientOptions()
                .setTrustOptions(new PemTrustOptions()
                        .addCertPath(certificates.authority().toString()));

        Transport trusted = transport(trusting, LONG, LOOPBACK, TransportTest::loopback);
        assertThat(send(trusted, true, "hook.test", port)).isEqualTo(answered(200));
        assertThat(names).containsExactly("hook.test");
        assertThat(send(trusted, true, "other.test", port)).isEqualTo(new Outcome.Failed("tls_failed"));
        assertThat(send(trusted, true, "127.0.0.1", port)).isEqualTo(new Outcome.Failed("tls_failed"));
        assertThat(send(transport(LONG, LOOPBACK, TransportTest::loopback), true, "hook.test", port))
                .isEqualTo(new Outcome.Failed("tls_failed"));
        assertThat(send(trusted, false, "hook.test", port)).isInstanceOf(Outcome.Failed.class);
    }
}
