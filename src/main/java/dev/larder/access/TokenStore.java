package dev.larder.access;

import dev.larder.database.Rows;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/**
 * Bearer tokens. Each remembers the token that made it. A token's secret never comes here: only its SHA-256 does. Each change
 * writes its audit row in the same statement.
 */
@ApplicationScoped
public class TokenStore {

    /**
     * All of a token but its secret.
     *
     * @param parentId the token that made it; null for the first one and for those made before this was recorded
     */
    public record TokenEntry(
            UUID id,
            UUID userId,
            String userName,
            @Nullable UUID organizationId,
            String name,
            Instant createdAt,
            @Nullable Instant expiresAt,
            @Nullable Instant revokedAt,
            @Nullable UUID parentId) {}

    /** @param hash SHA-256 of the whole token text; 32 bytes */
    public record NewToken(
            UUID userId, String name, byte[] hash, @Nullable Instant expiresAt) {}

    /** What came of asking for a token. */
    public sealed interface Issue {

        record Issued(TokenEntry token) implements Issue {}

        /** There is no such user, or it is the system user. */
        record NoUser() implements Issue {}

        /** The user is disabled: the token would open nothing. */
        record UserDisabled() implements Issue {}

        /** @param most how many unexpired tokens a user may have */
        record TooMany(int most) implements Issue {}

        /** There is no such token that the caller may replace, or it opens nothing any more. */
        record NoToken() implements Issue {}
    }

    private static final int ROTATED_MAX = 2;

    /** A token that is made meanwhile with one that is being revoked is found by the next look. */
    private static final int LOOKS_MAX = 10;

    private final Pool pool;
    private final InstantSource clock;
    private final Ids ids;
    private final int perUser;

    public TokenStore(
            Pool pool,
            InstantSource clock,
            Ids ids,
            @ConfigProperty(name = "larder.access.tokens-per-user", defaultValue = "100") int perUser) {
        this.pool = pool;
        this.clock = clock;
        this.ids = ids;
        this.perUser = perUser;
    }

    // Of two that ask for one user's tokens at once, the second counts what the first has made.
    private static final String HOLDER = """
            SELECT disabled_at IS NOT NULL AS disabled FROM users
             WHERE id = $1 AND NOT is_system AND deleted_at IS NULL
               FOR NO KEY UPDATE""";

    private static final String CREATE = """
            WITH parent AS (SELECT FROM tokens WHERE id = $9 AND revoked_at IS NULL FOR SHARE),
            made AS (
                INSERT INTO tokens (id, user_id, name, hash, created_at, expires_at, parent_id)
                SELECT $1, $2, $3, $4, $5, $6, $9
                 WHERE ($9::uuid IS NULL OR EXISTS (SELECT FROM parent))
                   AND (SELECT count(*) FROM tokens
                         WHERE user_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $5)) < $10
                RETURNING *),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT $7, $5, u.organization_id, $8, 'token.create', m.id,
                       jsonb_build_object('name', m.name, 'user', m.user_id)
                  FROM made m JOIN users u ON u.id = m.user_id)
            SELECT m.id, m.user_id, u.name AS user_name, u.organization_id, m.name, m.created_at, m.expires_at,
                   m.revoked_at, m.parent_id
              FROM made m JOIN users u ON u.id = m.user_id""";

    /** Makes a token unless its user has as many as it may. Those that are revoked or expired do not count. */
    public Uni<Issue> create(NewToken token, Caller actor) {
        return pool.withTransaction(connection -> connection
                .preparedQuery(HOLDER)
                .execute(Tuple.of(token.userId()))
                .chain(rows -> Rows.first(rows, row -> row.getBoolean("disabled"))
                        .map(disabled -> disabled
                                ? Uni.createFrom().<Issue>item(new Issue.UserDisabled())
                                : insert(connection, token, actor))
                        .orElseGet(() -> Uni.createFrom().item(new Issue.NoUser()))));
    }

