package dev.larder.bench;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Claims over keep-alive connections, each of which has one request under way. One thread, prepared bytes and
 * hardly any parsing, because what it costs is taken from the server it measures.
 */
final class HttpLoad implements AutoCloseable {

    private static final int KEY_DIGITS = 16;
    private static final Duration SILENCE = Duration.ofSeconds(30);
    private static final AtomicLong KEYS =
            new AtomicLong(ProcessHandle.current().pid() << 32);

    private final Selector selector;
    private final List<Connection> connections = new ArrayList<>();
    private final Listener listener;

    /** Is told each answer where it lies; must be quick. */
    interface Listener {
        void answered(int status, byte[] bytes, int body, int end);
    }

    /**
     * What came of a run.
     *
     * @param nanos of each answer, in the order of their coming
     */
    record Outcome(long[] nanos, Map<Integer, Integer> statuses, double seconds, int[] perSecond) {

        double perSecond(int status) {
            return statuses.getOrDefault(status, 0) / seconds;
        }

        /** Fails unless every answer was that one. */
        Outcome only(int status) {
            if (!statuses.keySet().equals(java.util.Set.of(status))) {
                throw new IllegalStateException("answers other than " + status + ": " + statuses);
            }
            return this;
        }
    }

    HttpLoad(LarderServer server, String token, String body, int count) throws IOException {
        this(server, token, body, count, (status, bytes, from, to) -> {});
    }

    HttpLoad(LarderServer server, String token, String body, int count, Listener listener) throws IOException {
        this.listener = listener;
        this.selector = Selector.open();
        for (int i = 0; i < count; i++) {
            SocketChannel channel = SocketChannel.open(new InetSocketAddress("127.0.0.1", server.port()));
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.configureBlocking(false);
            Connection connection = new Connection(channel, request(token, body));
            SelectionKey key = channel.register(selector, SelectionKey.OP_READ, connection);
            connections.add((Connection) key.attachment());
        }
    }

    private static byte[] request(String token, String body) {
        // The key comes last in the head, so that it lies at a known place before the body.
        return ("POST /api/v1/claims HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " + token
                        + "\r\nContent-Type: application/json\r\nContent-Length: " + body.length()
                        + "\r\nIdempotency-Key: " + "0".repeat(KEY_DIGITS) + "\r\n\r\n" + body)
                .getBytes(StandardCharsets.US_ASCII);
    }

    private static final class Connection {

        private static final byte[] DIGITS = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

        final SocketChannel channel;
        final ByteBuffer request;
        final int key;
        final ByteBuffer answer = ByteBuffer.allocate(32 * 1024);
        int head = -1;
        int end;
        long sent;

        Connection(SocketChannel channel, byte[] request) {
            this.channel = channel;
            this.request = ByteBuffer.wrap(request);
            this.key = new String(request, StandardCharsets.US_ASCII).indexOf("\r\n\r\n") - KEY_DIGITS;
        }

        void send() throws IOException {
            long number = KEYS.incrementAndGet();
            for (int digit = KEY_DIGITS - 1; digit >= 0; digit--, number >>>= 4) {
                request.put(key + digit, DIGITS[(int) (number & 15)]);
            }
            request.rewind();
            answer.clear();
            head = -1;
            sent = System.nanoTime();
            while (request.hasRemaining()) {
                int written = channel.write(request);
                if (written < 0) {
                    throw new IOException("connection closed");
                }
            }
        }

        /** Reads what is there. @return whether the answer is complete */
        boolean read() throws IOException {
            if (channel.read(answer) < 0) {
                throw new IOException("connection closed by the server");
            }
            byte[] bytes = answer.array();
            int length = answer.position();
            if (head < 0) {
                head = endOfHead(bytes, length);
                if (head < 0) {
                    return false;
                }
                end = head + contentLength(bytes, head);
            }
            return length >= end;
        }

        int status() {
            byte[] bytes = answer.array();
            return (bytes[9] - '0') * 100 + (bytes[10] - '0') * 10 + bytes[11] - '0';
        }

        private static int endOfHead(byte[] bytes, int length) {
            for (int i = 3; i < length; i++) {
                if (bytes[i] == '\n' && bytes[i - 1] == '\r' && bytes[i - 2] == '\n' && bytes[i - 3] == '\r') {
                    return i + 1;
                }
            }
            return -1;
        }

        private static int contentLength(byte[] bytes, int head) {
            String text = new String(bytes, 0, head, StandardCharsets.US_ASCII).toLowerCase(java.util.Locale.ROOT);
            int at = text.indexOf("\r\ncontent-length:");
            if (at < 0) {
                throw new IllegalStateException("an answer without a length: " + text);
            }
            return Integer.parseInt(
                    text.substring(at + 17, text.indexOf('\r', at + 17)).strip());
        }
    }

    /** Every connection asks again as soon as it is answered, for that long; zero: once each, all at the same time. */
    Outcome run(Duration length) throws IOException {
        Recorder recorder = new Recorder(length);
        for (Connection connection : connections) {
            connection.send();
        }
        int underWay = connections.size();
        while (underWay > 0) {
            if (selector.select(SILENCE.toMillis()) == 0) {
                throw new IllegalStateException("no answer within " + SILENCE);
            }
            Iterator<SelectionKey> ready = selector.selectedKeys().iterator();
            while (ready.hasNext()) {
                Connection connection = (Connection) ready.next().attachment();
                ready.remove();
                if (connection.read()) {
                    if (recorder.again(connection, listener)) {
                        connection.send();
                    } else {
                        underWay--;
                    }
                }
            }
        }
        return recorder.outcome();
    }

    private static final class Recorder {

        private final long begun = System.nanoTime();
        private final long until;
        private final int[] perSecond;
        private final Map<Integer, Integer> statuses = new TreeMap<>();
        private long[] nanos = new long[1 << 16];
        private int count;
        private long last;

        Recorder(Duration length) {
            until = begun + length.toNanos();
            perSecond = new int[(int) length.toSeconds() + 1];
        }

        boolean again(Connection connection, Listener listener) {
            last = System.nanoTime();
            if (count == nanos.length) {
                nanos = Arrays.copyOf(nanos, count * 2);
            }
            nanos[count++] = last - connection.sent;
            int ended = statuses.merge(connection.status(), 1, Integer::sum);
            perSecond[Math.min((int) ((last - begun) / 1_000_000_000L), perSecond.length - 1)] += ended > 0 ? 1 : 0;
            listener.answered(connection.status(), connection.answer.array(), connection.head, connection.end);
            return last < until;
        }

        Outcome outcome() {
            return new Outcome(Arrays.copyOf(nanos, count), statuses, (last - begun) / 1e9, perSecond);
        }
    }

    @Override
    public void close() throws IOException {
        for (Connection connection : connections) {
            connection.channel.close();
        }
        selector.close();
    }
}
