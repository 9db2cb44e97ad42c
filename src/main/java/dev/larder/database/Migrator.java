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
 * Brings the database to this program's schema, forward only (decision 0003). All pending files run in one transaction
 * under a lock, so that of several processes starting at once one migrates and the others find it done.
 */
@ApplicationScoped
public class Migrator implements ReadinessPart {

    private static final String FOLDER = "/db/migration/";

    private final Pool pool;
    private final InstantSource clock;
    private volatile boolean done;

    /** On a connection that no pooler and no limit on silence cuts: a migration may take its time. */
    @Inject
    Migrator(Direct direct, InstantSource clock) {
        this(direct.pool(), clock);
    }

    public Migrator(Pool pool, InstantSource clock) {
        this.pool = pool;
        this.clock = clock;
    }

    /** Fails where the database cannot be reached or an applied file is no longer what it was; may be tried again. */
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

    // A migration may take its time, and waits for another process's. It waits 10 s for the lock of a
    // table, since all who come after it would wait as well; then all is undone and tried again.
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
