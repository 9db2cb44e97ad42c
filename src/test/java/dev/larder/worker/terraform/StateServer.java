package dev.larder.worker.terraform;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The smallest server that keeps states for the tool's http backend, with faults on request. */
final class StateServer implements AutoCloseable {

    private final HttpServer server;
    private final List<String> calls = new CopyOnWriteArrayList<>();
    private final List<String> credentials = new CopyOnWriteArrayList<>();
    private final AtomicInteger failingWrites = new AtomicInteger();
    private volatile byte @Nullable [] state;
    private volatile boolean refusing;
    private volatile @Nullable String lock;

    StateServer() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.setExecutor(
                Executors.newCachedThreadPool(Thread.ofPlatform().daemon().factory()));
        server.start();
    }

    String address() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    /** What was asked, in order: {@code POST lock}, {@code GET}, {@code POST}, {@code DELETE lock}. */
    List<String> calls() {
        return List.copyOf(calls);
    }

    /** The header of each call. */
    List<String> credentials() {
        return List.copyOf(credentials);
    }

    Optional<String> state() {
        return Optional.ofNullable(state).map(bytes -> new String(bytes, StandardCharsets.UTF_8));
    }

    /** The next writes are answered with 500. */
    void failWrites(int count) {
        failingWrites.set(count);
    }

    /** All writes are refused. */
    void refuseWrites() {
        refusing = true;
    }

    /** Another client holds the lock. */
    void lockedBy(String id) {
        lock = id;
    }

    Optional<String> lock() {
        return Optional.ofNullable(lock);
    }

    private synchronized void answer(HttpExchange exchange) throws IOException {
        byte[] body = exchange.getRequestBody().readAllBytes();
        boolean ofLock = exchange.getRequestURI().getPath().endsWith("/lock");
        calls.add(exchange.getRequestMethod() + (ofLock ? " lock" : ""));
        credentials.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
        try (exchange) {
            if (ofLock) {
                locking(exchange, new String(body, StandardCharsets.UTF_8));
            } else if (exchange.getRequestMethod().equals("GET")) {
                byte[] kept = state;
                send(exchange, kept == null ? 404 : 200, kept == null ? new byte[0] : kept);
            } else if (refusing) {
                send(exchange, 409, new byte[0]);
            } else if (failingWrites.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
                send(exchange, 500, new byte[0]);
            } else if (!("ID=" + lock).equals(exchange.getRequestURI().getQuery())) {
                send(exchange, 423, holder());
            } else {
                state = body;
                send(exchange, 200, new byte[0]);
            }
        }
    }

    private void locking(HttpExchange exchange, String info) throws IOException {
        String id = info.replaceFirst("(?s).*\"ID\":\"([^\"]*)\".*", "$1");
        String held = lock;
        if (held != null && !held.equals(id)) {
            send(exchange, exchange.getRequestMethod().equals("POST") ? 423 : 409, holder());
        } else {
            lock = exchange.getRequestMethod().equals("POST") ? id : null;
            send(exchange, 200, new byte[0]);
        }
    }

    private byte[] holder() {
        return ("{\"ID\":\"" + lock + "\",\"Who\":\"test\",\"Operation\":\"OperationTypeApply\"}")
                .getBytes(StandardCharsets.UTF_8);
    }

    private static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
