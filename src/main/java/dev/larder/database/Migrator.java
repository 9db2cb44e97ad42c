package dev.larder.database;

import dev.larder.model.ReadinessPart;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Migrates the database to this program's schema, forward only (decision 0003). All pending files run in one
 * transaction under a lock: of several processes that start at once, one migrates and the others find the result.
 */
@ApplicationScoped
public class Migrator implements ReadinessPart {

    private static final String FOLDER = "/db/migration/";

    private final Pool pool;
    private final InstantSource clock;
    private volatile boolean done;

    /** Uses a connection without a pooler and without a limit on idle time, because a migration may take long. */
    @Inject
    Migrator(Direct direct, InstantSource clock) {
        this(direct.pool(), clock);
    }

    public Migrator(Pool pool, InstantSource clock) {
        this.pool = pool;
        this.clock = clock;
    }

    /** Fails if the database cannot be reached or an applied file has changed. May be tried again. */
    public Uni<Void> migrate() {
        return pool.withTransaction(this::underLock).invoke(() -> done = true);
    }

    @Override
    public String name() {
        return "migrations";
    }

    /** Whether {@link #migrate()} has succeeded in this process. */
    @Override
    public boolean up() {
        return done;
    }

    @Override
    public String detail() {
        return done ? "schema is current" : "waiting for the database to be reachable and migrated";
    }

    @Override
    public boolean partOfStart() {
        return true;
    }

    private Uni<Void> underLock(SqlConnection connection) {
        return connection
                .query(LOCK)
                .execute()
                .chain(() -> connection.query(HISTORY).execute())
                .chain(() -> connection.query(APPLIED).execute())
                .chain(applied -> applyMissing(connection, byName(applied)));
    }

    private Uni<Void> applyMissing(SqlConnection connection, Map<String, byte[]> applied) {
        return Multi.createFrom()
                .iterable(files())
                .onItem()
                .transformToUniAndConcatenate(file -> applyOnce(connection, file, applied))
                .collect()
                .asList()
                .replaceWithVoid();
    }

    private Uni<Void> applyOnce(SqlConnection connection, String file, Map<String, byte[]> applied) {
        String sql = read(file);
        byte[] hash = sha256(sql);
        byte[] before = applied.get(file);
        if (before != null && !Arrays.equals(before, hash)) {
            return Uni.createFrom()
                    .failure(new IllegalStateException("migration " + file + " was changed after it was applied"));
        }
        if (before != null) {
            return Uni.createFrom().voidItem();
        }
        return connection
                .query(sql)
                .execute()
                .chain(() ->
                        connection.preparedQuery(REMEMBER).execute(Tuple.of(file, hash, Rows.utc(clock.instant()))))
                .replaceWithVoid();
    }

    // A migration may take long and waits for one of another process. It waits at most 10 s for the lock of a
    // table, because later statements on that table wait behind it. Then all is rolled back and tried again.
    private static final String LOCK = """
            SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 60000;
            SELECT pg_advisory_xact_lock(7210517264001);
            SET LOCAL lock_timeout = 10000""";

    private static final String HISTORY = """
            CREATE TABLE IF NOT EXISTS schema_history (
                file       text PRIMARY KEY,
                sha256     bytea NOT NULL,
                applied_at timestamptz NOT NULL)""";

    private static final String APPLIED = "SELECT file, sha256 FROM schema_history";

    private static final String REMEMBER = "INSERT INTO schema_history (file, sha256, applied_at) VALUES ($1, $2, $3)";

    private static Map<String, byte[]> byName(RowSet<Row> rows) {
        Map<String, byte[]> hashes = new HashMap<>();
        rows.forEach(
                row -> hashes.put(row.getString("file"), row.getBuffer("sha256").getBytes()));
        return hashes;
    }

    private static List<String> files() {
        return read("index.txt").lines().filter(line -> !line.isBlank()).toList();
    }

    private static String read(String file) {
        try (InputStream in = Migrator.class.getResourceAsStream(FOLDER + file)) {
            return new String(Objects.requireNonNull(in, file).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
