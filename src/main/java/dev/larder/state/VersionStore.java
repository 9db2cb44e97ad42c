package dev.larder.state;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.StateMirror;
import dev.larder.model.Ids;
import dev.larder.state.StateBodies.Stored;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Writes versions and rejects. Rows are locked in this order: workspaces, state_mutations, states. */
@ApplicationScoped
public class VersionStore {

    /** So many rejects of a state are kept, the newest. */
    static final int REJECTS_MAX = 5;

    private final Pool pool;
    private final Ids ids;

    public VersionStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    /**
     * A sealed body with what its row says of it.
     *
     * @param size bytes, as uploaded
     */
    record Content(
            StateFile file,
            long size,
            byte[] digest,
            String contentType,
            String keyId,
            byte[] wrappedKey,
            Stored stored) {

        OptionalLong serial() {
            return switch (file) {
                case StateFile.Clear clear -> OptionalLong.of(clear.serial());
                case StateFile.Encrypted encrypted -> OptionalLong.of(encrypted.serial());
                case StateFile.OtherFormat other -> OptionalLong.empty();
                case StateFile.Malformed malformed -> OptionalLong.empty();
            };
        }

        @Nullable
        String lineage() {
            return switch (file) {
                case StateFile.Clear clear -> clear.lineage();
                case StateFile.Encrypted encrypted -> encrypted.lineage();
                case StateFile.OtherFormat other -> null;
                case StateFile.Malformed malformed -> null;
            };
        }

        @Nullable
        Long managed() {
            return file instanceof StateFile.Clear clear ? clear.managed() : null;
        }

        @Nullable
        String tool() {
            return file instanceof StateFile.Clear clear ? clear.tool() : null;
        }

        boolean encrypted() {
            return file instanceof StateFile.Encrypted;
        }

        @Nullable
        Buffer inline() {
            byte[] body = stored.inline();
            return body == null ? null : Buffer.buffer(body);
        }
    }

    /** Of the state in {@code head}; its kind and its mutation are to be filled in. */
    private static final String NEW_VERSION = """
            INSERT INTO state_versions (state_id, version, kind, serial, lineage, managed, client_encrypted, size, digest,
                                        content_type, key_id, wrapped_key, body, object_key, mutation_id, tool, created_at)
            SELECT h.id, h.current_version, '%s', :serial::bigint, :lineage::text, :managed::integer, :encrypted::boolean,
                   :size::bigint, :digest::bytea, :content_type::text, :key::text, :wrapped::bytea, :body::bytea,
                   :object::text, :mutation::uuid, :tool::text, :at::timestamptz
              FROM head h WHERE h.current_version > :base::bigint""";

    private static final Sql PROMOTE = Sql.of(
            """
            WITH writer AS (
                SELECT m.id, m.fence FROM state_mutations m
                 WHERE m.id = :mutation::uuid AND m.state_id = :state::uuid AND %s
                   FOR UPDATE),
            head AS (
                UPDATE states s SET current_version = :base::bigint + 1, serial = :serial::bigint, lineage = :lineage::text
                  FROM writer w
                 WHERE s.id = :state AND s.current_version = :base AND s.fence = w.fence AND s.status = 'in_flight'
                RETURNING s.id, s.current_version),
            counted AS (
                UPDATE state_mutations m SET writes = m.writes + 1, failed_writes = 0
                  FROM head h WHERE m.id = :mutation),
            version AS (
                %s)
            SELECT current_version FROM head""".formatted(StateReads.MAY_WRITE, NEW_VERSION.formatted("intermediate")),
            "state",
            "mutation",
            "fence",
            "base",
            "at",
            "serial",
            "lineage",
            "managed",
            "encrypted",
            "size",
            "digest",
            "content_type",
            "key",
            "wrapped",
            "body",
            "object",
            "tool");

    /**
     * Makes an upload the version after this one, if that one is still the current one and the sender may
     * still write.
     *
     * @return its number; empty where one of the two is not so any more, and nothing was changed
     */
    Uni<Optional<Long>> promote(Upload upload, long base, Content content, Instant at) {
        return PROMOTE.on(
                        pool,
                        upload.state(),
                        upload.mutation().orElse(null),
                        StateReads.orNull(upload.fence()),
                        base,
                        Rows.utc(at),
                        StateReads.orNull(content.serial()),
                        content.lineage(),
                        content.managed(),
                        content.encrypted(),
                        content.size(),
                        Buffer.buffer(content.digest()),
                        content.contentType(),
                        content.keyId(),
                        Buffer.buffer(content.wrappedKey()),
                        content.inline(),
                        content.stored().objectKey(),
                        content.tool())
                .map(rows -> Rows.first(rows, row -> row.getLong("current_version")));
    }

