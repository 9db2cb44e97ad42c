package dev.larder.access;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
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
 * Bearer tokens. Each row names the token that created it. The secret is never stored: only its SHA-256 is.
 * Each change writes its audit entry in the same statement.
 */
@ApplicationScoped
public class TokenStore {

    /**
     * A token without its secret.
     *
     * @param parentId the token that created it; null for the first token and for tokens created before this
     *     was recorded
     */
    public record TokenEntry(
            UUID id,
            @JsonUnwrapped Holder holder,
            String name,
            Instant createdAt,
            @Nullable Instant expiresAt,
            @Nullable Instant revokedAt,
            @Nullable UUID parentId) {}

    /** @param organizationId null for a user of the whole deployment */
    public record Holder(
            UUID userId, String userName, @Nullable UUID organizationId) {}

    /** @param hash SHA-256 of the whole token text; 32 bytes */
    public record NewToken(
            UUID userId, String name, byte[] hash, @Nullable Instant expiresAt) {}

    /** The result of creating or rotating a token. */
    public sealed interface Issue {

        record Issued(TokenEntry token) implements Issue {}

        /** There is no such user, or it is the system user. */
        record NoUser() implements Issue {}

        /** The user is disabled: the token would be refused. */
        record UserDisabled() implements Issue {}

        /** @param most how many unexpired tokens a user may have */
        record TooMany(int most) implements Issue {}

        /** The caller may replace no such token, or it has expired or was revoked. */
        record NoToken() implements Issue {}
    }

    private static final int ROTATED_MAX = 2;

    /** A token created meanwhile with a token that is being revoked is found in the next round. */
    private static final int ROUNDS_MAX = 10;

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

    // Two requests for tokens of one user wait for each other here, so that the second counts the token of
    // the first.
    private static final Sql LOCK_HOLDER = Sql.of("""
            SELECT disabled_at IS NOT NULL AS disabled FROM users
             WHERE id = :user AND NOT is_system AND deleted_at IS NULL
               FOR NO KEY UPDATE""", "user");

    private static final String ENTRY = """
            SELECT t.id, t.user_id, u.name AS user_name, u.organization_id, t.name, t.created_at, t.expires_at,
                   t.revoked_at, t.parent_id
            """;

    /**
     * A condition: the token is neither revoked nor expired. Parameter {@code :at}: now.
     *
     * @param token what the statement calls the token's row
     */
    static String valid(String token) {
        return "%1$s.revoked_at IS NULL AND (%1$s.expires_at IS NULL OR %1$s.expires_at > :at)".formatted(token);
    }

    /**
     * A value: how many valid tokens a user has. Parameter {@code :at}: now.
     *
     * @param user an expression: the user's id
     */
    static String validTokensOf(String user) {
        return "(SELECT count(*) FROM tokens o WHERE o.user_id = %s AND %s)".formatted(user, valid("o"));
    }

    /** Parameter {@code :holder}: the user whose tokens are meant; null for any user's. */
    private static final String OF_HOLDER = "(:holder::uuid IS NULL OR t.user_id = :holder)";

    private static final Sql CREATE = Sql.of(
            """
            WITH parent AS (SELECT FROM tokens WHERE id = :parent AND revoked_at IS NULL FOR SHARE),
            created AS (
                INSERT INTO tokens (id, user_id, name, hash, created_at, expires_at, parent_id)
                SELECT :id, :user, :name, :hash, :at, :expires_at, :parent
                 WHERE (:parent::uuid IS NULL OR EXISTS (SELECT FROM parent)) AND %s < :most
                RETURNING *),
            holder AS (SELECT id, name, organization_id FROM users WHERE id = :user),
            audited AS (
                %s)
            %s FROM created t CROSS JOIN holder u""".formatted(
                            validTokensOf(":user"),
                            AuditEntry.of(
                                    "token.create",
                                    "jsonb_build_object('name', name, 'user', user_id)",
                                    "(SELECT c.id, c.name, c.user_id, u.organization_id FROM created c CROSS JOIN holder u) c"),
                            ENTRY),
            "id",
            "user",
            "name",
            "hash",
            "at",
            "expires_at",
            "entry",
            "actor",
            "parent",
            "most");

