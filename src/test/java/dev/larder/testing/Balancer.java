package dev.larder.testing;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A plain HTTP balancer: it asks each server's readiness every 200 ms, gives requests in turn to those that are
 * ready, keeps connections on both sides, and tries nothing twice. Where a server refuses or cuts a request it
 * answers 502, where no server is ready 503.
 */
public final class Balancer implements AutoCloseable {

    private static final Duration POLL = Duration.ofMillis(200);
    private static final int CONNECT_MILLIS = 1_000;
    private static final int HEAD_MAX = 64 * 1024;

    private final List<Backend> backends = new CopyOnWriteArrayList<>();
    private final List<Socket> clients = new CopyOnWriteArrayList<>();
    private final AtomicInteger turn = new AtomicInteger();
    private final ServerSocket listening;
    private volatile boolean closed;

    public Balancer() {
        try {
            listening = new ServerSocket(0, 200, InetAddress.getByName("127.0.0.1"));
        } catch (IOException noPort) {
            throw new UncheckedIOException(noPort);
        }
        Thread accepting = Thread.ofVirtual().start(this::accept);
        Thread polling = Thread.ofVirtual().start(this::poll);
    }

    public int port() {
        return listening.getLocalPort();
    }

    public void add(int port) {
        backends.add(new Backend(port));
    }

    public void remove(int port) {
        backends.removeIf(backend -> backend.port == port);
    }

    public boolean isReady(int port) {
        return backends.stream().anyMatch(backend -> backend.port == port && backend.ready);
    }

    @Override
    public void close() {
        closed = true;
        quietly(listening);
        clients.forEach(Balancer::quietly);
    }

    /** A server with its idle connections. */
    private static final class Backend {

        final int port;
        final Deque<Connection> idle = new ArrayDeque<>();
        volatile boolean ready;

        Backend(int port) {
            this.port = port;
        }

        Connection take() throws IOException {
            synchronized (idle) {
                if (!idle.isEmpty()) {
                    return idle.pop();
                }
            }
            return new Connection(port);
        }

        void giveBack(Connection connection) {
            synchronized (idle) {
                idle.push(connection);
            }
        }

        /** What was idle at a server that left may be closed by it at any moment. */
        void look() {
            boolean now = asksReady();
            ready = now;
            if (!now) {
                synchronized (idle) {
                    idle.forEach(connection -> quietly(connection.socket));
                    idle.clear();
                }
            }
        }

