package dev.larder.database;

import io.quarkus.reactive.pg.client.PgPoolCreator;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgBuilder;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.ClientBuilder;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.PoolOptions;
import io.vertx.sqlclient.SqlConnectOptions;
import io.vertx.sqlclient.SqlConnection;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/**
 * The connection pool of requests and loops, with settings that Quarkus has no property for: longer statements stay
 * prepared, sessions have time limits, the primary is found among several hosts, and connections are shared fairly
 * ({@link SharedPool}). The client's own pool has no limit on waiting, because its timer completes a one-shot query
 * a second time if the connection fails, and each is logged as an unhandled fault.
 */
@Singleton
public class RequestPool implements PgPoolCreator {

    /** Longer than the longest statement, the snapshot. */
    private static final Duration SILENCE = Duration.ofSeconds(80);

    private final List<String> addresses;
    private final DatabaseSettings settings;
    private @Nullable Hosts hosts;

    RequestPool(@ConfigProperty(name = SeveralHosts.URL) List<String> addresses, DatabaseSettings settings) {
        this.addresses = addresses;
        this.settings = settings;
    }

    @Override
    public Pool create(Input input) {
        List<PgConnectOptions> each = input.pgConnectOptionsList();
        List<PgConnectOptions> complete = new ArrayList<>();
        for (int i = 0; i < each.size(); i++) {
            PgConnectOptions one =
                    withStatements(Connections.complete(SeveralHosts.URL, each.get(i), addresses.get(i)));
            one.setReadIdleTimeout(silence());
            complete.add(one);
        }
        Hosts found = new Hosts(input.vertx(), complete);
        hosts = found;
        boolean pooled = settings.directUrl().isPresent();
        return pool(input.vertx(), input.poolOptions(), found, settings.limits(), pooled);
    }

    /** Seconds. Every statement has ended by then; a connection that is silent for so long is closed. */
    private int silence() {
        return Math.toIntExact(settings.statementTimeout().plus(SILENCE).toSeconds());
    }

    private PgConnectOptions withStatements(PgConnectOptions options) {
        boolean named = settings.namedStatements().orElse(settings.directUrl().isEmpty());
        return named
                ? Connections.prepared(options)
                // Parse, bind and execute go in one message, which a transaction pooler sends to one server.
                : options.setCachePreparedStatements(false).setUseLayer7Proxy(true);
    }

    /** The addresses that requests connect to; known once the pool has been created. */
    Hosts hosts() {
        return Objects.requireNonNull(hosts, "the pool has not been made yet");
    }

    /**
     * Creates a pool with the settings of the requests' pool.
     *
     * @param pooled whether there is a transaction pooler; the limits are then set for the role instead of the
     *     session
     */
    public static Pool pool(Vertx vertx, PoolOptions options, Hosts hosts, TimeLimits limits, boolean pooled) {
        Pool pool = builder(options, hosts, vertx)
                .withConnectHandler(pooled ? null : connection -> limit(connection, limits))
                .build();
        return new SharedPool(pool, options.getMaxSize(), limits.statement());
    }

    static ClientBuilder<Pool> builder(PoolOptions options, Hosts hosts, Vertx vertx) {
        return PgBuilder.pool()
                .with(options.setConnectionTimeout(0))
                .connectingTo(() -> hosts.primary().<SqlConnectOptions>map(primary -> primary))
                .using(vertx);
    }

    /** Closing gives the new connection to the pool. */
    static void limit(SqlConnection connection, TimeLimits limits) {
        var given = connection.query(limits.set()).execute().eventually(() -> connection.close());
    }
}