    private Uni<Issue> insert(SqlConnection connection, NewToken token, Caller actor) {
        return connection
                .preparedQuery(CREATE)
                .execute(Tuple.from(new Object[] {
                    ids.next(),
                    token.userId(),
                    token.name(),
                    Buffer.buffer(token.hash()),
                    Rows.utc(clock.instant()),
                    Rows.utcOrNull(token.expiresAt()),
                    ids.next(),
                    actor.userId(),
                    actor.tokenId().orElse(null),
                    perUser
                }))
                .map(rows -> Rows.first(rows, TokenStore::entry)
                        .<Issue>map(Issue.Issued::new)
                        .orElseGet(() -> new Issue.TooMany(perUser)));
    }

    private static final String ROTATE = """
            WITH parent AS (SELECT FROM tokens WHERE id = $10 AND revoked_at IS NULL FOR NO KEY UPDATE),
            old AS (
                UPDATE tokens t SET expires_at = $3
                  FROM users u
                 WHERE ($10::uuid IS NULL OR EXISTS (SELECT FROM parent)) AND t.id = $1 AND u.id = t.user_id AND ($2::uuid IS NULL OR t.user_id = $2)
                   AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $4)
                   AND u.disabled_at IS NULL AND u.deleted_at IS NULL
                   AND (SELECT count(*) FROM tokens o
                         WHERE o.user_id = t.user_id AND o.revoked_at IS NULL AND (o.expires_at IS NULL OR o.expires_at > $4)) < $11
                RETURNING t.user_id, t.name, u.name AS user_name, u.organization_id),
            made AS (
                INSERT INTO tokens (id, user_id, name, hash, created_at, expires_at, parent_id)
                SELECT $5, user_id, name, $6, $4, $7, $10 FROM old
                RETURNING *),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT $8, $4, organization_id, $9, 'token.rotate', $1, jsonb_build_object('replacement', $5::uuid) FROM old)
            SELECT m.id, m.user_id, o.user_name, o.organization_id, m.name, m.created_at, m.expires_at, m.revoked_at,
                   m.parent_id
              FROM made m, old o""";

    /**
     * What a rotation does.
     *
     * @param token the one to be replaced
     * @param holder only if it is this user's, where named
     * @param hash of the replacement
     * @param expiresAt of the replacement
     * @param oldUntil when the old token stops to open; not later than it would have
     */
    public record Rotation(
            UUID token,
            Optional<UUID> holder,
            byte[] hash,
            @Nullable Instant expiresAt,
            Instant oldUntil) {}

    /**
     * Replaces a token by one of the same user and name. A user may have twice as many unexpired tokens as it may make, so that
     * old and new ones may overlap; no more are rotated then ({@link Issue.NoToken}).
     */
    public Uni<Issue> rotate(Rotation rotation, Caller actor) {
        return pool.preparedQuery(ROTATE)
                .execute(Tuple.from(new Object[] {
                    rotation.token(),
                    rotation.holder().orElse(null),
                    Rows.utc(rotation.oldUntil()),
                    Rows.utc(clock.instant()),
                    ids.next(),
                    Buffer.buffer(rotation.hash()),
                    Rows.utcOrNull(rotation.expiresAt()),
                    ids.next(),
                    actor.userId(),
                    actor.tokenId().orElse(null),
                    ROTATED_MAX * perUser
                }))
                .map(rows -> Rows.first(rows, TokenStore::entry)
                        .<Issue>map(Issue.Issued::new)
                        .orElseGet(Issue.NoToken::new));
    }

    private static final String FIND = """
            SELECT t.id, t.user_id, u.name AS user_name, u.organization_id, t.name, t.created_at, t.expires_at,
                   t.revoked_at, t.parent_id
              FROM tokens t JOIN users u ON u.id = t.user_id
             WHERE t.id = $1 AND ($2::uuid IS NULL OR t.user_id = $2)""";

    /** @param holder only if it is this user's, where named */
    public Uni<Optional<TokenEntry>> find(UUID token, Optional<UUID> holder) {
        return pool.preparedQuery(FIND)
                .execute(Tuple.of(token, holder.orElse(null)))
                .map(rows -> Rows.first(rows, TokenStore::entry));
    }

