package dev.larder.store;

import io.quarkus.runtime.Startup;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgBuilder;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.DatabaseException;
import io.vertx.sqlclient.PoolOptions;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Connections to Larder's database that no request can take away: the reconciler's lock, the clock, the wake-up pump and the
 * health check use this small pool, the listener its own connection.
 */
// Made at start, not by whoever asks first: a pool made on an HTTP thread is closed with HTTP, before the rest has
// stopped.
@Startup
@ApplicationScoped
public class Direct {

    private static final int CONNECTIONS = 4;

    private final PgConnectOptions options;
    private final Pool pool;

    @jakarta.inject.Inject
    public Direct(
            Vertx vertx,
            @ConfigProperty(name = "quarkus.datasource.reactive.url") String url,
            @ConfigProperty(name = "quarkus.datasource.username") Optional<String> username,
            @ConfigProperty(name = "quarkus.datasource.password") Optional<String> password) {
        this(vertx, options(url, username, password));
    }

    public Direct(Vertx vertx, PgConnectOptions options) {
        this.options = options;
        this.pool = PgBuilder.pool()
                .with(new PoolOptions()
                        .setMaxSize(CONNECTIONS)
                        // As for the request pool: a time limit here is logged as a fault when a connection fails.
                        .setConnectionTimeout(0)
                        .setName("larder-direct"))
                .connectingTo(options)
                .using(vertx)
                .build();
    }

    private static PgConnectOptions options(String url, Optional<String> username, Optional<String> password) {
        // Quarkus allows the url to be written as for its own pool.
        PgConnectOptions options = PgConnectOptions.fromUri(url.replaceFirst("^vertx-reactive:", ""));
        username.ifPresent(options::setUser);
        password.ifPresent(options::setPassword);
        options.setTcpKeepAlive(true);
        return options;
    }

    public Pool pool() {
        return pool;
    }

    /** A copy: the caller may change it. */
    public PgConnectOptions options() {
        return new PgConnectOptions(options);
    }

    /** Host and port of the database, for people. */
    public String address() {
        return options.getHost() + ":" + options.getPort();
    }

    /** What an operator is told of a failure: a sentence without an exception's class and without credentials. */
    public String sentence(Throwable failure) {
        if (failure instanceof DatabaseException told) {
            return "the database at " + address() + " refuses: " + told.getMessage();
        }
        return DatabaseFaults.unavailable(failure)
                ? "cannot reach the database at " + address()
                : "not started yet: " + failure.getMessage();
    }

    /** Answers within this time or fails: whether the database can be reached at all. */
    public Uni<Void> ping(Duration within) {
        // Not pool.query: when its connection fails, its timer fires later all the same and logs an unhandled
        // exception.
        return pool.withConnection(connection -> connection.query("SELECT 1").execute())
                .replaceWithVoid()
                .ifNoItem()
                .after(within)
                .fail();
    }

    @PreDestroy
    void close() {
        pool.closeAndForget();
    }
}
