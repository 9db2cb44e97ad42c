package dev.larder.store;

import dev.larder.pool.Caller;
import dev.larder.pool.Ids;
import dev.larder.pool.Role;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Organizations, users and tokens. Each change writes its audit row in the same statement. A token's secret never comes
 * here: only its SHA-256 does.
 */
@ApplicationScoped
public class AccessStore {

    /** What {@code /organizations} shows. */
    public record Organization(UUID id, String name, Instant createdAt) {}

    /** @param organizationId null for users of the whole deployment */
    public record User(UUID id, @Nullable UUID organizationId, String name, String role, Instant createdAt) {}

    /** All of a token but its secret, which nobody has but its holder. */
    public record TokenEntry(
            UUID id,
            UUID userId,
            String userName,
            @Nullable UUID organizationId,
            String name,
            Instant createdAt,
            @Nullable Instant expiresAt,
            @Nullable Instant revokedAt) {}

    /** @param hash SHA-256 of the whole token text; 32 bytes */
    public record NewToken(
            UUID userId, String name, byte[] hash, @Nullable Instant expiresAt) {}

    private static final int TOKENS_AT_ONCE = 256;
    private static final Duration TOKENS_WITHIN = Duration.ofSeconds(10);

    private final Pool pool;
    private final InstantSource clock;
    private final Ids ids;
    private final Together<Buffer, Caller> callers = new Together<>(TOKENS_AT_ONCE, TOKENS_WITHIN, this::callersOf);

    public AccessStore(Pool pool, InstantSource clock, Ids ids) {
        this.pool = pool;
        this.clock = clock;
        this.ids = ids;
    }

    // The system user holds no token, the schema sees to it; the condition is here so that one never acts even so.
    private static final String CALLER_OF = """
            SELECT t.hash, u.id, u.name, u.role, u.organization_id, t.expires_at
              FROM tokens t JOIN users u ON u.id = t.user_id
             WHERE t.hash = ANY ($1::bytea[]) AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
               AND NOT u.is_system""";

    /**
     * Who holds this token; empty where it is unknown, expired (from {@code expires_at} on) or revoked. It is read after it
     * was asked for, in one statement with the other tokens that are asked for at the moment.
     */
    public Uni<Optional<Caller>> callerOf(byte[] hash) {
        return callers.ask(Buffer.buffer(hash));
    }

    private Uni<Map<Buffer, Caller>> callersOf(Set<Buffer> hashes) {
        return pool.preparedQuery(CALLER_OF)
                .execute(Tuple.of(hashes.toArray(Buffer[]::new), Rows.utc(clock.instant())))
                .map(rows -> Rows.list(rows, row -> row).stream()
                        .collect(Collectors.toMap(
                                row -> Buffer.buffer(row.getBuffer("hash").getBytes()), AccessStore::caller)));
    }

    private static Caller caller(Row row) {
        return new Caller(
                row.getUUID("id"),
                row.getString("name"),
                Role.of(row.getString("role")),
                Optional.ofNullable(row.getUUID("organization_id")),
                Optional.ofNullable(Rows.instantOrNull(row, "expires_at")));
    }

    private static final String CREATE_ORGANIZATION = """
            WITH made AS (
                INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3)
                ON CONFLICT (name) DO NOTHING RETURNING id, name, created_at),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT $4, $3, id, $5, 'organization.create', id, jsonb_build_object('name', name) FROM made)
            SELECT id, name, created_at FROM made""";

    /** Empty where the name is taken. */
    public Uni<Optional<Organization>> createOrganization(String name, UUID actor) {
        return pool.preparedQuery(CREATE_ORGANIZATION)
                .execute(Tuple.of(ids.next(), name, Rows.utc(clock.instant()), ids.next(), actor))
                .map(rows -> Rows.first(rows, AccessStore::organization));
    }

    private static final String ORGANIZATIONS = """
            SELECT id, name, created_at FROM organizations
             WHERE ($1::uuid IS NULL OR id = $1) AND ($2::uuid IS NULL OR id > $2)
             ORDER BY id LIMIT $3""";

    /** Those the caller sees, oldest first. */
    public Uni<List<Organization>> organizations(Caller caller, Optional<UUID> after, int rowsMax) {
        return pool.preparedQuery(ORGANIZATIONS)
                .execute(Tuple.of(caller.organization().orElse(null), after.orElse(null), rowsMax))
                .map(rows -> Rows.list(rows, AccessStore::organization));
    }

