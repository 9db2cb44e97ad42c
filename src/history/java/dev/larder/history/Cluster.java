package dev.larder.history;

import dev.larder.database.Migrator;
import dev.larder.testing.EmbeddedPostgres;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgBuilder;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.PoolOptions;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/** The servers and their database: they are killed and started again during a run. */
public final class Cluster implements AutoCloseable {

    private final Map<String, String> further;
    private final Path folder;
    private final List<Server> servers = new ArrayList<>();
    private final AtomicIntegerArray ports;
    private final AtomicInteger kills = new AtomicInteger();
    private final AtomicInteger crashes = new AtomicInteger();
    private EmbeddedPostgres postgres;

    Cluster(Path folder, int size) {
        this(folder, size, Map.of());
    }

    /** @param further settings of each server; {@code {slot}} stands for its number */
    public Cluster(Path folder, int size, Map<String, String> further) {
        this.further = further;
        this.folder = folder.resolve("postgres");
        this.ports = new AtomicIntegerArray(size);
        this.postgres = EmbeddedPostgres.crashable(this.folder);
    }

    public PgConnectOptions database(String name) {
        return postgres.options(name);
    }

    /** An empty database with the current schema and an owner. A run that was killed has left its own: it goes. */
    public Pool freshDatabase(Vertx vertx, int connections) {
        Pool admin = pool(vertx, "postgres", 1);
        admin.query("DROP DATABASE IF EXISTS larder WITH (FORCE)").executeAndAwait();
        admin.query("CREATE DATABASE larder").executeAndAwait();
        admin.closeAndAwait();
        Pool pool = pool(vertx, "larder", connections);
        new Migrator(pool, InstantSource.system()).migrate().await().indefinitely();
        LarderTestResource.insertOwner(pool);
        return pool;
    }

    public Pool pool(Vertx vertx, String database, int connections) {
        return PgBuilder.pool()
                .with(new PoolOptions().setMaxSize(connections))
                .connectingTo(database(database))
                .using(vertx)
                .build();
    }

    public void start() throws InterruptedException {
        for (int slot = 0; slot < ports.length(); slot++) {
            servers.add(begin(slot));
        }
        for (int slot = 0; slot < ports.length(); slot++) {
            ports.set(slot, servers.get(slot).awaitReady().port());
        }
    }

    private Server begin(int slot) {
        Map<String, String> settings = new HashMap<>(Map.of(
                // The load program does the work: it knows then when what was ready.
                "LARDER_WORKER_ENABLED", "false",
                "LARDER_JANITOR_INTERVAL", "1s",
                "QUARKUS_LOG_LEVEL", "WARN"));
        further.forEach((name, value) -> settings.put(name, value.replace("{slot}", String.valueOf(slot))));
        return Server.start("history-" + slot, database("larder"), settings);
    }

    public int size() {
        return ports.length();
    }

    /** Where this one serves; 0 while it does not. */
    public int port(int slot) {
        return ports.get(slot);
    }

    /** Kills one and starts another in its place; returns when that serves. */
    public void replace(int slot) throws InterruptedException {
        servers.get(slot).kill();
        var killed = kills.incrementAndGet();
        ports.set(slot, 0);
        servers.set(slot, begin(slot));
        ports.set(slot, servers.get(slot).awaitReady().port());
    }

    /** Stops the database as a power cut would, and starts it again. */
    public void crashDatabase() {
        int port = postgres.port();
        postgres.crash();
        postgres = EmbeddedPostgres.crashable(folder);
        var crashed = crashes.incrementAndGet();
        if (postgres.port() != port) {
            throw new IllegalStateException("somebody took the database's port " + port);
        }
    }

    public int kills() {
        return kills.get();
    }

    public int crashes() {
        return crashes.get();
    }

    /** All of them end in good order; the database stays. */
    public void stop() {
        servers.forEach(Server::close);
    }

    @Override
    public void close() {
        stop();
        postgres.discard();
    }
}
