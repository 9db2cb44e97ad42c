package dev.larder.testing;

import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgBuilder;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgException;
import io.vertx.sqlclient.PoolOptions;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jboss.logmanager.ExtLogRecord;
import org.jspecify.annotations.Nullable;

/**
 * Searches for the {@link Planted} secret wherever a test may have left it: every table of every test database before
 * it is emptied, dropped or stopped, the log of this process, of the servers and workers that were started, and of
 * PostgreSQL. What is found fails the test that closes the database or the server. What only the end of the process
 * finds ends it with an error, so that the build fails then.
 */
public final class Leaks {

    /** Says what the end of a process has found. */
    private static final Path REPORT = Path.of("target", "leaks.txt");

    private static final int EXIT = 70;
    private static final String FOUND = "LEAK0";
    private static final int INFLATED_MAX = 16 * 1024 * 1024;

    private static final Set<Path> LOGS = new ConcurrentSkipListSet<>();
    private static final Set<String> FINDINGS = new ConcurrentSkipListSet<>();
    private static final Handler LISTENER = new Listener();

    private Leaks() {}

    private static final AtomicBoolean BEGUN = new AtomicBoolean();

    /**
     * The log of this process and each PostgreSQL server that stops are searched from now on. Idempotent. Tests of the
     * whole application are loaded by a class loader of their own, which begins for itself.
     */
    static void begin() {
        if (BEGUN.compareAndSet(false, true)) {
            Logger.getLogger("").addHandler(LISTENER);
            EmbeddedPostgres.beforeStop(Leaks::remember);
            Runtime.getRuntime().addShutdownHook(new Thread(Leaks::atExit, "leaks"));
        }
    }

    /** The file is searched at the end of this process, and before it is written anew. */
    static void follow(Path log) {
        if (!LOGS.add(log.toAbsolutePath())) {
            search(log);
        }
    }

    /** Fails where the database holds the secret. */
    static void expectNone(String name, Pool database) {
        Set<String> places = in(name, database);
        if (!places.isEmpty()) {
            throw new AssertionError(said(places));
        }
    }

    /** Ends this process with an error where anything was found; called when it ends anyway. */
    private static void atExit() {
        Databases.stop();
        LOGS.forEach(Leaks::search);
        if (!FINDINGS.isEmpty()) {
            // Surefire no longer reads what this process says.
            String said = said(FINDINGS);
            System.err.println(said);
            write(said);
            Runtime.getRuntime().halt(EXIT);
        }
    }

