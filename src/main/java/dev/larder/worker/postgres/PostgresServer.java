package dev.larder.worker.postgres;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.pgclient.PgConnectOptions;
import java.time.Duration;
import java.util.function.Function;
import org.jboss.logging.Logger;

/**
 * The configured server. Work is done on a connection of its own, opened for it and closed after it however it ends: what
 * a session holds (a lock, a running statement) can outlive no job, and ending the session ends the work.
 *
 * <p>Every session has the server's own time limits, so that it ends too where this process stands still or its host
 * vanishes. They are startup parameters, which a tenant's {@code ALTER DATABASE … SET} does not override.
 */
final class Server {

    private static final Logger LOG = Logger.getLogger(Server.class);
    private static final int CONNECT_MILLIS = 10_000;
    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(5);
    private static final Duration IDLE_BEYOND = Duration.ofMinutes(1);

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

    /**
     * Works as the superuser.
     *
     * @param within how long the work may take: a minute after that the server ends the session where it is idle
     */
    <T> Uni<T> asAdmin(String applicationName, Duration within, Function<Admin, Uni<T>> work) {
        return with(limited(applicationName, within), connection -> work.apply(new Admin(this, connection)));
    }

    /** Works as the superuser inside a tenant's database, past all that its owner has set there. */
    <T> Uni<T> inside(String database, Function<PgConnection, Uni<T>> work) {
        PgConnectOptions own = limited("larder inside", Admin.SHORT).setDatabase(database);
        own.addProperty("role", "none");
        own.addProperty("default_transaction_read_only", "off");
        return with(own, work);
    }

    /** Works in one database as one role; a single statement may take as long as this, unless the role says otherwise. */
    <T> Uni<T> as(
            String role,
            Secret secret,
            String database,
            String applicationName,
            Duration within,
            Function<PgConnection, Uni<T>> work) {
        PgConnectOptions own = named(applicationName)
                .setUser(role)
                .setPassword(secret.password())
                .setDatabase(database);
        own.addProperty("statement_timeout", millis(within));
        return with(own, work);
    }

    private PgConnectOptions limited(String applicationName, Duration within) {
        PgConnectOptions own = named(applicationName);
        own.addProperty("search_path", "pg_catalog");
        own.addProperty("lock_timeout", millis(Admin.LOCK_WAIT));
        own.addProperty("statement_timeout", millis(Admin.SHORT));
        own.addProperty("idle_in_transaction_session_timeout", millis(Admin.SHORT));
        own.addProperty("idle_session_timeout", millis(within.plus(IDLE_BEYOND)));
        return own;
    }

    private PgConnectOptions named(String applicationName) {
        PgConnectOptions own = new PgConnectOptions(options);
        own.addProperty("application_name", applicationName);
        own.addProperty("tcp_keepalives_idle", "10");
        own.addProperty("tcp_keepalives_interval", "5");
        own.addProperty("tcp_keepalives_count", "3");
        return own;
    }

    /** PostgreSQL holds milliseconds in 32 bits. */
    private static String millis(Duration limit) {
        return Long.toString(Math.min(limit.toMillis(), Integer.MAX_VALUE));
    }

    private <T> Uni<T> with(PgConnectOptions own, Function<PgConnection, Uni<T>> work) {
        return Uni.createFrom().deferred(() -> {
            // Remembered, because a connection that is asked for arrives even after a cancel.
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
        // Remembered, so that a failure after a cancel, which is the cancel's own, is not reported as dropped.
        return Uni.createFrom()
                .deferred(() -> connection.query(statements).execute().memoize().indefinitely());
    }
}