    private static final String LIST = """
            SELECT t.id, t.user_id, u.name AS user_name, u.organization_id, t.name, t.created_at, t.expires_at,
                   t.revoked_at, t.parent_id
              FROM tokens t JOIN users u ON u.id = t.user_id
             WHERE ($1::uuid IS NULL OR t.user_id = $1) AND ($2::uuid IS NULL OR u.organization_id = $2)
               AND ($3::uuid IS NULL OR t.id > $3)
             ORDER BY t.id LIMIT $4""";

    /**
     * Oldest first, expired and revoked ones included.
     *
     * @param holder only this user's, where named
     * @param organization only this organization's users', where named
     */
    public Uni<List<TokenEntry>> list(
            Optional<UUID> holder, Optional<UUID> organization, Optional<UUID> after, int rowsMax) {
        return pool.preparedQuery(LIST)
                .execute(Tuple.of(holder.orElse(null), organization.orElse(null), after.orElse(null), rowsMax))
                .map(rows -> Rows.list(rows, TokenStore::entry));
    }

    private static TokenEntry entry(Row row) {
        return new TokenEntry(
                row.getUUID("id"),
                row.getUUID("user_id"),
                row.getString("user_name"),
                row.getUUID("organization_id"),
                row.getString("name"),
                Rows.instant(row, "created_at"),
                Rows.instantOrNull(row, "expires_at"),
                Rows.instantOrNull(row, "revoked_at"),
                row.getUUID("parent_id"));
    }

    // UNION, not UNION ALL: a circle, which nothing makes, would not make it endless.
    private static final String REVOKE = """
            WITH RECURSIVE chosen AS (
                SELECT t.id FROM tokens t WHERE t.id = $1 AND ($2::uuid IS NULL OR t.user_id = $2)
                 UNION
                SELECT t.id FROM chosen c JOIN tokens t ON t.parent_id = c.id
                 WHERE $3::boolean AND ($2::uuid IS NULL OR t.user_id = $2)),
            revoked AS (
                UPDATE tokens t SET revoked_at = $4 FROM chosen c
                 WHERE t.id = c.id AND t.revoked_at IS NULL
                RETURNING t.id),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT $6, $4, u.organization_id, $5, 'token.revoke', t.id,
                       jsonb_build_object('revoked', (SELECT jsonb_agg(r.id ORDER BY r.id) FROM revoked r))
                  FROM tokens t JOIN users u ON u.id = t.user_id
                 WHERE t.id = $1 AND EXISTS (SELECT FROM revoked))
            SELECT t.id, t.user_id, u.name AS user_name, u.organization_id, t.name, t.created_at, t.expires_at,
                   coalesce(t.revoked_at, $4) AS revoked_at, t.parent_id
              FROM chosen c JOIN tokens t ON t.id = c.id JOIN users u ON u.id = t.user_id
             WHERE t.id = $1 OR EXISTS (SELECT FROM revoked r WHERE r.id = t.id)
             ORDER BY t.id <> $1, t.id""";

    /**
     * From the commit on the tokens open nothing. Revoking again is no error and changes nothing.
     *
     * @param holder only this user's, where named
     * @param descendants whether also those made with it, and those made with these
     * @return the token itself, and then each other that this call revoked; empty where there is no such token
     */
    public Uni<List<TokenEntry>> revoke(UUID token, Optional<UUID> holder, boolean descendants, UUID actor) {
        return pool.withTransaction(
                connection -> revoke(connection, List.of(), token, holder, descendants, actor, LOOKS_MAX));
    }

    private Uni<List<TokenEntry>> revoke(
            SqlConnection connection,
            List<TokenEntry> before,
            UUID token,
            Optional<UUID> holder,
            boolean descendants,
            UUID actor,
            int looks) {
        return connection
                .preparedQuery(REVOKE)
                .execute(
                        Tuple.of(token, holder.orElse(null), descendants, Rows.utc(clock.instant()), actor, ids.next()))
                .map(rows -> Rows.list(rows, TokenStore::entry))
                .chain(now -> {
                    List<TokenEntry> all = Stream.concat(before.stream(), now.stream())
                            .distinct()
                            .toList();
                    return descendants && looks > 1 && all.size() > before.size()
                            ? revoke(connection, all, token, holder, true, actor, looks - 1)
                            : Uni.createFrom().item(all);
                });
    }
}