    /**
     * Creates a token unless its user has the allowed number already. Revoked and expired tokens do not
     * count.
     */
    public Uni<Issue> create(NewToken token, Caller actor) {
        return pool.withTransaction(connection -> LOCK_HOLDER
                .on(connection, token.userId())
                .chain(rows -> Rows.first(rows, row -> row.getBoolean("disabled"))
                        .map(disabled -> disabled
                                ? Uni.createFrom().<Issue>item(new Issue.UserDisabled())
                                : insert(connection, token, actor))
                        .orElseGet(() -> Uni.createFrom().item(new Issue.NoUser()))));
    }

    private Uni<Issue> insert(SqlConnection connection, NewToken token, Caller actor) {
        return CREATE.on(
                        connection,
                        ids.next(),
                        token.userId(),
                        token.name(),
                        Buffer.buffer(token.hash()),
                        Rows.utc(clock.instant()),
                        Rows.utcOrNull(token.expiresAt()),
                        ids.next(),
                        actor.userId(),
                        actor.tokenId().orElse(null),
                        perUser)
                .map(rows -> Rows.first(rows, TokenStore::entry)
                        .<Issue>map(Issue.Issued::new)
                        .orElseGet(() -> new Issue.TooMany(perUser)));
    }

    private static final Sql ROTATE = Sql.of(
            """
            WITH parent AS (SELECT FROM tokens WHERE id = :parent AND revoked_at IS NULL FOR NO KEY UPDATE),
            old AS (
                UPDATE tokens t SET expires_at = :old_until
                  FROM users u
                 WHERE (:parent::uuid IS NULL OR EXISTS (SELECT FROM parent))
                   AND t.id = :token AND u.id = t.user_id AND %s
                   AND %s
                   AND u.disabled_at IS NULL AND u.deleted_at IS NULL AND %s < :most
                RETURNING t.id, t.user_id, t.name, u.name AS user_name, u.organization_id),
            created AS (
                INSERT INTO tokens (id, user_id, name, hash, created_at, expires_at, parent_id)
                SELECT :replacement, user_id, name, :hash, :at, :expires_at, :parent FROM old
                RETURNING *),
            holder AS (SELECT user_name AS name, organization_id FROM old),
            audited AS (
                %s)
            %s FROM created t CROSS JOIN holder u""".formatted(
                    OF_HOLDER,
                    valid("t"),
                    validTokensOf("t.user_id"),
                    AuditEntry.of("token.rotate", "jsonb_build_object('replacement', :replacement::uuid)", "old"),
                    ENTRY),
            "token",
            "holder",
            "old_until",
            "at",
            "replacement",
            "hash",
            "expires_at",
            "entry",
            "actor",
            "parent",
            "most");

    /**
     * A token to be replaced, and its replacement.
     *
     * @param token the token to be replaced
     * @param holder where given, only a token of this user is replaced
     * @param hash of the replacement
     * @param expiresAt of the replacement
     * @param oldUntil when the old token expires; not later than it would have
     */
    public record Rotation(
            UUID token,
            Optional<UUID> holder,
            byte[] hash,
            @Nullable Instant expiresAt,
            Instant oldUntil) {}

    /**
     * Replaces a token by one of the same user and name. Old and new tokens may overlap, so a user may have
     * twice the number of unexpired tokens that it may create; beyond that the answer is
     * {@link Issue.NoToken}.
     */
    public Uni<Issue> rotate(Rotation rotation, Caller actor) {
        return ROTATE.on(
                        pool,
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
                        ROTATED_MAX * perUser)
                .map(rows -> Rows.first(rows, TokenStore::entry)
                        .<Issue>map(Issue.Issued::new)
                        .orElseGet(Issue.NoToken::new));
    }

    private static final Sql FIND = Sql.of(
            ENTRY + " FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.id = :token AND " + OF_HOLDER,
            "token",
            "holder");

    /** @param holder where given, only a token of this user is found */
    public Uni<Optional<TokenEntry>> find(UUID token, Optional<UUID> holder) {
        return FIND.on(pool, token, holder.orElse(null)).map(rows -> Rows.first(rows, TokenStore::entry));
    }

