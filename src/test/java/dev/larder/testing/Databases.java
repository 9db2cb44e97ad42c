package dev.larder.testing;

import dev.larder.database.Migrator;
import io.vertx.core.VertxOptions;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgBuilder;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.PoolOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A database of its own for every test, on one server per JVM. The schema is migrated once, into a template; a copy
 * of it takes some 50 milliseconds, so what a test leaves behind in order is emptied for the next one.
 */
public final class Databases {

    private static final String TEMPLATE = "larder_template";
    private static final Path FOLDER = Path.of("target", "test-postgres");
    private static final AtomicInteger COUNT = new AtomicInteger();
    private static final Queue<Database> EMPTIED = new ConcurrentLinkedQueue<>();

    private static volatile @Nullable EmbeddedPostgres toStop;

    private Databases() {}

    /** An empty, migrated database. */
    public static Database fresh() {
        Database emptied = EMPTIED.poll();
        return emptied == null ? copy() : emptied;
    }

    private static Database copy() {
        String name = "test_" + COUNT.incrementAndGet();
        Running.execute("CREATE DATABASE " + name + " TEMPLATE " + TEMPLATE + " STRATEGY FILE_COPY");
        PgConnectOptions options = options(name);
        return new Database(name, options, pool(options, 16));
    }

    /** The server all of them live on, with its superuser. */
    public static EmbeddedPostgres server() {
        return Running.SERVER;
    }

    /** The event loops the pools run on; its threads are daemons. */
    public static Vertx vertx() {
        return Running.VERTX;
    }

    // Rows are deleted, so that plans stay; where a test stored much, its pages go too. Triggers and foreign
    // keys are off: all of it goes.
    private static final String EMPTY = """
            DO $$
            DECLARE
                one regclass;
                tables text := (SELECT string_agg(format('%I', relname), ', ') FROM pg_class
                                 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'schema_history');
            BEGIN
                SET LOCAL lock_timeout = '2s';
                IF EXISTS (SELECT FROM pg_stat_activity
                            WHERE datname = current_database() AND backend_type = 'client backend'
                              AND pid <> pg_backend_pid() AND state IS DISTINCT FROM 'idle') THEN
                    RAISE 'somebody is still at it';
                END IF;
                IF EXISTS (SELECT FROM pg_class
                            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 200000) THEN
                    EXECUTE 'TRUNCATE ' || tables;
                ELSE
                    SET LOCAL session_replication_role = replica;
                    FOR one IN SELECT oid::regclass FROM pg_class
                                WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'schema_history'
                                  AND pg_relation_size(oid) > 0 LOOP
                        EXECUTE 'DELETE FROM ' || one;
                    END LOOP;
                END IF;
                PERFORM setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
            END $$;
            """;

    /**
     * Makes a database ready for the next test. Where a statement still runs in it, or the test broke it, it is
     * dropped. Fails where it holds the planted secret.
     */
    static void giveBack(Database used) {
        search(used);
        try {
            used.pool().query(EMPTY + Running.SEEDS).executeAndAwait();
            EMPTIED.add(new Database(used.name(), used.connectOptions(), used.pool()));
        } catch (RuntimeException unfit) {
            used.pool().closeAndAwait();
            Running.execute("DROP DATABASE IF EXISTS " + used.name() + " WITH (FORCE)");
        }
    }

    private static void search(Database used) {
        try {
            Leaks.expectNone(used.name(), used.pool());
        } catch (RuntimeException lockedOrClosed) {
            Running.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + used.name() + "'");
            Pool own = pool(used.connectOptions(), 1);
            try {
                Leaks.expectNone(used.name(), own);
            } finally {
                own.closeAndAwait();
            }
        }
    }

    /** Ends the server where one was started; at the end of the JVM only. */
    static void stop() {
        EmbeddedPostgres server = toStop;
        if (server == null) {
            return;
        }
        server.close();
        try {
            PostgresBinaries.delete(server.folder());
        } catch (IOException later) {
            // The next run clears it.
        }
    }

    private static PgConnectOptions options(String database) {
        return server().options(database);
    }

    static Pool pool(PgConnectOptions options, int size) {
        return PgBuilder.pool()
                .with(new PoolOptions().setMaxSize(size))
                .connectingTo(options)
                .using(vertx())
                .build();
    }

    /** Holds what starts with the first database asked for, and ends with the JVM. */
    private static final class Running {

        static {
            ContextPropagation.prepare();
        }

        static final Vertx VERTX = Vertx.vertx(new VertxOptions().setUseDaemonThread(true));
        static final EmbeddedPostgres SERVER = startServer();
        static final Pool ADMIN = pool(options("postgres"), 4);
        static final String SEEDS;

        static {
            execute("CREATE DATABASE " + TEMPLATE);
            Pool template = pool(options(TEMPLATE), 1);
            new Migrator(template, InstantSource.system()).migrate().await().indefinitely();
            SEEDS = seeds(template);
            template.closeAndAwait();
        }

        // Identities are numbered anew.
        private static final String COLUMNS = """
                SELECT c.relname AS "table", string_agg(quote_ident(a.attname), ', ') AS columns
                  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                 WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'schema_history'
                   AND a.attnum > 0 AND a.attidentity = '' AND a.attgenerated = '' AND NOT a.attisdropped
                 GROUP BY c.relname""";

        private static final String SEED = """
                SELECT format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_recordset(NULL::%1$s, %%L);', jsonb_agg(t)) AS seed
                  FROM %1$s t HAVING count(*) > 0""";

        /** What the migrations wrote, as statements. */
        private static String seeds(Pool template) {
            StringBuilder seeds = new StringBuilder();
            for (Row table : template.query(COLUMNS).executeAndAwait()) {
                String seed = SEED.formatted(table.getString("table"), table.getString("columns"));
                template.query(seed).executeAndAwait().forEach(row -> seeds.append(row.getString("seed")));
            }
            return seeds.toString();
        }

        static void execute(String statement) {
            ADMIN.query(statement).executeAndAwait();
        }

        private static EmbeddedPostgres startServer() {
            try {
                Files.createDirectories(FOLDER);
                clearWhatKilledJvmsLeft();
                // Tests of the whole application are loaded by a class loader of their own, with another Databases.
                String loader = Integer.toHexString(System.identityHashCode(Databases.class.getClassLoader()));
                Path folder = FOLDER.resolve(nameOf(ProcessHandle.current()) + "-" + loader);
                EmbeddedPostgres server = EmbeddedPostgres.throwaway(folder);
                toStop = server;
                Leaks.begin();
                return server;
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            }
        }

        private static void clearWhatKilledJvmsLeft() throws IOException {
            try (DirectoryStream<Path> folders = Files.newDirectoryStream(FOLDER)) {
                for (Path folder : folders) {
                    long pid = Long.parseLong(folder.getFileName().toString().replaceFirst("-.*", ""));
                    boolean inUse = ProcessHandle.of(pid)
                            .filter(jvm -> folder.getFileName().toString().startsWith(nameOf(jvm) + "-"))
                            .isPresent();
                    if (!inUse) {
                        EmbeddedPostgres.recover(folder);
                        PostgresBinaries.delete(folder);
                    }
                }
            }
        }

        /** A process id alone may be another process's by now; with the start time it is not. */
        private static String nameOf(ProcessHandle jvm) {
            return jvm.pid()
                    + "-"
                    + jvm.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
        }
    }
}
