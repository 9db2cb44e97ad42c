package dev.larder.state;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.state.Promotion.Right;
import dev.larder.state.Snapshot.Head;
import dev.larder.state.Snapshot.Trust;
import dev.larder.state.StateBodies.Stored;
import dev.larder.state.Versions.Content;
import dev.larder.state.Versions.Reject;
import dev.larder.state.Versions.Version;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Reads states, their versions and rejects. */
@ApplicationScoped
public class StateReads {

    /**
     * A condition: a sender may write in the mutation {@code m}. Parameters {@code :at}: now, and
     * {@code :fence}: what the sender was given, or null. A job's lease is kept by its worker, and the
     * statement that ends the lease ends the mutation. A lock's lease ends only when another client asks for
     * the lock. Other leases end by themselves.
     */
    static final String MAY_WRITE = "m.ended_at IS NULL AND (:fence::bigint IS NULL OR m.fence = :fence)"
            + " AND (m.job_id IS NOT NULL OR m.lock_id IS NOT NULL OR m.lease_expires_at > :at::timestamptz)";

    private final Pool pool;

    public StateReads(Pool pool) {
        this.pool = pool;
    }

    private static final String SNAPSHOT = """
            SELECT id, organization_id, workspace_id, current_version, reliable_version, fence, serial, lineage, status,
                   status_reason, status_since
              FROM states""";

    private static final Sql FIND = Sql.of(SNAPSHOT + " WHERE id = :state", "state");

    Uni<Optional<Snapshot>> find(UUID state) {
        return FIND.on(pool, state).map(rows -> Rows.first(rows, StateReads::snapshot));
    }

    private static final Sql OF_WORKSPACE = Sql.of(SNAPSHOT + " WHERE workspace_id = :workspace", "workspace");

    Uni<Optional<Snapshot>> ofWorkspace(UUID workspace) {
        return OF_WORKSPACE.on(pool, workspace).map(rows -> Rows.first(rows, StateReads::snapshot));
    }

    private static Snapshot snapshot(Row row) {
        Head head = new Head(
                row.getLong("current_version"),
                row.getLong("reliable_version"),
                row.getLong("fence"),
                number(row, "serial"),
                row.getString("lineage"));
        Trust trust =
                new Trust(row.getString("status"), row.getString("status_reason"), Rows.instant(row, "status_since"));
        return new Snapshot(
                row.getUUID("id"), row.getUUID("organization_id"), row.getUUID("workspace_id"), head, trust);
    }

