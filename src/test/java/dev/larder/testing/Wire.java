package dev.larder.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The line between two processes, one of which serves the other; a test may cut, freeze and mend it. */
public final class Wire implements AutoCloseable {

    private static final int CHUNK = 8_192;
    private static final Duration ENDS_WITHIN = Duration.ofSeconds(5);

    private final String host;
    private final Set<Socket> ends = ConcurrentHashMap.newKeySet();
    private final Gate gate = new Gate();
    private volatile int servingPort;
    private Thread accepting;
    private ServerSocket listening;

    public Wire(String host, int servingPort) {
        this.host = host;
        this.servingPort = servingPort;
        this.listening = bound(0);
        this.accepting = accepting(listening);
    }

    /** Where the one that is served finds the other; stays the same over cuts. */
    public int port() {
        return listening.getLocalPort();
    }

    /** New connections go there from now on; those that are open stay where they are. */
    public void leadTo(int port) {
        servingPort = port;
    }

    /** From now on connections are refused, and those that are open have ended. */
    public void cut() {
        gate.open();
        quietly(listening);
        // The port is free once nobody accepts on it any more.
        join(accepting);
        ends.forEach(Wire::quietly);
    }

    public void mend() {
        listening = bound(listening.getLocalPort());
        accepting = accepting(listening);
    }

    /** Connections stay open, and nothing passes: what a network that lost its way looks like. */
    public void freeze() {
        gate.close();
    }

    /** What was held up passes on. */
    public void thaw() {
        gate.open();
    }

    /** Waits for nothing while it is open. */
    private static final class Gate {

        private boolean closed;

        synchronized void close() {
            closed = true;
        }

        synchronized void open() {
            closed = false;
            notifyAll();
        }

        synchronized void pass() throws InterruptedException {
            while (closed) {
                wait();
            }
        }
    }

    @Override
    public void close() {
        cut();
    }

    private ServerSocket bound(int port) {
        try {
            ServerSocket server = new ServerSocket();
            server.setReuseAddress(true);
            server.bind(new InetSocketAddress(InetAddress.getByName(host), port));
            return server;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private Thread accepting(ServerSocket server) {
        return Thread.ofVirtual().start(() -> accept(server));
    }

    private void accept(ServerSocket server) {
        while (!server.isClosed()) {
            try {
                join(server.accept());
            } catch (IOException cut) {
                // The loop's condition says whether for good.
            }
        }
    }

    private void join(Socket served) throws IOException {
        ends.add(served);
        Socket serving;
        try {
            serving = new Socket(host, servingPort);
        } catch (IOException nobodyThere) {
            quietly(served);
            ends.remove(served);
            throw nobodyThere;
        }
        ends.add(serving);
        served.setTcpNoDelay(true);
        serving.setTcpNoDelay(true);
        var there = Thread.ofVirtual().start(() -> copy(served, serving));
        var back = Thread.ofVirtual().start(() -> copy(serving, served));
    }

    private void copy(Socket from, Socket to) {
        try (from;
                to) {
            byte[] chunk = new byte[CHUNK];
            InputStream in = from.getInputStream();
            for (int count = in.read(chunk); count >= 0; count = in.read(chunk)) {
                gate.pass();
                to.getOutputStream().write(chunk, 0, count);
            }
        } catch (IOException cut) {
            // Both ends are closed by now.
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
        } finally {
            ends.remove(from);
            ends.remove(to);
        }
    }

    private static void join(Thread ending) {
        try {
            if (!ending.join(ENDS_WITHIN)) {
                throw new AssertionError("somebody still accepts connections");
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while cutting", interrupted);
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