    private static final Sql LIST = Sql.of(
            """
            %s FROM tokens t JOIN users u ON u.id = t.user_id
             WHERE %s AND %s AND %s
             ORDER BY t.id DESC LIMIT :limit""".formatted(ENTRY, OF_HOLDER, Rules.visibleTo("u.organization_id"), Rules.before("t.id")),
            "holder",
            "organization",
            "before",
            "limit");

    /**
     * Newest first, expired and revoked ones included.
     *
     * @param holder where given, only tokens of this user
     * @param organization where given, only tokens of this organization's users
     */
    public Uni<List<TokenEntry>> list(
            Optional<UUID> holder, Optional<UUID> organization, Optional<UUID> after, int rowsMax) {
        return LIST.on(pool, holder.orElse(null), organization.orElse(null), after.orElse(null), rowsMax)
                .map(rows -> Rows.list(rows, TokenStore::entry));
    }

    private static TokenEntry entry(Row row) {
        return new TokenEntry(
                row.getUUID("id"),
                new Holder(row.getUUID("user_id"), row.getString("user_name"), row.getUUID("organization_id")),
                row.getString("name"),
                Rows.instant(row, "created_at"),
                Rows.instantOrNull(row, "expires_at"),
                Rows.instantOrNull(row, "revoked_at"),
                row.getUUID("parent_id"));
    }

    // UNION, not UNION ALL: it ends even if tokens had made each other in a circle.
    private static final Sql REVOKE = Sql.of(
            """
            WITH RECURSIVE chosen AS (
                SELECT t.id FROM tokens t WHERE t.id = :token AND %1$s
                 UNION
                SELECT t.id FROM chosen c JOIN tokens t ON t.parent_id = c.id
                 WHERE :descendants::boolean AND %1$s),
            revoked AS (
                UPDATE tokens t SET revoked_at = :at FROM chosen c
                 WHERE t.id = c.id AND t.revoked_at IS NULL
                RETURNING t.id),
            changed AS (
                SELECT t.id, u.organization_id FROM tokens t JOIN users u ON u.id = t.user_id
                 WHERE t.id = :token AND EXISTS (SELECT FROM revoked)),
            audited AS (
                %2$s)
            SELECT t.id, t.user_id, u.name AS user_name, u.organization_id, t.name, t.created_at, t.expires_at,
                   coalesce(t.revoked_at, :at) AS revoked_at, t.parent_id
              FROM chosen c JOIN tokens t ON t.id = c.id JOIN users u ON u.id = t.user_id
             WHERE t.id = :token OR EXISTS (SELECT FROM revoked r WHERE r.id = t.id)
             ORDER BY t.id <> :token, t.id""".formatted(
                            OF_HOLDER,
                            AuditEntry.of(
                                    "token.revoke",
                                    "jsonb_build_object('revoked', (SELECT jsonb_agg(r.id ORDER BY r.id) FROM revoked r))",
                                    "changed")),
            "token",
            "holder",
            "descendants",
            "at",
            "actor",
            "entry");

    /**
     * Revokes a token; from the commit on it is refused. Idempotent.
     *
     * @param holder where given, only tokens of this user are revoked
     * @param descendants whether also the tokens created with it are revoked, and the tokens created with those
     * @return the token itself, and then each other that this call revoked; empty where there is no such token
     */
    public Uni<List<TokenEntry>> revoke(UUID token, Optional<UUID> holder, boolean descendants, UUID actor) {
        return pool.withTransaction(
                connection -> revoke(connection, List.of(), token, holder, descendants, actor, ROUNDS_MAX));
    }

    private Uni<List<TokenEntry>> revoke(
            SqlConnection connection,
            List<TokenEntry> before,
            UUID token,
            Optional<UUID> holder,
            boolean descendants,
            UUID actor,
            int roundsLeft) {
        return REVOKE.on(
                        connection,
                        token,
                        holder.orElse(null),
                        descendants,
                        Rows.utc(clock.instant()),
                        actor,
                        ids.next())
                .map(rows -> Rows.list(rows, TokenStore::entry))
                .chain(now -> {
                    List<TokenEntry> all = Stream.concat(before.stream(), now.stream())
                            .distinct()
                            .toList();
                    return descendants && roundsLeft > 1 && all.size() > before.size()
                            ? revoke(connection, all, token, holder, true, actor, roundsLeft - 1)
                            : Uni.createFrom().item(all);
                });
    }
}
