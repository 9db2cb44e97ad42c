package dev.larder.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The line between the application under test and its database, which a test may cut and mend. */
public final class Wire implements AutoCloseable {

    private final String host;
    private final int databasePort;
    private final Set<Socket> ends = ConcurrentHashMap.newKeySet();
    private ServerSocket listening;

    Wire(String host, int databasePort) {
        this.host = host;
        this.databasePort = databasePort;
        this.listening = listen(0);
    }

    /** Where the application finds the database; stays the same over cuts. */
    int port() {
        return listening.getLocalPort();
    }

    /** From now on connections are refused, and those that are open have ended. */
    public void cut() {
        quietly(listening);
        ends.forEach(Wire::quietly);
    }

    public void mend() {
        listening = listen(listening.getLocalPort());
    }

    @Override
    public void close() {
        cut();
    }

    private ServerSocket listen(int port) {
        try {
            ServerSocket server = new ServerSocket();
            server.setReuseAddress(true);
            server.bind(new InetSocketAddress(InetAddress.getByName(host), port));
            var accepting = Thread.ofVirtual().start(() -> accept(server));
            return server;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
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

    private void join(Socket application) throws IOException {
        ends.add(application);
        Socket database = new Socket(host, databasePort);
        ends.add(database);
        application.setTcpNoDelay(true);
        database.setTcpNoDelay(true);
        var there = Thread.ofVirtual().start(() -> copy(application, database));
        var back = Thread.ofVirtual().start(() -> copy(database, application));
    }

    private void copy(Socket from, Socket to) {
        try (from;
                to) {
            var copied = from.getInputStream().transferTo(to.getOutputStream());
        } catch (IOException cut) {
            // Both ends are closed by now.
        } finally {
            ends.remove(from);
            ends.remove(to);
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
