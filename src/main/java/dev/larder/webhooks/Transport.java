package dev.larder.webhooks;

import dev.larder.webhooks.Verdict.Outcome;
import io.smallrye.mutiny.TimeoutException;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClosedException;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.net.SocketAddress;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.core.buffer.Buffer;
import io.vertx.mutiny.core.http.HttpClient;
import io.vertx.mutiny.core.http.HttpClientRequest;
import io.vertx.mutiny.core.http.HttpClientResponse;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLException;

/**
 * Sends one request to a receiver. The host is looked up once, its address is checked, and that address is connected
 * to: a name cannot mean another one in between. TLS checks the certificate against the name. Redirects are not
 * followed. Of the answer only the status and {@code Retry-After} are used.
 */
final class Transport {

    private static final int ANSWER_BYTES_MAX = 64 * 1_024;
    private static final Duration ANSWER_READ_WITHIN = Duration.ofSeconds(1);

    /** Looking up, connecting and the handshake have this part of the time each, so that the request is left some. */
    private static final int PARTS = 4;

    private static final int CAUSES_MAX = 16;
    private static final String UNKNOWN_HOST = "unknown_host";

    private final Vertx vertx;
    private final HttpClient client;
    private final Networks networks;
    private final Resolver resolver;
    private final InstantSource clock;
    private final Duration timeout;

    /** Looks a name up. Blocks. */
    interface Resolver {

        List<InetAddress> resolve(String host) throws UnknownHostException;

        /** As this host does. */
        static List<InetAddress> system(String host) throws UnknownHostException {
            return Arrays.asList(InetAddress.getAllByName(host));
        }
    }

    /**
     * One request.
     *
     * @param attempt 1 for the first; a host with several addresses is called at another one each time
     * @param timestamp seconds since 1970, which the signatures are for
     */
    record Request(UUID id, Receiver receiver, String body, int attempt, long timestamp, String signatures) {}

    /** What a look-up gives. A failure that comes late would be logged with its trace, so there are none. */
    private sealed interface Found {

        record At(InetAddress address) implements Found {}

        record Nowhere(String code) implements Found {}
    }

    /**
     * Sets the bounds.
     *
     * @param options of TLS; the others are set here
     * @param connectionsMax to one host
     * @param timeout of a request, from the look-up to the head of the answer
     */
    Transport(
            Vertx vertx,
            HttpClientOptions options,
            int connectionsMax,
            Duration timeout,
            Networks networks,
            Resolver resolver,
            InstantSource clock) {
        this.vertx = vertx;
        this.networks = networks;
        this.resolver = resolver;
        this.clock = clock;
        this.timeout = timeout;
        int part = Math.max(1, (int) timeout.toMillis() / PARTS);
        this.client = vertx.createHttpClient(new HttpClientOptions(options)
                .setKeepAlive(false)
                .setMaxPoolSize(connectionsMax)
                .setConnectTimeout(part)
                .setSslHandshakeTimeout(part)
                .setSslHandshakeTimeoutUnit(TimeUnit.MILLISECONDS)
                .setIdleTimeout((int)
                        timeout.plusSeconds(ANSWER_READ_WITHIN.toSeconds() + 1).toSeconds()));
    }

    /** Never fails: what goes wrong is an outcome. */
    Uni<Outcome> send(Request request) {
        return found(request)
                .chain(found -> called(request, found))
                .ifNoItem()
                .after(timeout)
                .fail()
                .onFailure()
                .recoverWithItem(failure -> new Outcome.Failed(code(failure)));
    }

    private Uni<Found> found(Request request) {
        return Uni.createFrom()
                .item(() -> lookedUp(request))
                .runSubscriptionOn(Infrastructure.getDefaultWorkerPool())
                .ifNoItem()
                .after(timeout.dividedBy(PARTS))
                .recoverWithItem(new Found.Nowhere(UNKNOWN_HOST));
    }

    private Found lookedUp(Request request) {
        try {
            List<InetAddress> allowed = resolver.resolve(request.receiver().host()).stream()
                    .filter(networks::allows)
                    .toList();
            return allowed.isEmpty()
                    ? new Found.Nowhere("address_not_allowed")
                    : new Found.At(allowed.get((request.attempt() - 1) % allowed.size()));
        } catch (UnknownHostException unknown) {
            return new Found.Nowhere(UNKNOWN_HOST);
        }
    }

    private Uni<Outcome> called(Request request, Found found) {
        return switch (found) {
            case Found.At(InetAddress address) -> call(request, address);
            case Found.Nowhere(String code) -> Uni.createFrom().item(new Outcome.Failed(code));
        };
    }

    private Uni<Outcome> call(Request request, InetAddress address) {
        return client.request(options(request, address))
                .chain(ready -> sent(ready, request.body()))
                .map(this::outcome);
    }

    private static Uni<HttpClientResponse> sent(HttpClientRequest ready, String body) {
        return ready.send(Buffer.buffer(body)).onCancellation().invoke(ready::reset);
    }

    private static RequestOptions options(Request request, InetAddress address) {
        Receiver receiver = request.receiver();
        return new RequestOptions()
                .setMethod(HttpMethod.POST)
                // The connection goes to this address; host and port are those of the certificate and the Host header.
                .setServer(SocketAddress.inetSocketAddress(new InetSocketAddress(address, receiver.port())))
                .setHost(receiver.host())
                .setPort(receiver.port())
                .setSsl(receiver.tls())
                .setFollowRedirects(false)
                .setURI(receiver.target())
                .putHeader("Host", receiver.authority())
                .putHeader("Content-Type", "application/json")
                .putHeader("User-Agent", "Larder")
                .putHeader("webhook-id", request.id().toString())
                .putHeader("webhook-timestamp", String.valueOf(request.timestamp()))
                .putHeader("webhook-signature", request.signatures());
    }

    private Outcome outcome(HttpClientResponse response) {
        discardBody(response);
        return new Outcome.Answered(
                response.statusCode(), RetryAfter.of(response.getHeader("Retry-After"), clock.instant()));
    }

    /** A receiver that still writes is let finish a short answer; a long one is cut. */
    private void discardBody(HttpClientResponse response) {
        var answer = response.getDelegate();
        HttpConnection connection = answer.request().connection();
        AtomicInteger bytes = new AtomicInteger();
        long timer = vertx.setTimer(ANSWER_READ_WITHIN.toMillis(), late -> cut(connection));
        answer.exceptionHandler(broken -> {})
                .endHandler(whole -> {
                    boolean unused = vertx.cancelTimer(timer);
                })
                .handler(part -> {
                    if (bytes.addAndGet(part.length()) > ANSWER_BYTES_MAX) {
                        cut(connection);
                    }
                });
    }

    private static void cut(HttpConnection connection) {
        var unused = connection.close();
    }

    /** Stable, and without anything that the receiver or the network said. */
    private static String code(Throwable failure) {
        Throwable cause = failure;
        for (int depth = 0; cause != null && depth < CAUSES_MAX; depth++) {
            switch (cause) {
                case SSLException untrusted -> {
                    return "tls_failed";
                }
                case ConnectException refused -> {
                    return "connection_failed";
                }
                case TimeoutException late -> {
                    return "timed_out";
                }
                case HttpClosedException closed -> {
                    return "connection_closed";
                }
                default -> cause = cause.getCause();
            }
        }
        return failure instanceof IOException ? "connection_closed" : "invalid_answer";
    }

    void close() {
        var unused = client.close().subscribeAsCompletionStage();
    }
}
