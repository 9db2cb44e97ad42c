package dev.larder.state;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Ids;
import dev.larder.state.Envelope.Place;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Rotations of the key ring, and the wrapped keys that they replace. Bodies are not read. */
@ApplicationScoped
public class KeyRotationStore {

    private final Pool pool;
    private final Ids ids;

    public KeyRotationStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    /**
     * A rotation.
     *
     * @param keyId the key that bodies are wrapped with in the end
     * @param status running, stopped, completed or failed
     * @param rewrapped how many data keys it has wrapped
     * @param error why it has failed; null otherwise
     */
    public record Rotation(
            UUID id,
            String keyId,
            String status,
            Instant startedAt,
            Instant heartbeatAt,
            @Nullable Instant endedAt,
            long rewrapped,
            @Nullable String error) {}

    private static final String COLUMNS = "id, key_id, status, started_at, heartbeat_at, ended_at, rewrapped, error";

    private static Rotation rotation(Row row) {
        return new Rotation(
                row.getUUID("id"),
                row.getString("key_id"),
                row.getString("status"),
                Rows.instant(row, "started_at"),
                Rows.instant(row, "heartbeat_at"),
                Rows.instantOrNull(row, "ended_at"),
                row.getLong("rewrapped"),
                row.getString("error"));
    }

    private static final Sql BEGIN =
            Sql.of("""
            WITH changed AS (
                INSERT INTO key_rotations (id, key_id, status, started_by, started_at, heartbeat_at)
                VALUES (:id, :key, 'running', :actor, :at, :at)
                ON CONFLICT (status) WHERE status = 'running' DO NOTHING
                RETURNING *),
            audited AS (
                %s)
            SELECT %s FROM changed""".formatted(audited("state.rotate_keys"), COLUMNS), "id", "key", "actor", "entry", "at");

    private static String audited(String action) {
        return AuditEntry.of(
                action,
                "jsonb_build_object('key', key_id)",
                "(SELECT id, key_id, NULL::uuid AS organization_id FROM changed) c");
    }

    /** Empty where one is running already. */
    Uni<Optional<Rotation>> begin(String keyId, UUID user, Instant at) {
        return BEGIN.on(pool, ids.next(), keyId, user, ids.next(), Rows.utc(at)).map(KeyRotationStore::first);
    }

    private static Optional<Rotation> first(RowSet<Row> rows) {
        return Rows.first(rows, KeyRotationStore::rotation);
    }

    private static final Sql LIST = Sql.of(
            "SELECT " + COLUMNS + " FROM key_rotations WHERE " + Rules.before("id") + " ORDER BY id DESC LIMIT :rows",
            "before",
            "rows");

    /** Newest first. */
    Uni<List<Rotation>> list(Optional<UUID> before, int rows) {
        return LIST.on(pool, before.orElse(null), rows).map(found -> Rows.list(found, KeyRotationStore::rotation));
    }

    private static final Sql END = Sql.of("""
            UPDATE key_rotations SET status = :status, error = :error, ended_at = :at, heartbeat_at = :at
             WHERE id = :id AND status = 'running' RETURNING %s""".formatted(COLUMNS), "id", "status", "error", "at");

    /** Empty where it does not run. */
    Uni<Optional<Rotation>> end(UUID rotation, String status, @Nullable String error, Instant at) {
        return END.on(pool, rotation, status, error, Rows.utc(at)).map(KeyRotationStore::first);
    }

    private static final Sql STOP =
            Sql.of("""
            WITH changed AS (
                UPDATE key_rotations SET status = 'stopped', ended_at = :at
                 WHERE id = :rotation AND status = 'running' RETURNING id, key_id),
            audited AS (
                %s)
            SELECT EXISTS (SELECT FROM key_rotations WHERE id = :rotation) AS known,
                   EXISTS (SELECT FROM changed) AS changed""".formatted(audited("state.stop_key_rotation")), "rotation", "actor", "entry", "at");

    /**
     * Stops a rotation. One that has ended is left as it is.
     *
     * @return whether it was running; empty where there is no such rotation
     */
    Uni<Optional<Boolean>> stop(UUID rotation, UUID user, Instant at) {
        return STOP.on(pool, rotation, user, ids.next(), Rows.utc(at))
                .map(rows -> Rows.first(rows, row -> row))
                .map(row -> row.filter(found -> found.getBoolean("known")).map(found -> found.getBoolean("changed")));
    }

    private static final Sql ADOPT = Sql.of("""
            UPDATE key_rotations SET heartbeat_at = :at::timestamptz
             WHERE status = 'running' AND heartbeat_at < :silent_since AND key_id = ANY(:keys::text[])
            RETURNING %s""".formatted(COLUMNS), "at", "silent_since", "keys");

    /** A running rotation to one of these keys that no server works on any more: it is the caller's now. */
    Uni<Optional<Rotation>> adopt(Instant silentSince, Set<String> keys, Instant at) {
        return ADOPT.on(pool, Rows.utc(at), Rows.utc(silentSince), keys.toArray(String[]::new))
                .map(KeyRotationStore::first);
    }

    private static final Sql ABANDON = Sql.of("""
            UPDATE key_rotations SET status = 'failed', error = 'abandoned', ended_at = :at
             WHERE status = 'running' AND heartbeat_at < :silent_since""", "at", "silent_since");

