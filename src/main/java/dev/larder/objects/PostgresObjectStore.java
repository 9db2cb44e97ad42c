package dev.larder.objects;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.objects.ObjectStoreException.Reason;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import jakarta.enterprise.inject.Typed;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Objects in a table. One statement decides a condition, and the row lock keeps writers apart. An ETag is a number that
 * grows with every write of any object.
 */
@Singleton
@Typed(PostgresObjectStore.class)
public final class PostgresObjectStore implements ObjectStore {

    private static final int PAGE = 1_000;

    /** After every key that begins with a prefix: so many of the last character of Unicode are longer than any key. */
    private static final String LAST = "\uDBFF\uDFFF".repeat(KEY_BYTES_MAX / 4);

    private final Pool pool;
    private final InstantSource clock;
    private final long bytesMax;

    @Inject
    PostgresObjectStore(Pool pool, InstantSource clock, ObjectSettings settings) {
        this(pool, clock, settings.maxSize().asLongValue());
    }

    /** @param bytesMax of a body, inclusive */
    public PostgresObjectStore(Pool pool, InstantSource clock, long bytesMax) {
        this.pool = pool;
        this.clock = clock;
        this.bytesMax = bytesMax;
    }

    @Override
    public String place() {
        return "postgres";
    }

    private static final String INFO =
            "key, octet_length(body)::bigint AS size, '\"' || etag || '\"' AS tag, modified_at";

    private static final Sql GET = Sql.of("SELECT body, " + INFO + " FROM objects WHERE key = :key", "key");

    @Override
    public Uni<StoredObject> get(String key) {
        return called(GET, ObjectKeys.checked(key))
                .map(rows -> Rows.first(
                                rows,
                                row -> new StoredObject(
                                        info(row), row.getBuffer("body").getBytes()))
                        .orElseThrow(() -> ObjectStoreException.notFound(key)));
    }

    private static ObjectInfo info(Row row) {
        return new ObjectInfo(
                row.getString("key"), row.getLong("size"), row.getString("tag"), Rows.instant(row, "modified_at"));
    }

    private static final Sql HEAD = Sql.of("SELECT writer, " + INFO + " FROM objects WHERE key = :key", "key");

    @Override
    public Uni<ObjectInfo> head(String key) {
        return called(HEAD, ObjectKeys.checked(key))
                .map(rows -> Rows.first(rows, PostgresObjectStore::info)
                        .orElseThrow(() -> ObjectStoreException.notFound(key)));
    }

    private static final Sql CREATE = Sql.of("""
            INSERT INTO objects (key, body, etag, writer, modified_at)
            VALUES (:key, :body, nextval('objects_etag'), :writer, :at)
            ON CONFLICT (key) DO NOTHING
            RETURNING '"' || etag || '"' AS tag""", "key", "body", "writer", "at");

    private static final Sql REPLACE = Sql.of("""
            UPDATE objects SET body = :body, etag = nextval('objects_etag'), writer = :writer, modified_at = :at
             WHERE key = :key AND '"' || etag || '"' = :tag
            RETURNING '"' || etag || '"' AS tag""", "key", "body", "writer", "at", "tag");

    @Override
    public Uni<String> put(String key, byte[] body, Condition condition, UUID writer) {
        String checked = ObjectKeys.checked(key);
        if (body.length > bytesMax) {
            return Uni.createFrom().failure(ObjectStoreException.tooLarge(key, bytesMax));
        }
        Buffer bytes = Buffer.buffer(body);
        var at = Rows.utc(clock.instant());
        Uni<RowSet<Row>> written = switch (condition) {
            case Condition.Absent() -> called(CREATE, checked, bytes, writer, at);
            case Condition.Matches(String etag) ->
                // A text that PostgreSQL cannot hold is no ETag of its.
                called(REPLACE, checked, bytes, writer, at, Rows.storable(etag));
        };
        return written.map(rows -> Rows.first(rows, row -> row.getString("tag")))
                .chain(tag -> tag.map(Uni.createFrom()::item).orElseGet(() -> refused(checked, condition, writer)));
    }

    /** The write may be one that this writer had done before, and whose answer was lost. */
    private Uni<String> refused(String key, Condition condition, UUID writer) {
        return called(HEAD, key).map(rows -> {
            Optional<Row> row = Rows.first(rows, found -> found);
            if (row.filter(is -> is.getUUID("writer").equals(writer)).isPresent()) {
                return row.get().getString("tag");
            }
            if (row.isEmpty() && condition instanceof Condition.Matches) {
                throw ObjectStoreException.notFound(key);
            }
            ObjectStoreException failed = ObjectStoreException.failedPrecondition(key);
            throw row.isPresent() ? failed.current(row.get().getString("tag")) : failed;
        });
    }

    private static final Sql DELETE = Sql.of("DELETE FROM objects WHERE key = :key", "key");

    @Override
    public Uni<Void> delete(String key) {
        return called(DELETE, ObjectKeys.checked(key)).replaceWithVoid();
    }

    private static final Sql LIST = Sql.of("""
            SELECT %s FROM objects
             WHERE key > :after AND key >= :prefix AND key < :prefix || :last AND starts_with(key, :prefix)
             ORDER BY key LIMIT %d""".formatted(INFO, PAGE), "after", "prefix", "last");

    @Override
    public Multi<ObjectInfo> list(String prefix, String after) {
        String from = ObjectKeys.checkedPrefix(after);
        String checked = ObjectKeys.checkedPrefix(prefix);
        return Multi.createBy()
                .repeating()
                .uni(() -> new AtomicReference<>(from), last -> page(checked, last))
                .whilst(page -> page.size() == PAGE)
                .onItem()
                .transformToIterable(page -> page);
    }

    private Uni<List<ObjectInfo>> page(String prefix, AtomicReference<String> after) {
        return called(LIST, after.get(), prefix, LAST)
                .map(rows -> Rows.list(rows, PostgresObjectStore::info))
                .invoke(page -> {
                    if (!page.isEmpty()) {
                        after.set(page.getLast().key());
                    }
                });
    }

    private Uni<RowSet<Row>> called(Sql sql, Object... values) {
        return sql.on(pool, values)
                .onFailure()
                .transform(failure -> new ObjectStoreException(
                        Reason.STORE_UNAVAILABLE,
                        "the database did not answer: " + failure.getClass().getSimpleName()));
    }
}