    private static OptionalLong number(Row row, String column) {
        Long value = row.getLong(column);
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    private static byte[] bytes(Row row, String column) {
        return row.getBuffer(column).getBytes();
    }

    static @Nullable Long orNull(OptionalLong number) {
        return number.isPresent() ? number.getAsLong() : null;
    }

    private static final Sql BASE = Sql.of("""
            SELECT s.current_version, s.serial, s.lineage, s.status = 'tombstoned' AS tombstoned,
                   coalesce(v.digest = :digest::bytea, false) AS same,
                   CASE WHEN :mutation::uuid IS NULL THEN 'NONE'
                        WHEN m.fence = s.fence AND %s THEN 'OPEN'
                        ELSE 'SUPERSEDED' END AS "right"
              FROM states s
              LEFT JOIN state_versions v ON v.state_id = s.id AND v.version = s.current_version
              LEFT JOIN state_mutations m ON m.id = :mutation AND m.state_id = s.id
             WHERE s.id = :state::uuid""".formatted(MAY_WRITE), "state", "digest", "mutation", "fence", "at");

    /** The state as it is to the sender of an upload; empty where there is no such state. */
    Uni<Optional<Promotion.Base>> base(Upload upload, byte[] digest, Instant at) {
        return BASE.on(
                        pool,
                        upload.state(),
                        Buffer.buffer(digest),
                        upload.mutation().orElse(null),
                        orNull(upload.fence()),
                        Rows.utc(at))
                .map(rows -> Rows.first(
                        rows,
                        row -> new Promotion.Base(
                                row.getLong("current_version"),
                                number(row, "serial"),
                                row.getString("lineage"),
                                row.getBoolean("same"),
                                row.getBoolean("tombstoned"),
                                Right.valueOf(row.getString("right")))));
    }

    /** A body as its row has it. */
    record StoredBody(String contentType, byte[] digest, String keyId, byte[] wrappedKey, Stored stored) {}

    /** @param row null: this version has no row; it is the current one, or there is none such */
    record Found(boolean current, @Nullable StoredBody row) {}

    private static final Sql STORED = Sql.of("""
            SELECT s.current_version = :version::bigint AS current, v.version, v.content_type, v.digest, v.key_id,
                   v.wrapped_key, v.body, v.object_key
              FROM states s
              LEFT JOIN state_versions v ON v.state_id = s.id AND v.version = :version
             WHERE s.id = :state::uuid""", "state", "version");

    /** Empty where there is no such state. */
    Uni<Optional<Found>> stored(UUID state, long version) {
        return STORED.on(pool, state, version).map(rows -> Rows.first(rows, StateReads::found));
    }

    private static Found found(Row row) {
        return new Found(row.getBoolean("current"), row.getLong("version") == null ? null : stored(row));
    }

    private static StoredBody stored(Row row) {
        return new StoredBody(
                row.getString("content_type"),
                bytes(row, "digest"),
                row.getString("key_id"),
                bytes(row, "wrapped_key"),
                new Stored(row.getBuffer("body") == null ? null : bytes(row, "body"), row.getString("object_key")));
    }

    /** A reject with its body. */
    record StoredReject(UUID state, StoredBody row) {}

    private static final Sql STORED_REJECT = Sql.of("""
            SELECT state_id, content_type, digest, key_id, wrapped_key, body, object_key
              FROM state_rejects WHERE id = :reject""", "reject");

    Uni<Optional<StoredReject>> storedReject(UUID reject) {
        return STORED_REJECT
                .on(pool, reject)
                .map(rows -> Rows.first(rows, row -> new StoredReject(row.getUUID("state_id"), stored(row))));
    }

    // The last version of a mutation that has ended is final.
    private static final Sql VERSIONS = Sql.of("""
            SELECT v.version,
                   CASE WHEN v.kind = 'intermediate' AND v.version = m.end_version THEN 'final' ELSE v.kind END AS kind,
                   v.serial, v.lineage, v.managed, v.client_encrypted, v.size, v.digest, v.content_type, v.mutation_id,
                   v.tool, v.created_at
              FROM state_versions v
              LEFT JOIN state_mutations m ON m.id = v.mutation_id
             WHERE v.state_id = :state::uuid AND v.version < coalesce(:before::bigint, 9223372036854775807)
             ORDER BY v.version DESC LIMIT :rows""", "state", "before", "rows");

    /** Newest first. The number of a version stands in the second half of its cursor. */
    Uni<Page<Version>> versions(UUID state, PageRequest page) {
        return VERSIONS.on(
                        pool,
                        state,
                        page.after().map(UUID::getLeastSignificantBits).orElse(null),
                        page.rows())
                .map(rows ->
                        Page.of(page, Rows.list(rows, StateReads::version), version -> new UUID(0, version.version())));
    }

    private static Version version(Row row) {
        return new Version(
                row.getLong("version"),
                row.getString("kind"),
                content(row),
                number(row, "managed"),
                row.getBoolean("client_encrypted"),
                row.getUUID("mutation_id"),
                row.getString("tool"),
                Rows.instant(row, "created_at"));
    }

    private static Content content(Row row) {
        return new Content(
                number(row, "serial"),
                row.getString("lineage"),
                row.getLong("size"),
                HexFormat.of().formatHex(bytes(row, "digest")),
                row.getString("content_type"));
    }

    private static final Sql REJECTS = Sql.of("""
            SELECT id, reason, serial, lineage, size, digest, content_type, base_version, mutation_id, user_id, created_at
              FROM state_rejects
             WHERE state_id = :state::uuid AND id < coalesce(:before::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
             ORDER BY id DESC LIMIT :rows""", "state", "before", "rows");

    /** Newest first. */
    Uni<Page<Reject>> rejects(UUID state, PageRequest page) {
        return REJECTS.on(pool, state, page.after().orElse(null), page.rows())
                .map(rows -> Page.of(page, Rows.list(rows, StateReads::reject), Reject::id));
    }

    private static Reject reject(Row row) {
        return new Reject(
                row.getUUID("id"),
                row.getString("reason"),
                content(row),
                row.getLong("base_version"),
                row.getUUID("mutation_id"),
                row.getUUID("user_id"),
                Rows.instant(row, "created_at"));
    }
}
