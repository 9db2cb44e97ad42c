package dev.larder.launch;

import dev.larder.testing.EmbeddedPostgres;
import java.nio.file.Path;
import java.util.List;

/** The embedded PostgreSQL of the main command. Where its server ends by itself, it is started again. */
final class KeptDatabase implements AutoCloseable {

    private static final int STARTS_AGAIN_MAX = 10;

    private final Path folder;
    private final List<String> first;
    private EmbeddedPostgres server;
    private int startedAgain;
    private boolean closed;

    /** @param first run once, on the day the data is made */
    KeptDatabase(Path folder, List<String> first) {
        this.folder = folder;
        this.first = first;
        this.server = EmbeddedPostgres.kept(folder, first);
    }

    /** The same with a database {@code larder} and its owner of that name, who is not a superuser. */
    static KeptDatabase withLarder(Path folder, String password) {
        return new KeptDatabase(
                folder,
                List.of(
                        "CREATE ROLE larder LOGIN PASSWORD '" + password + "'",
                        "CREATE DATABASE larder OWNER larder",
                        "REVOKE ALL ON DATABASE larder FROM PUBLIC",
                        "REVOKE ALL ON DATABASE postgres FROM PUBLIC",
                        "REVOKE ALL ON DATABASE template1 FROM PUBLIC"));
    }

    synchronized EmbeddedPostgres server() {
        return server;
    }

    /**
     * Starts the server again where it has ended by itself. Fails with {@link CannotStart} where that happens again and
     * again, or its port was taken meanwhile: then addresses that were handed out are no longer true.
     *
     * @return whether it had ended
     */
    synchronized boolean heal() {
        if (closed || server.isAlive()) {
            return false;
        }
        String log = server.folder().resolve("postgres.log").toString();
        if (++startedAgain > STARTS_AGAIN_MAX) {
            throw new CannotStart("PostgreSQL ends by itself again and again; see " + log);
        }
        int port = server.port();
        server = EmbeddedPostgres.kept(folder, first);
        if (server.port() != port) {
            throw new CannotStart("PostgreSQL ended by itself, and another program has taken its port " + port
                    + "; start again with: ./mvnw -q -Prun");
        }
        return true;
    }

    @Override
    public synchronized void close() {
        closed = true;
        server.close();
    }
}