    // A sender that repeats an upload must not drive other rejects out.
    private static final Sql REJECT = Sql.of(
            """
            WITH failed AS (
                UPDATE state_mutations SET failed_writes = failed_writes + 1
                 WHERE id = :mutation::uuid AND state_id = :state::uuid AND ended_at IS NULL),
            known AS (
                SELECT id FROM state_rejects
                 WHERE state_id = :state AND reason = :reason::text AND digest = :digest::bytea LIMIT 1),
            kept AS (
                INSERT INTO state_rejects (id, state_id, mutation_id, user_id, reason, serial, lineage, base_version, size,
                                           digest, content_type, key_id, wrapped_key, body, object_key, created_at)
                SELECT :reject::uuid, s.id, (SELECT m.id FROM state_mutations m WHERE m.id = :mutation AND m.state_id = s.id),
                       :user::uuid, :reason, :serial::bigint, :lineage::text, s.current_version, :size::bigint, :digest,
                       :content_type::text, :key::text, :wrapped::bytea, :body::bytea, :object::text, :at::timestamptz
                  FROM states s WHERE s.id = :state AND NOT EXISTS (SELECT FROM known)
                RETURNING id)
            SELECT id FROM known UNION ALL SELECT id FROM kept""",
            "state",
            "mutation",
            "user",
            "reject",
            "reason",
            "at",
            "serial",
            "lineage",
            "size",
            "digest",
            "content_type",
            "key",
            "wrapped",
            "body",
            "object");

    /**
     * Keeps an upload that was not accepted, and notes the failed write in its mutation, if that is open.
     *
     * @param reject the id that it was sealed for
     * @return the id under which these bytes are kept: another one where they had been rejected for this
     *     reason before
     */
    Uni<UUID> reject(Upload upload, UUID reject, String reason, Content content, Instant at) {
        return REJECT.on(
                        pool,
                        upload.state(),
                        upload.mutation().orElse(null),
                        upload.user().orElse(null),
                        reject,
                        reason,
                        Rows.utc(at),
                        StateReads.orNull(content.serial()),
                        content.lineage(),
                        content.size(),
                        Buffer.buffer(content.digest()),
                        content.contentType(),
                        content.keyId(),
                        Buffer.buffer(content.wrappedKey()),
                        content.inline(),
                        content.stored().objectKey())
                .map(rows -> rows.iterator().next().getUUID("id"))
                .call(() -> trim(upload.state()));
    }

    // A statement of its own: it sees the rejects of all that ended before it. An upload without a lock drives out none
    // of a writer's, which may be the only record of resources. What another upload is removing is left to that one:
    // two that removed the same rows in another order would wait for each other.
    private static final Sql TRIM = Sql.of("""
            DELETE FROM state_rejects
             WHERE id IN (SELECT old.id FROM state_rejects old
                           WHERE old.id IN (SELECT id
                                              FROM (SELECT id, row_number() OVER (PARTITION BY mutation_id IS NULL ORDER BY id DESC) AS nth
                                                      FROM state_rejects WHERE state_id = :state) r
                                             WHERE nth > %d)
                             FOR UPDATE SKIP LOCKED)""".formatted(REJECTS_MAX), "state");

    private Uni<Void> trim(UUID state) {
        return TRIM.on(pool, state).replaceWithVoid();
    }

    /**
     * A change by which a person says what is true.
     *
     * @param reject the reject that becomes the version; null otherwise
     */
    record Settlement(
            UUID state,
            long base,
            UUID user,
            String reason,
            @Nullable UUID reject) {}