    /** A rotation that no server could adopt has failed. */
    Uni<Void> abandon(Instant silentSince, Instant at) {
        return ABANDON.on(pool, Rows.utc(at), Rows.utc(silentSince)).replaceWithVoid();
    }

    /**
     * A wrapped data key.
     *
     * @param place its state, and its version or reject
     */
    record Wrapped(Place place, String keyId, byte[] key) {}

    private static final Sql NEXT_VERSIONS = Sql.of("""
            SELECT state_id, '00000000-0000-0000-0000-000000000000'::uuid AS reject, version, digest, key_id, wrapped_key
              FROM state_versions
             WHERE key_id = :key AND (state_id, version) > (:state, :version)
             ORDER BY state_id, version LIMIT :rows""", "key", "state", "version", "rows");

    /** Wrapped keys of versions after this place, in the order of their places. */
    Uni<List<Wrapped>> versions(String keyId, UUID state, long version, int rows) {
        return NEXT_VERSIONS.on(pool, keyId, state, version, rows).map(KeyRotationStore::wrapped);
    }

    private static final Sql NEXT_REJECTS = Sql.of("""
            SELECT state_id, id AS reject, 0::bigint AS version, digest, key_id, wrapped_key
              FROM state_rejects WHERE key_id = :key AND id > :after ORDER BY id LIMIT :rows""", "key", "after", "rows");

    /** The same of rejects. */
    Uni<List<Wrapped>> rejects(String keyId, UUID after, int rows) {
        return NEXT_REJECTS.on(pool, keyId, after, rows).map(KeyRotationStore::wrapped);
    }

    private static List<Wrapped> wrapped(RowSet<Row> rows) {
        return Rows.list(
                rows,
                row -> new Wrapped(
                        new Place(
                                row.getUUID("state_id"),
                                row.getUUID("reject"),
                                row.getLong("version"),
                                row.getBuffer("digest").getBytes()),
                        row.getString("key_id"),
                        row.getBuffer("wrapped_key").getBytes()));
    }

    /** A row that has gone, or that another server has wrapped, is passed over. */
    private static Sql rewrap(String table, String row) {
        return Sql.of(
                """
                WITH running AS (
                    SELECT id FROM key_rotations WHERE id = :rotation::uuid AND status = 'running' FOR UPDATE),
                changed AS (
                    UPDATE %s t SET key_id = :key::text, wrapped_key = n.becomes
                      FROM unnest(:states::uuid[], :rejects::uuid[], :versions::bigint[], :was::bytea[], :becomes::bytea[])
                               AS n(state, reject, version, was, becomes), running r
                     WHERE %s AND t.wrapped_key = n.was
                    RETURNING 1),
                beat AS (
                    UPDATE key_rotations k
                       SET heartbeat_at = :at::timestamptz, rewrapped = k.rewrapped + (SELECT count(*) FROM changed)
                      FROM running r WHERE k.id = r.id)
                SELECT id FROM running""".formatted(table, row), "rotation", "key", "states", "rejects", "versions", "was", "becomes", "at");
    }

    private static final Sql REWRAP_VERSIONS =
            rewrap("state_versions", "t.state_id = n.state AND t.version = n.version");
    private static final Sql REWRAP_REJECTS = rewrap("state_rejects", "t.id = n.reject");

    /**
     * Replaces wrapped keys, and shows that the rotation goes on.
     *
     * @param was all of versions, or all of rejects; may be empty
     * @param now the keys for each of them
     * @return whether the rotation is still running; where it is not, nothing was changed
     */
    Uni<Boolean> rewrap(Rotation rotation, boolean ofVersions, List<Wrapped> was, List<byte[]> now, Instant at) {
        Sql rewrap = ofVersions ? REWRAP_VERSIONS : REWRAP_REJECTS;
        return rewrap.on(
                        pool,
                        rotation.id(),
                        rotation.keyId(),
                        was.stream().map(one -> one.place().state()).toArray(UUID[]::new),
                        was.stream().map(one -> one.place().reject()).toArray(UUID[]::new),
                        was.stream().map(one -> one.place().version()).toArray(Long[]::new),
                        was.stream().map(one -> Buffer.buffer(one.key())).toArray(Buffer[]::new),
                        now.stream().map(Buffer::buffer).toArray(Buffer[]::new),
                        Rows.utc(at))
                .map(rows -> rows.rowCount() > 0);
    }

    private static final Sql OTHERS = Sql.of("""
            SELECT count(*) AS n FROM (
                (SELECT 1 FROM state_versions WHERE key_id < :key LIMIT 1000) UNION ALL
                (SELECT 1 FROM state_versions WHERE key_id > :key LIMIT 1000) UNION ALL
                (SELECT 1 FROM state_rejects WHERE key_id < :key LIMIT 1000) UNION ALL
                (SELECT 1 FROM state_rejects WHERE key_id > :key LIMIT 1000)) others""", "key");

    /** How many bodies are wrapped with other keys; counted up to 1,000 of each kind. */
    Uni<Long> others(String keyId) {
        return OTHERS.on(pool, keyId).map(rows -> rows.iterator().next().getLong("n"));
    }
}