        private boolean asksReady() {
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress("127.0.0.1", port), CONNECT_MILLIS);
                socket.setSoTimeout(2 * CONNECT_MILLIS);
                socket.getOutputStream()
                        .write("GET /q/health/ready HTTP/1.1\r\nHost: balancer\r\nConnection: close\r\n\r\n"
                                .getBytes(StandardCharsets.US_ASCII));
                return Head.read(new BufferedInputStream(socket.getInputStream()))
                        .filter(head -> head.first.contains(" 200 "))
                        .isPresent();
            } catch (IOException away) {
                return false;
            }
        }
    }

    private static final class Connection {

        final Socket socket;
        final InputStream in;
        final OutputStream out;

        Connection(int port) throws IOException {
            socket = new Socket();
            socket.connect(new InetSocketAddress("127.0.0.1", port), CONNECT_MILLIS);
            socket.setTcpNoDelay(true);
            in = new BufferedInputStream(socket.getInputStream());
            out = socket.getOutputStream();
        }
    }

    /** The lines before a body, and what they say of it. */
    private record Head(String first, List<String> headers) {

        static Optional<Head> read(InputStream in) throws IOException {
            String first = line(in);
            if (first.isEmpty()) {
                return Optional.empty();
            }
            List<String> headers = new CopyOnWriteArrayList<>();
            for (String line = line(in); !line.isEmpty(); line = line(in)) {
                headers.add(line);
            }
            return Optional.of(new Head(first, headers));
        }

        private static String line(InputStream in) throws IOException {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            for (int one = in.read(); one >= 0 && line.size() < HEAD_MAX; one = in.read()) {
                if (one == '\n') {
                    return line.toString(StandardCharsets.ISO_8859_1).stripTrailing();
                }
                line.write(one);
            }
            if (line.size() > 0) {
                throw new EOFException("cut in a head");
            }
            return "";
        }

        String header(String name) {
            return headers.stream()
                    .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(name + ":"))
                    .map(line -> line.substring(name.length() + 1).strip())
                    .findFirst()
                    .orElse("");
        }

        /** Without what concerns one connection alone. */
        byte[] bytes() {
            StringBuilder text = new StringBuilder(first).append("\r\n");
            headers.stream()
                    .filter(line -> !line.toLowerCase(Locale.ROOT).startsWith("connection:"))
                    .forEach(line -> text.append(line).append("\r\n"));
            return text.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
        }
    }

    private void poll() {
        while (!closed) {
            backends.forEach(Backend::look);
            LockSupport.parkNanos(POLL.toNanos());
        }
    }

    private void accept() {
        while (!closed) {
            try {
                Socket client = listening.accept();
                clients.add(client);
                Thread serving = Thread.ofVirtual().start(() -> serve(client));
            } catch (IOException ending) {
                // The loop's condition says whether for good.
            }
        }
    }

    private void serve(Socket client) {
        try (client) {
            client.setTcpNoDelay(true);
            InputStream in = new BufferedInputStream(client.getInputStream());
            for (Optional<Head> request = Head.read(in); request.isPresent(); request = Head.read(in)) {
                byte[] body = in.readNBytes(length(request.get()));
                if (!forward(request.get(), body, client.getOutputStream())) {
                    return;
                }
            }
        } catch (IOException gone) {
            // The client went.
        } finally {
            clients.remove(client);
        }
    }

    private static int length(Head head) {
        String length = head.header("content-length");
        return length.isEmpty() ? 0 : Integer.parseInt(length);
    }

    /** @return whether the client's connection can be used again */
    private boolean forward(Head request, byte[] body, OutputStream client) throws IOException {
        List<Backend> ready = backends.stream().filter(backend -> backend.ready).toList();
        if (ready.isEmpty()) {
            answer(client, "503 Service Unavailable");
            return true;
        }
        Backend backend = ready.get(Math.floorMod(turn.getAndIncrement(), ready.size()));
        Connection connection;
        Head response;
        try {
            connection = backend.take();
        } catch (IOException refused) {
            answer(client, "502 Bad Gateway");
            return true;
        }
        try {
            connection.out.write(request.bytes());
            connection.out.write(body);
            response = Head.read(connection.in).orElseThrow(() -> new EOFException("cut before the answer"));
        } catch (IOException cut) {
            quietly(connection.socket);
            answer(client, "502 Bad Gateway");
            return true;
        }
        try {
            client.write(response.bytes());
            relay(response, connection.in, client);
        } catch (IOException cutOnEitherSide) {
            // The client sees an answer that is cut; nothing can be said any more.
            quietly(connection.socket);
            return false;
        }
        if (response.header("connection").equalsIgnoreCase("close") || !backend.ready) {
            quietly(connection.socket);
        } else {
            backend.giveBack(connection);
        }
        return true;
    }

    private static void answer(OutputStream client, String status) throws IOException {
        client.write(("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\nVia: balancer\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
    }

    private static void relay(Head response, InputStream in, OutputStream client) throws IOException {
        if (response.header("transfer-encoding").equalsIgnoreCase("chunked")) {
            relayChunks(in, client);
            return;
        }
        int length = length(response);
        byte[] body = in.readNBytes(length);
        if (body.length < length) {
            throw new EOFException("cut in a body");
        }
        client.write(body);
    }

    private static void relayChunks(InputStream in, OutputStream client) throws IOException {
        while (true) {
            String line = Head.line(in);
            if (line.isEmpty()) {
                throw new EOFException("cut between chunks");
            }
            int size = Integer.parseInt(line, 16);
            byte[] chunk = in.readNBytes(size + 2);
            if (chunk.length < size + 2) {
                throw new EOFException("cut in a chunk");
            }
            client.write((line + "\r\n").getBytes(StandardCharsets.US_ASCII));
            client.write(chunk);
            if (size == 0) {
                return;
            }
        }
    }

    private static void quietly(AutoCloseable end) {
        try {
            end.close();
        } catch (Exception alreadyClosed) {
            // That is what was wanted.
        }
    }
}