    private static final String ORGANIZATION = """
            SELECT id, name, created_at FROM organizations
             WHERE ($1::uuid IS NULL OR id = $1) AND (id = $2 OR name = $3)""";

    /**
     * One organization by id or name; empty where there is none or the caller does not see it.
     *
     * @param idOrName never ambiguous: a name that reads as an id is refused when it is made
     */
    public Uni<Optional<Organization>> organization(Caller caller, Optional<UUID> id, String idOrName) {
        return pool.preparedQuery(ORGANIZATION)
                .execute(Tuple.of(caller.organization().orElse(null), id.orElse(null), idOrName))
                .map(rows -> Rows.first(rows, AccessStore::organization));
    }

    private static Organization organization(Row row) {
        return new Organization(row.getUUID("id"), row.getString("name"), Rows.instant(row, "created_at"));
    }

    private static final String CREATE_USER = """
            WITH made AS (
                INSERT INTO users (id, organization_id, name, role, created_at) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (organization_id, name) DO NOTHING
                RETURNING id, organization_id, name, role, created_at),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT $6, $5, organization_id, $7, 'user.create', id, jsonb_build_object('name', name, 'role', role)
                  FROM made)
            SELECT id, organization_id, name, role, created_at FROM made""";

    /**
     * Empty where the name is taken in that organization.
     *
     * @param organization empty for a user of the whole deployment
     */
    public Uni<Optional<User>> createUser(Optional<UUID> organization, String name, Role role, UUID actor) {
        return pool.preparedQuery(CREATE_USER)
                .execute(Tuple.from(new Object[] {
                    ids.next(),
                    organization.orElse(null),
                    name,
                    role.word(),
                    Rows.utc(clock.instant()),
                    ids.next(),
                    actor
                }))
                .map(rows -> Rows.first(rows, AccessStore::user));
    }

    private static final String USERS = """
            SELECT id, organization_id, name, role, created_at FROM users
             WHERE ($1::uuid IS NULL OR organization_id = $1) AND NOT is_system AND ($2::uuid IS NULL OR id > $2)
             ORDER BY id LIMIT $3""";

    /** Oldest first, the system user left out; all organizations where none is named. */
    public Uni<List<User>> users(Optional<UUID> organization, Optional<UUID> after, int rowsMax) {
        return pool.preparedQuery(USERS)
                .execute(Tuple.of(organization.orElse(null), after.orElse(null), rowsMax))
                .map(rows -> Rows.list(rows, AccessStore::user));
    }

    private static User user(Row row) {
        return new User(
                row.getUUID("id"),
                row.getUUID("organization_id"),
                row.getString("name"),
                row.getString("role"),
                Rows.instant(row, "created_at"));
    }

    private static final String USER_ID = """
            SELECT id FROM users
             WHERE NOT is_system
               AND CASE WHEN $2::uuid IS NOT NULL THEN id = $2 AND ($1::uuid IS NULL OR organization_id = $1)
                        ELSE name = $3 AND organization_id IS NOT DISTINCT FROM $1 END""";

    /**
     * Finds a user by id, or by name in an organization or, where none is given, among the deployment's own. Never the
     * system user.
     */
    public Uni<Optional<UUID>> userId(Optional<UUID> organization, Optional<UUID> id, String name) {
        return pool.preparedQuery(USER_ID)
                .execute(Tuple.of(organization.orElse(null), id.orElse(null), name))
                .map(rows -> Rows.first(rows, row -> row.getUUID("id")));
    }

    private static final String CREATE_TOKEN = """
            WITH holder AS (SELECT id, name, organization_id FROM users WHERE id = $2 AND NOT is_system),
            made AS (
                INSERT INTO tokens (id, user_id, name, hash, created_at, expires_at)
                SELECT $1, id, $3, $4, $5, $6 FROM holder
                RETURNING id, user_id, name, created_at, expires_at, revoked_at),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT $7, $5, h.organization_id, $8, 'token.create', m.id,
                       jsonb_build_object('name', m.name, 'user', m.user_id)
                  FROM made m, holder h)
            SELECT m.id, m.user_id, h.name AS user_name, h.organization_id, m.name, m.created_at, m.expires_at,
                   m.revoked_at
              FROM made m, holder h""";

