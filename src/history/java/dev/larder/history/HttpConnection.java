package dev.larder.history;

import dev.larder.testing.Signals;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * One HTTP/1.1 connection that is kept alive. It never sends a request again by itself, so that one call is exactly one
 * request.
 */
public final class HttpConnection implements AutoCloseable {

    private static final int CONNECT_MILLIS = 2_000;
    private static final int READ_MILLIS = 60_000;

    private final Socket socket;
    private final InputStream input;
    private final int port;

    private HttpConnection(Socket socket, InputStream input, int port) {
        this.socket = socket;
        this.input = input;
        this.port = port;
    }

    public static HttpConnection to(int port) throws IOException {
        Socket socket = new Socket();
        try {
            socket.connect(new InetSocketAddress("127.0.0.1", port), CONNECT_MILLIS);
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(READ_MILLIS);
            return new HttpConnection(socket, new BufferedInputStream(socket.getInputStream()), port);
        } catch (IOException refused) {
            socket.close();
            throw refused;
        }
    }

    public int port() {
        return port;
    }

    /** @param headers by name in lower case */
    public record Reply(int status, Map<String, String> headers, String body) {}

    /**
     * Whatever fails here leaves open whether the server has done what it was asked for; the connection is of no
     * more use.
     */
    public Reply send(String method, String path, Map<String, String> headers, String body) throws IOException {
        return send(method, path, headers, body, Duration.ZERO);
    }

    /** The same, with a rest in the middle of the body. */
    public Reply send(String method, String path, Map<String, String> headers, String body, Duration rest)
            throws IOException {
        byte[] content = body.getBytes(StandardCharsets.UTF_8);
        StringBuilder head = new StringBuilder(256)
                .append(method)
                .append(' ')
                .append(path)
                .append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ")
                .append(content.length);
        headers.forEach(
                (name, value) -> head.append("\r\n").append(name).append(": ").append(value));
        byte[] start = head.append("\r\n\r\n").toString().getBytes(StandardCharsets.US_ASCII);
        byte[] request = new byte[start.length + content.length];
        System.arraycopy(start, 0, request, 0, start.length);
        System.arraycopy(content, 0, request, start.length, content.length);
        int first = rest.isZero() ? request.length : start.length + content.length / 2;
        socket.getOutputStream().write(request, 0, first);
        if (first < request.length) {
            Signals.pause(rest);
            socket.getOutputStream().write(request, first, request.length - first);
        }
        return reply();
    }

    private Reply reply() throws IOException {
        String status = line();
        Map<String, String> headers = new HashMap<>();
        for (String header = line(); !header.isEmpty(); header = line()) {
            int colon = header.indexOf(':');
            headers.put(
                    header.substring(0, colon).toLowerCase(Locale.ROOT),
                    header.substring(colon + 1).strip());
        }
        if (headers.containsKey("transfer-encoding")) {
            throw new IOException("an answer in chunks: " + status);
        }
        int length = Integer.parseInt(headers.getOrDefault("content-length", "0"));
        byte[] body = input.readNBytes(length);
        if (body.length < length) {
            throw new EOFException("in the body");
        }
        return new Reply(Integer.parseInt(status.split(" ", 3)[1]), headers, new String(body, StandardCharsets.UTF_8));
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder(64);
        for (int read = input.read(); read != '\n'; read = input.read()) {
            if (read < 0) {
                throw new EOFException("in the head");
            }
            if (read != '\r') {
                line.append((char) read);
            }
        }
        return line.toString();
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException closedAlready) {
            // That is what was wanted.
        }
    }
}
