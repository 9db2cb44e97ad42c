package dev.larder.testing;

import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.pgclient.PgConnectOptions;
import java.util.ArrayList;
import java.util.List;

/** A migrated database for one test; closing it leaves it to be emptied for another. */
public final class Database implements AutoCloseable {

    private final String name;
    private final PgConnectOptions options;
    private final Pool pool;
    private final List<Pool> others = new ArrayList<>();

    Database(String name, PgConnectOptions options, Pool pool) {
        this.name = name;
        this.options = options;
        this.pool = pool;
    }

    /** At most 16 connections, as in production. */
    public Pool pool() {
        return pool;
    }

    /** As another process has one; closed with the database. */
    public Pool another(int size) {
        Pool other = Databases.pool(connectOptions(), size);
        others.add(other);
        return other;
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
        others.forEach(Pool::closeAndAwait);
        Databases.giveBack(this);
    }
}
