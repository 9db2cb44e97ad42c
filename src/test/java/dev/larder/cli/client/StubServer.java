package dev.larder.cli.client;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.larder.cli.Version;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

/** A server that answers as a test wants, also as no Larder server would. */
final class StubServer implements AutoCloseable {

    /** What it got: the method, the target and the token. */
    record Got(String method, String target, String authorization) {}

    /** Answers one call. */
    interface Answering {
        void answer(HttpExchange call) throws IOException;
    }

    private final HttpServer server;
    private final List<Got> got = new CopyOnWriteArrayList<>();
    private final CountDownLatch closed = new CountDownLatch(1);

    private StubServer(HttpServer server) {
        this.server = server;
    }

    static StubServer answering(Answering answering) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        StubServer stub = new StubServer(server);
        server.createContext("/", call -> {
            stub.got.add(new Got(
                    call.getRequestMethod(),
                    call.getRequestURI().toString(),
                    String.valueOf(call.getRequestHeaders().getFirst("Authorization"))));
            answering.answer(call);
            call.close();
        });
        server.start();
        return stub;
    }

    /** A Larder server of this version that answers every call so. */
    static StubServer answering(int status, String json) throws IOException {
        return answering(call -> send(call, Version.number(), status, json));
    }

    /** One that takes a call, sends this much of an answer, and stays silent. */
    static StubServer silent(String begun) throws IOException {
        StubServer[] itself = new StubServer[1];
        itself[0] = answering(call -> {
            if (!begun.isEmpty()) {
                call.sendResponseHeaders(200, 1000);
                call.getResponseBody().write(begun.getBytes(StandardCharsets.UTF_8));
                call.getResponseBody().flush();
            }
            try {
                itself[0].closed.await();
            } catch (InterruptedException ending) {
                Thread.currentThread().interrupt();
            }
        });
        return itself[0];
    }

    /** @param version empty for a server that does not say it */
    static void send(HttpExchange call, String version, int status, String json) throws IOException {
        byte[] body = json.getBytes(StandardCharsets.UTF_8);
        if (!version.isEmpty()) {
            call.getResponseHeaders().add(ServerVersion.HEADER, version);
        }
        call.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        call.getResponseBody().write(body);
    }

    String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    List<Got> got() {
        return got;
    }

    @Override
    public void close() {
        closed.countDown();
        server.stop(0);
    }
}
