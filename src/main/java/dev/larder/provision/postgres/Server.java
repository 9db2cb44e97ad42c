package dev.larder.provision.postgres;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgException;
import java.time.Duration;
import java.util.function.Function;
import org.jboss.logging.Logger;

/**
 * The configured server. Work is done on a connection of its own, opened for it and closed after it however it ends: what
 * a session holds (a lock, a running statement) can outlive no job, and ending the session ends the work.
 */
final class Server {

    private static final Logger LOG = Logger.getLogger(Server.class);
    private static final int CONNECT_MILLIS = 10_000;
    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(5);

    private final Vertx vertx;
    private final PgConnectOptions options;

    Server(Vertx vertx, PgConnectOptions options) {
        this.vertx = vertx;
        this.options = new PgConnectOptions(options)
                .setCachePreparedStatements(false)
                .setConnectTimeout(CONNECT_MILLIS)
                .setTcpKeepAlive(true);
    }

    String host() {
        return options.getHost();
    }

    int port() {
        return options.getPort();
    }

    /** Works as the superuser. */
    <T> Uni<T> asAdmin(String applicationName, Function<PgConnection, Uni<T>> work) {
        return with(named(applicationName), work);
    }

    /** Works in one database as one role. */
    <T> Uni<T> as(
            String role,
            String password,
            String database,
            String applicationName,
            Function<PgConnection, Uni<T>> work) {
        PgConnectOptions own =
                named(applicationName).setUser(role).setPassword(password).setDatabase(database);
        return with(own, work);
    }

    private PgConnectOptions named(String applicationName) {
        PgConnectOptions own = new PgConnectOptions(options);
        own.addProperty("application_name", applicationName);
        return own;
    }

    private <T> Uni<T> with(PgConnectOptions own, Function<PgConnection, Uni<T>> work) {
        return Uni.createFrom().deferred(() -> {
            // Remembered, because a connection that is asked for arrives even if nobody waits for it any more.
            Uni<PgConnection> opened = PgConnection.connect(vertx, own)
                    .invoke(Server::expectEnd)
                    .memoize()
                    .indefinitely();
            return opened.chain(work::apply)
                    .onTermination()
                    .call((item, failure, cancelled) -> close(opened, Boolean.TRUE.equals(cancelled))
                            .onFailure()
                            .recoverWithNull());
        });
    }

    /** A newer attempt may end this session; whatever is asked of it then fails, and says so. */
    private static void expectEnd(PgConnection connection) {
        var same = connection.exceptionHandler(ended -> LOG.debugf("session ended cause=%s", ended.getMessage()));
    }

    private static Uni<Void> close(Uni<PgConnection> opened, boolean interrupt) {
        return opened.call(connection ->
                        interrupt ? interrupt(connection) : Uni.createFrom().voidItem())
                .chain(PgConnection::close)
                .ifNoItem()
                .after(CLOSE_WITHIN)
                .recoverWithItem(() -> null);
    }

    /** A session that is busy reads nothing, not even that its client has gone. */
    private static Uni<Void> interrupt(PgConnection connection) {
        return connection.cancelRequest().onFailure().recoverWithNull();
    }

    /** One simple-protocol message: several statements are one transaction. */
    static Uni<RowSet<Row>> run(PgConnection connection, String statements) {
        return connection.query(statements).execute();
    }

    private static final String DATABASE_EXISTS = "SELECT FROM pg_database WHERE datname = '%s'";

    static Uni<Boolean> databaseExists(PgConnection connection, String database) {
        return run(connection, DATABASE_EXISTS.formatted(database)).map(rows -> rows.size() == 1);
    }

    private static final String ROLE_EXISTS = "SELECT FROM pg_roles WHERE rolname = '%s'";

    static Uni<Boolean> roleExists(PgConnection connection, String role) {
        return run(connection, ROLE_EXISTS.formatted(role)).map(rows -> rows.size() == 1);
    }

    private static final String END_SESSIONS =
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '%s'";

    /** Waits up to 5 s for each to be gone. */
    static Uni<Void> endSessions(PgConnection connection, String database) {
        return run(connection, END_SESSIONS.formatted(database)).replaceWithVoid();
    }

    /** Drops the database with all its sessions, whatever its owner did to keep it; none is fine. */
    static Uni<Void> dropDatabase(PgConnection connection, String database) {
        return run(connection, HALF_DROPPED.formatted(database)).chain(rows -> {
            if (rows.size() == 0) {
                return Uni.createFrom().voidItem();
            }
            boolean half = Boolean.TRUE.equals(rows.iterator().next().getBoolean("half"));
            return half ? forceDrop(connection, database) : dropExisting(connection, database);
        });
    }

    // A DROP DATABASE that was interrupted leaves one that can be dropped and nothing else.
    private static final String HALF_DROPPED = "SELECT datconnlimit = -2 AS half FROM pg_database WHERE datname = '%s'";

    private static Uni<Void> forceDrop(PgConnection connection, String database) {
        return run(connection, "DROP DATABASE IF EXISTS " + database + " WITH (FORCE)")
                .replaceWithVoid();
    }

    private static Uni<Void> dropExisting(PgConnection connection, String database) {
        return run(connection, "ALTER DATABASE " + database + " ALLOW_CONNECTIONS false")
                .chain(() -> endSessions(connection, database))
                // An owner may have called it a template, which cannot be dropped; its sessions are gone by now.
                .chain(() -> run(connection, "ALTER DATABASE " + database + " IS_TEMPLATE false"))
                .chain(() -> forceDrop(connection, database));
    }

    private static final String STILL_REFERRED_TO = "2BP01";

    /**
     * Drops the role with what others granted to it, so that nobody keeps another's role in being by a grant. Where that
     * does not do, it stays without a login; none is fine.
     */
    static Uni<Void> dropRole(PgConnection connection, String role) {
        return roleExists(connection, role)
                .chain(there -> there
                        ? dropExistingRole(connection, role)
                        : Uni.createFrom().voidItem());
    }

    private static Uni<Void> dropExistingRole(PgConnection connection, String role) {
        return run(connection, "DROP OWNED BY %1$s; DROP ROLE %1$s".formatted(role))
                .replaceWithVoid()
                .onFailure(failed ->
                        failed instanceof PgException refused && STILL_REFERRED_TO.equals(refused.getSqlState()))
                .recoverWithUni(() -> lockOut(connection, role));
    }

    /** Ends the role's right to log in, with any validity of its password. */
    static Uni<Void> lockOut(PgConnection connection, String role) {
        return roleExists(connection, role)
                .chain(there -> there
                        ? run(connection, "ALTER ROLE " + role + " NOLOGIN PASSWORD NULL")
                                .replaceWithVoid()
                        : Uni.createFrom().voidItem());
    }
}
