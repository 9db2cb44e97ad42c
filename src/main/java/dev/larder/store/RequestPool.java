package dev.larder.store;

import io.quarkus.reactive.pg.client.PgPoolCreator;
import io.vertx.pgclient.PgBuilder;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.PoolOptions;
import io.vertx.sqlclient.SqlConnectOptions;
import jakarta.inject.Singleton;
import java.util.List;

/**
 * The pool of the requests and the loops, with what Quarkus has no property for: longer statements stay prepared, and its
 * waiting line is bounded. Waiting has no time limit in the client, because a one-shot query whose connection fails is
 * then completed a second time by the timer, and that is logged as an unhandled fault for each.
 */
@Singleton
class RequestPool implements PgPoolCreator {

    private static final int WAITING_MAX = 2_000;

    @Override
    public Pool create(Input input) {
        PoolOptions options = input.poolOptions().setConnectionTimeout(0).setMaxWaitQueueSize(WAITING_MAX);
        List<PgConnectOptions> connections = input.pgConnectOptionsList();
        connections.forEach(connection -> Connections.prepared(connection).setTcpKeepAlive(true));
        return PgBuilder.pool()
                .with(options)
                .connectingTo(List.<SqlConnectOptions>copyOf(connections))
                .using(input.vertx())
                .build();
    }
}
