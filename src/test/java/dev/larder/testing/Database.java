package dev.larder.testing;

import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.pgclient.PgConnectOptions;

/** A migrated database for one test; closing it drops it. */
public final class Database implements AutoCloseable {

    private final String name;
    private final PgConnectOptions options;
    private final Pool pool;

    Database(String name, PgConnectOptions options, Pool pool) {
        this.name = name;
        this.options = options;
        this.pool = pool;
    }

    /** At most 16 connections, as in production. */
    public Pool pool() {
        return pool;
    }

    /** A copy, as the superuser. */
    public PgConnectOptions connectOptions() {
        return new PgConnectOptions(options);
    }

    public String name() {
        return name;
    }

    @Override
    public void close() {
        pool.closeAndAwait();
        Databases.drop(name);
    }
}
