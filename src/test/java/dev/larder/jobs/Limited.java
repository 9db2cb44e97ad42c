package dev.larder.jobs;

import dev.larder.database.Hosts;
import dev.larder.database.RequestPool;
import dev.larder.database.TimeLimits;
import dev.larder.testing.Databases;
import io.vertx.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.PoolOptions;
import java.util.List;

/** Pools as requests have them in production: shared fairly, with limits that the server keeps. */
public final class Limited {

    private Limited() {}

    public static Pool pool(PgConnectOptions options, int size, TimeLimits limits) {
        Vertx vertx = Databases.vertx().getDelegate();
        Hosts hosts = new Hosts(vertx, List.of(options));
        return new Pool(RequestPool.pool(vertx, new PoolOptions().setMaxSize(size), hosts, limits, false));
    }
}
