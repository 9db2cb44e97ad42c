package dev.larder.bench;

import dev.larder.database.Migrator;
import dev.larder.database.ReconcilerLock;
import dev.larder.testing.EmbeddedPostgres;
import io.vertx.core.VertxOptions;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgBuilder;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.PoolOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A PostgreSQL as durable as in production, with Larder's schema in a database of its own. Ends with its data. */
final class Base implements AutoCloseable {

    static final String DATABASE = "bench";

    private final Vertx vertx = Vertx.vertx(new VertxOptions().setUseDaemonThread(true));
    private final EmbeddedPostgres server;
    private final PgConnectOptions options;
    private final Pool watch;
    private @Nullable Pool lock;

    private Base(EmbeddedPostgres server) {
        this.server = server;
        Pool admin = pool(server.options("postgres"), 1);
        admin.query("CREATE DATABASE " + DATABASE).executeAndAwait();
        admin.closeAndAwait();
        this.options = server.options(DATABASE);
        this.watch = pool(2);
        new Migrator(watch, InstantSource.system()).migrate().await().indefinitely();
        run("CREATE EXTENSION pg_stat_statements");
    }

    static Base start(String name) throws IOException {
        Path folder = Files.createDirectories(Path.of("target", "bench"))
                .resolve(name + "-" + ProcessHandle.current().pid());
        return new Base(EmbeddedPostgres.measured(folder));
    }

    EmbeddedPostgres server() {
        return server;
    }

    /** A copy: the caller may change it. */
    PgConnectOptions options() {
        return new PgConnectOptions(options);
    }

    Vertx vertx() {
        return vertx;
    }

    /** The caller closes it. */
    Pool pool(int size) {
        return pool(options, size);
    }

    /** On another database of the same server; the caller closes it. */
    Pool pool(String database, int size) {
        return pool(server.options(database), size);
    }

    private Pool pool(PgConnectOptions to, int size) {
        return PgBuilder.pool()
                .with(new PoolOptions().setMaxSize(size))
                .connectingTo(to)
                .using(vertx)
                .build();
    }

    void run(String statement) {
        var done = watch.query(statement).executeAndAwait();
    }

    Row row(String sql) {
        return watch.query(sql).executeAndAwait().iterator().next();
    }

    RowSet<Row> rows(String sql, Object... values) {
        return watch.preparedQuery(sql).executeAndAwait(Tuple.from(List.of(values)));
    }

    long number(String sql, Object... values) {
        return rows(sql, values).iterator().next().getLong(0);
    }

    /**
     * From now on the reconciler is "another process", which looks at nothing: a stock of tens of thousands would
     * otherwise be read, and be found too many, again and again.
     */
    void reconcileElsewhere() {
        lock = pool(1);
        var connection = lock.getConnectionAndAwait();
        var begun = connection.begin().await().indefinitely();
        if (!Boolean.TRUE.equals(connection
                .query(ReconcilerLock.tryFor(Duration.ofHours(10)))
                .executeAndAwait()
                .iterator()
                .next()
                .getBoolean("taken"))) {
            throw new IllegalStateException("a server reconciles already: " + begun);
        }
    }

    /** How many clients a database has. */
    int connections(String database) {
        return (int) number("SELECT count(*) FROM pg_stat_activity WHERE datname = $1", database);
    }

    /** Returns when a database has no more clients than that: one that has ended has told what it did. */
    void awaitConnections(String database, int most) {
        for (int looks = 0; connections(database) > most; looks++) {
            if (looks == 1_000) {
                throw new IllegalStateException(database + " has clients left over: " + connections(database));
            }
            LockSupport.parkNanos(Duration.ofMillis(10).toNanos());
        }
    }

    /**
     * The same beginning for every cell: no dead rows, fresh statistics, nothing left to be written or to be
     * counted.
     */
    void settle() {
        var done = watch.withConnection(connection -> connection
                        .query("VACUUM (ANALYZE)")
                        .execute()
                        .chain(() -> connection.query("CHECKPOINT").execute())
                        .chain(() -> connection
                                .query("SELECT pg_stat_force_next_flush()")
                                .execute()))
                .await()
                .indefinitely();
    }

    @Override
    public void close() throws IOException {
        if (lock != null) {
            lock.closeAndAwait();
        }
        watch.closeAndAwait();
        server.close();
        try (Stream<Path> below = Files.walk(server.folder())) {
            for (Path path : below.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
        vertx.closeAndAwait();
    }
}