    /** Empty where there is no such user, or it is the system user. */
    public Uni<Optional<TokenEntry>> createToken(NewToken token, UUID actor) {
        return pool.preparedQuery(CREATE_TOKEN)
                .execute(Tuple.from(new Object[] {
                    ids.next(),
                    token.userId(),
                    token.name(),
                    Buffer.buffer(token.hash()),
                    Rows.utc(clock.instant()),
                    Rows.utcOrNull(token.expiresAt()),
                    ids.next(),
                    actor
                }))
                .map(rows -> Rows.first(rows, AccessStore::tokenEntry));
    }

    private static final String TOKENS = """
            SELECT t.id, t.user_id, u.name AS user_name, u.organization_id, t.name, t.created_at, t.expires_at,
                   t.revoked_at
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
    public Uni<List<TokenEntry>> tokens(
            Optional<UUID> holder, Optional<UUID> organization, Optional<UUID> after, int rowsMax) {
        return pool.preparedQuery(TOKENS)
                .execute(Tuple.of(holder.orElse(null), organization.orElse(null), after.orElse(null), rowsMax))
                .map(rows -> Rows.list(rows, AccessStore::tokenEntry));
    }

    private static TokenEntry tokenEntry(Row row) {
        return new TokenEntry(
                row.getUUID("id"),
                row.getUUID("user_id"),
                row.getString("user_name"),
                row.getUUID("organization_id"),
                row.getString("name"),
                Rows.instant(row, "created_at"),
                Rows.instantOrNull(row, "expires_at"),
                Rows.instantOrNull(row, "revoked_at"));
    }

    private static final String REVOKE_TOKEN = """
            WITH found AS (
                SELECT t.id, u.organization_id, t.revoked_at
                  FROM tokens t JOIN users u ON u.id = t.user_id
                 WHERE t.id = $1 AND ($2::uuid IS NULL OR t.user_id = $2)),
            revoked AS (
                UPDATE tokens t SET revoked_at = $3 FROM found f
                 WHERE t.id = f.id AND t.revoked_at IS NULL RETURNING t.id),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id)
                SELECT $4, $3, f.organization_id, $5, 'token.revoke', r.id FROM revoked r JOIN found f ON f.id = r.id)
            SELECT id FROM found""";

    /**
     * From the commit on the token opens nothing. Revoking again is no error and changes nothing.
     *
     * @param holder only if it is this user's, where named
     * @return whether there is such a token
     */
    public Uni<Boolean> revokeToken(UUID token, Optional<UUID> holder, UUID actor) {
        return pool.preparedQuery(REVOKE_TOKEN)
                .execute(Tuple.of(token, holder.orElse(null), Rows.utc(clock.instant()), ids.next(), actor))
                .map(rows -> rows.size() > 0);
    }

    // Of two processes that start at once one waits at the unique name for the other, and then finds it taken.
    private static final String CREATE_FIRST_OWNER = """
            WITH made AS (
                INSERT INTO users (id, name, role, created_at)
                SELECT $1, 'owner', 'owner', $2 WHERE NOT EXISTS (SELECT FROM users WHERE NOT is_system)
                ON CONFLICT DO NOTHING RETURNING id),
            token AS (
                INSERT INTO tokens (id, user_id, name, hash, created_at) SELECT $3, id, 'first', $4, $2 FROM made),
            audited AS (
                INSERT INTO audit (id, at, actor_id, action, target_id)
                SELECT $5, $2, id, 'owner.bootstrap', id FROM made)
            SELECT id FROM made""";

    /**
     * Creates the user {@code owner} with a token where there is no user yet but the system user.
     *
     * @param handOver gives the token to a person; run before the commit, so that an owner whose token nobody has
     *     received is never created
     * @return whether it was created; false where users exist
     */
    public Uni<Boolean> createFirstOwner(byte[] hash, Supplier<Uni<Void>> handOver) {
        return pool.withTransaction(connection -> insertFirstOwner(connection, hash)
                .chain(made -> made.size() == 0
                        ? Uni.createFrom().item(false)
                        : handOver.get().replaceWith(true)));
    }

    private Uni<RowSet<Row>> insertFirstOwner(SqlConnection connection, byte[] hash) {
        return connection
                .preparedQuery(CREATE_FIRST_OWNER)
                .execute(Tuple.of(ids.next(), Rows.utc(clock.instant()), ids.next(), Buffer.buffer(hash), ids.next()));
    }
}