    private static void write(String said) {
        try {
            Files.writeString(REPORT, said + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException unwritable) {
            System.err.println(unwritable);
        }
    }

    private static String said(Set<String> places) {
        return "the planted secret lies in clear in " + String.join("; ", places);
    }

    private static void search(Path log) {
        FINDINGS.addAll(in(log));
    }

    /** @return the places, as {@code file:line} */
    static Set<String> in(Path log) {
        Set<String> places = new TreeSet<>();
        if (!Files.exists(log)) {
            return places;
        }
        // What a killed process wrote last may be half a character.
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(Files.newInputStream(log), StandardCharsets.ISO_8859_1))) {
            int number = 0;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                number++;
                if (Planted.isIn(line)) {
                    places.add(log + ":" + number);
                }
            }
        } catch (IOException unreadable) {
            places.add(log + " cannot be read: " + unreadable);
        }
        return places;
    }

    // A row as text is what a dump writes: bytes in hexadecimal digits, quotes escaped.
    private static final String SEARCH_ROWS =
            """
            DO $search$
            DECLARE
                forms text[] := string_to_array('%s', ' ');
                one regclass;
                leaks boolean;
                columns text;
                found text[] := '{}';
            BEGIN
                SET LOCAL lock_timeout = '2s';
                SET LOCAL statement_timeout = '60s';
                FOR one IN SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                            WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
                              AND n.nspname NOT LIKE 'pg_toast%%' AND pg_relation_size(c.oid) > 0 LOOP
                    EXECUTE format('SELECT EXISTS (SELECT FROM %%s t WHERE t::text LIKE ANY ($1))', one)
                       INTO leaks USING forms;
                    IF leaks THEN
                        EXECUTE format('SELECT string_agg(DISTINCT f.key, $$, $$) FROM %%s t, jsonb_each_text(to_jsonb(t)) f'
                                       ' WHERE f.value LIKE ANY ($1)', one)
                           INTO columns USING forms;
                        found := found || format('%%s (%%s)', one, columns);
                    END IF;
                END LOOP;
                IF found <> '{}' THEN
                    -- This statement holds the secret, and the log of the server is searched too.
                    SET LOCAL log_min_error_statement = 'panic';
                    RAISE EXCEPTION USING ERRCODE = 'LEAK0', MESSAGE = array_to_string(found, ', ');
                END IF;
            END $search$""".formatted(Planted.FORMS.stream().map(form -> "%" + form + "%").collect(Collectors.joining(" ")));

    // One statement for all values. Digests are shorter. What was compressed and not sealed shows at its beginning.
    private static final String ALL_BYTES = """
            SELECT string_agg(format('SELECT %L AS "table", %L AS "column", substr(%I, 1, 1048576) AS bytes FROM %s WHERE octet_length(%I) > 32',
                                     c.oid::regclass, a.attname, a.attname, c.oid::regclass, a.attname), ' UNION ALL ') AS sql
              FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'
               AND pg_relation_size(c.oid) > 0 AND a.atttypid = 'bytea'::regtype AND a.attnum > 0 AND NOT a.attisdropped""";

    /** @return the places, as {@code database: table (columns)} */
    public static Set<String> in(String name, Pool database) {
        Set<String> places = new TreeSet<>();
        try {
            database.query(SEARCH_ROWS).executeAndAwait();
        } catch (RuntimeException failed) {
            if (!(failed instanceof PgException found) || !FOUND.equals(found.getSqlState())) {
                throw failed;
            }
            places.add(name + ": " + found.getErrorMessage());
        }
        String allBytes =
                database.query(ALL_BYTES).executeAndAwait().iterator().next().getString("sql");
        if (allBytes != null) {
            for (Row value : database.query(allBytes).executeAndAwait()) {
                if (isCompressedIn(value.getBuffer("bytes").getBytes())) {
                    places.add("%s: %s (%s, compressed)"
                            .formatted(name, value.getString("table"), value.getString("column")));
                }
            }
        }
        return places;
    }

    private static boolean isCompressedIn(byte[] bytes) {
        // A gzip header without a file name has ten bytes.
        return Planted.isIn(inflated(bytes, 0, true))
                || Planted.isIn(inflated(bytes, 0, false))
                || Planted.isIn(inflated(bytes, 10, true));
    }

    private static String inflated(byte[] bytes, int from, boolean raw) {
        Inflater inflater = new Inflater(raw);
        try {
            inflater.setInput(bytes, from, bytes.length - from);
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            byte[] some = new byte[64 * 1024];
            for (int n = inflater.inflate(some); n > 0 && all.size() < INFLATED_MAX; n = inflater.inflate(some)) {
                all.write(some, 0, n);
            }
            return all.toString(StandardCharsets.ISO_8859_1);
        } catch (DataFormatException notCompressed) {
            return "";
        } finally {
            inflater.end();
        }
    }

    /** Every database of a server that is about to be stopped, and its log. */
    static List<String> in(EmbeddedPostgres server) {
        List<String> places = new ArrayList<>(in(server.folder().resolve("postgres.log")));
        if (!server.isAlive()) {
            return places;
        }
        Pool any = pool(server.options("postgres"));
        try {
            for (Row row : any.query("SELECT datname FROM pg_database WHERE datallowconn AND datname <> 'template0'")
                    .executeAndAwait()) {
                String name = row.getString("datname");
                Pool database = pool(server.options(name));
                try {
                    places.addAll(in(name, database));
                } finally {
                    database.closeAndAwait();
                }
            }
        } finally {
            any.closeAndAwait();
        }
        return places;
    }

    private static Pool pool(PgConnectOptions options) {
        return PgBuilder.pool()
                .with(new PoolOptions().setMaxSize(1))
                .connectingTo(options)
                .using(Own.VERTX)
                .build();
    }

    /** Works while the process ends: it needs no hook of its own then. */
    private static final class Own {

        static final Vertx VERTX = Vertx.vertx(new VertxOptions()
                .setUseDaemonThread(true)
                .setEventLoopPoolSize(1)
                .setFileSystemOptions(new FileSystemOptions()
                        .setClassPathResolvingEnabled(false)
                        .setFileCachingEnabled(false)));
    }

    /** What a server holds that stops now. One that is broken or does not yet accept connections is not searched. */
    private static void remember(EmbeddedPostgres server) {
        try {
            FINDINGS.addAll(in(server));
        } catch (RuntimeException unreachable) {
            System.err.println("not searched for leaks: " + server.folder() + ": " + unreachable);
        }
    }

    private static final class Listener extends Handler {

        @Override
        public void publish(LogRecord logged) {
            if (isOfLibrary(logged) && logged.getLevel().intValue() < Level.INFO.intValue()) {
                return;
            }
            String text = logged instanceof ExtLogRecord full ? full.getFormattedMessage() : logged.getMessage();
            if (isIn(text) || chain(logged.getThrown())) {
                FINDINGS.add("the log of this process: " + logged.getLoggerName() + ": " + text);
            }
        }

        /** No server logs what libraries say below INFO: some write every byte that they send. */
        private static boolean isOfLibrary(LogRecord logged) {
            String name = logged.getLoggerName();
            return name == null || !name.startsWith("dev.larder");
        }

        private static boolean chain(@Nullable Throwable thrown) {
            int causes = 0;
            for (Throwable one = thrown; one != null && causes++ < 20; one = one.getCause()) {
                if (isIn(one.toString())) {
                    return true;
                }
            }
            return false;
        }

        private static boolean isIn(@Nullable String text) {
            return text != null && Planted.isIn(text);
        }

        @Override
        public Level getLevel() {
            return Level.ALL;
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }
}
