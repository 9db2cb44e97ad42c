package dev.larder.cli.client;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;

/** Answers as a test says and remembers what it was asked: for answers that are lost or come too late. */
final class ScriptedServer implements AutoCloseable {

    /** @param key the Idempotency-Key, empty where there is none */
    record Asked(String method, String path, String key, String body) {

        String call() {
            return method + " " + path;
        }
    }

    /** @param status 0 closes the connection without an answer */
    record Reply(int status, String body) {

        static final Reply NONE = new Reply(0, "");
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final List<Asked> asked = new CopyOnWriteArrayList<>();
    private final Function<Asked, Reply> script;

    ScriptedServer(Function<Asked, Reply> script) throws IOException {
        this.script = script;
        this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::answer);
        server.start();
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            String key = exchange.getRequestHeaders().getFirst("Idempotency-Key");
            Asked call = new Asked(
                    exchange.getRequestMethod(),
                    exchange.getRequestURI().toString(),
                    key == null ? "" : key,
                    new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            asked.add(call);
            Reply reply = script.apply(call);
            if (reply.status() == 0) {
                return;
            }
            byte[] body = reply.body().getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(reply.status(), body.length == 0 ? -1 : body.length);
            exchange.getResponseBody().write(body);
        }
    }

    String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    List<Asked> asked() {
        return List.copyOf(asked);
    }

    List<String> calls() {
        return asked.stream().map(Asked::call).toList();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.close();
    }
}
