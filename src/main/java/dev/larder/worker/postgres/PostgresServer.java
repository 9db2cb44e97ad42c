package dev.larder.worker.postgres;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.pgclient.PgConnectOptions;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jboss.logging.Logger;

/**
 * The configured server. Each piece of work has a connection of its own, which is closed when the work ends for any
 * reason. So a lock or a running statement does not outlive its job, and ending the session ends the work.
 *
 * <p>Every session has time limits on the server, so that it ends although this process hangs or its host vanishes.
 * They are startup parameters, which a tenant's {@code ALTER DATABASE … SET} does not override.
 */
final class PostgresServer {

    private static final Logger LOG = Logger.getLogger(PostgresServer.class);

    /** How long a statement waits for one lock. Only an operator's session can make it wait this long. */
    private static final Duration LOCK_WAIT = Duration.ofSeconds(2);

    /** The time limit of a statement, unless it copies or drops a database. */
    static final Duration STATEMENT_LIMIT = Duration.ofSeconds(30);

    private static final int CONNECT_MILLIS = 10_000;
    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(5);
    private static final Duration IDLE_BEYOND = Duration.ofMinutes(1);

    private final Vertx vertx;
    private final PgConnectOptions options;
    private final RolePassword processKey = RolePassword.random();

    PostgresServer(Vertx vertx, PgConnectOptions options) {
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

    /** A secret that no other role of the server knows: the configured password, otherwise one of this process. */
    String key() {
        return options.getPassword().isEmpty() ? processKey.password() : options.getPassword();
    }

    /** Works as the superuser. The server ends the session if it is idle a minute after {@code within}. */
    <T> Uni<T> asSuperuser(String applicationName, Duration within, Function<PgConnection, Uni<T>> work) {
        return with(limited(applicationName, within), work);
    }

    /** Works as the superuser in a tenant's database. Overrides the settings of its owner. */
    <T> Uni<T> asSuperuserIn(String database, Function<PgConnection, Uni<T>> work) {
        PgConnectOptions own = limited("larder inside", STATEMENT_LIMIT).setDatabase(database);
        own.addProperty("role", "none");
        own.addProperty("default_transaction_read_only", "off");
        return with(own, work);
    }

    /**
     * A session of one role in one database that can send rows. A statement may take {@code within}, unless the role
     * sets another limit.
     */
    LoadSession loadSession(
            String role,
            RolePassword secret,
            String database,
            String applicationName,
            Duration within,
            BiConsumer<String, String> notices) {
        PgConnectOptions own = named(applicationName)
                .setUser(role)
                .setPassword(secret.password())
                .setDatabase(database);
        own.addProperty("statement_timeout", millis(within));
        own.addProperty("standard_conforming_strings", "on");
        // The rename of the finished database waits for the disk, and so for all that was written before.
        own.addProperty("synchronous_commit", "off");
        return new LoadSession(vertx.getDelegate(), own, notices);
    }

    private PgConnectOptions limited(String applicationName, Duration within) {
        PgConnectOptions own = named(applicationName);
        own.addProperty("search_path", "pg_catalog");
        own.addProperty("lock_timeout", millis(LOCK_WAIT));
        own.addProperty("statement_timeout", millis(STATEMENT_LIMIT));
        own.addProperty("idle_in_transaction_session_timeout", millis(STATEMENT_LIMIT));
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

    /** PostgreSQL stores milliseconds in 32 bits. */
    private static String millis(Duration limit) {
        return Long.toString(Math.min(limit.toMillis(), Integer.MAX_VALUE));
    }

    private <T> Uni<T> with(PgConnectOptions own, Function<PgConnection, Uni<T>> work) {
        return Uni.createFrom().deferred(() -> {
            AtomicBoolean abandoned = new AtomicBoolean();
            // Memoized, because a requested connection arrives even after a cancel and must be closed.
            Uni<PgConnection> opened = PgConnection.connect(vertx, own)
                    .invoke(PostgresServer::expectEnd)
                    .memoize()
                    .indefinitely();
            return unless(abandoned, opened.chain(work::apply)).onTermination().call((item, failure, cancelled) -> {
                abandoned.set(Boolean.TRUE.equals(cancelled));
                return close(opened, abandoned.get()).onFailure().recoverWithNull();
            });
        });
    }

    /**
     * The same work without the failures that the end of its session causes once its caller has gone: Mutiny would
     * log each of them as an error.
     */
    private static <T> Uni<T> unless(AtomicBoolean abandoned, Uni<T> work) {
        return work.onFailure(failure -> abandoned.get())
                .recoverWithUni(() -> Uni.createFrom().nothing());
    }

    /** A newer attempt may terminate this session. Its next statement then fails and reports that. */
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

    /** Cancels the running statement: a busy session does not notice that its client has gone. */
    private static Uni<Void> interrupt(PgConnection connection) {
        return connection.cancelRequest().onFailure().recoverWithNull();
    }

    /** One simple-protocol message: several statements are one transaction. */
    static Uni<RowSet<Row>> run(PgConnection connection, String statements) {
        return Uni.createFrom().deferred(() -> connection.query(statements).execute());
    }
}