    // The fence grows: a writer of before that comes back changes nothing.
    private static Sql settle(String action, String kind, String mutationKind) {
        return Sql.of(
                """
                WITH place AS (
                    %s),
                before AS (
                    SELECT * FROM states
                     WHERE id = :state AND current_version = :base::bigint AND (SELECT count(*) FROM place) >= 0
                       AND status NOT IN ('in_flight', 'tombstoned')
                       FOR UPDATE),
                head AS (
                    UPDATE states s
                       SET current_version = :next::bigint, reliable_version = :next, serial = :serial::bigint,
                           lineage = :lineage::text, status = 'reliable', status_reason = NULL,
                           status_since = :at::timestamptz, fence = s.fence + 1
                      FROM before b WHERE s.id = b.id
                    RETURNING s.*),
                mutation AS (
                    INSERT INTO state_mutations (id, state_id, fence, kind, user_id, base_version, previous_status,
                                                 previous_reason, previous_since, opened_at, lease_expires_at, writes,
                                                 ended_at, outcome, end_version)
                    SELECT :mutation::uuid, b.id, h.fence, '%s', :actor::uuid, b.current_version, b.status, b.status_reason,
                           b.status_since, :at, :at, 1, :at, 'succeeded', h.current_version
                      FROM before b JOIN head h USING (id)),
                version AS (
                    %s),
                mirrored AS (
                    %s),
                used AS (
                    DELETE FROM state_rejects r USING head h WHERE r.id = :reject::uuid AND r.state_id = h.id),
                audited AS (
                    %s)
                SELECT current_version FROM head""".formatted(
                                StateMirror.LOCK,
                                mutationKind,
                                NEW_VERSION.formatted(kind),
                                StateMirror.of("head"),
                                AuditEntry.of(
                                        action,
                                        "jsonb_build_object('version', current_version, 'reason', :reason::text)",
                                        "head")),
                "state",
                "base",
                "next",
                "mutation",
                "actor",
                "reason",
                "reject",
                "entry",
                "at",
                "serial",
                "lineage",
                "managed",
                "encrypted",
                "size",
                "digest",
                "content_type",
                "key",
                "wrapped",
                "body",
                "object",
                "tool");
    }

    private static final Sql RESTORE = settle("state.restore", "restore", "restore");
    private static final Sql ACKNOWLEDGE = settle("state.acknowledge", "acknowledged", "repair");

    /**
     * Makes these bytes the version after the base, which is reliable then. Empty where the base has changed
     * meanwhile.
     */
    Uni<Optional<Long>> restore(Settlement settlement, Content content, Instant at) {
        return settle(RESTORE, settlement, settlement.base() + 1, content, at);
    }

    /**
     * The same for the bytes of the base itself.
     *
     * @param content null: nothing was ever written, and nothing is
     */
    Uni<Optional<Long>> acknowledge(Settlement settlement, @Nullable Content content, Instant at) {
        return settle(ACKNOWLEDGE, settlement, content == null ? 0 : settlement.base() + 1, content, at);
    }

    private Uni<Optional<Long>> settle(
            Sql how, Settlement settlement, long next, @Nullable Content content, Instant at) {
        return how.on(
                        pool,
                        settlement.state(),
                        settlement.base(),
                        next,
                        ids.next(),
                        settlement.user(),
                        settlement.reason(),
                        settlement.reject(),
                        ids.next(),
                        Rows.utc(at),
                        content == null ? null : StateReads.orNull(content.serial()),
                        content == null ? null : content.lineage(),
                        content == null ? null : content.managed(),
                        content != null && content.encrypted(),
                        content == null ? 0 : content.size(),
                        content == null ? null : Buffer.buffer(content.digest()),
                        content == null ? null : content.contentType(),
                        content == null ? null : content.keyId(),
                        content == null ? null : Buffer.buffer(content.wrappedKey()),
                        content == null ? null : content.inline(),
                        content == null ? null : content.stored().objectKey(),
                        content == null ? null : content.tool())
                .map(rows -> Rows.first(rows, row -> row.getLong("current_version")));
    }

    private static final Sql MARK_CORRUPT =
            Sql.of("""
            WITH place AS (
                %s),
            head AS (
                UPDATE states SET status = 'corrupt', status_reason = :reason::text, status_since = :at::timestamptz
                 WHERE id = :state AND current_version = :version::bigint AND (SELECT count(*) FROM place) >= 0
                   AND status IN ('reliable', 'unreliable')
                RETURNING *)
            %s""".formatted(StateMirror.LOCK, StateMirror.of("head")), "state", "version", "reason", "at");

    /**
     * Says that the current version cannot be read. A state in a mutation is left to that; an older version
     * says nothing.
     */
    Uni<Void> markCorrupt(UUID state, long version, String reason, Instant at) {
        return MARK_CORRUPT.on(pool, state, version, reason, Rows.utc(at)).replaceWithVoid();
    }
}
