package dev.larder.access;

import dev.larder.database.Batcher;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.http.Access;
import dev.larder.http.Access.Organization;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.PauseColumns;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import dev.larder.model.LevelPause;
import dev.larder.model.Role;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlConnection;
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
 * Organizations, users, and the caller that a token stands for. Each change writes its audit entry in the
 * same statement. A token's secret is never stored: only its SHA-256 is.
 */
@ApplicationScoped
public class AccessStore implements Access {

    /**
     * A user that is not deleted.
     *
     * @param organizationId null for users of the whole deployment
     * @param disabledAt since when its tokens are refused; null for an enabled user
     */
    public record User(
            UUID id,
            @Nullable UUID organizationId,
            String name,
            String role,
            Instant createdAt,
            @Nullable Instant disabledAt) {}

    private static final int TOKENS_AT_ONCE = 256;
    private static final Duration TOKENS_WITHIN = Duration.ofSeconds(10);

    private final Pool pool;
    private final InstantSource clock;
    private final Ids ids;
    private final Batcher<Buffer, Caller> callers = new Batcher<>(TOKENS_AT_ONCE, TOKENS_WITHIN, this::callersOf);

    public AccessStore(Pool pool, InstantSource clock, Ids ids) {
        this.pool = pool;
        this.clock = clock;
        this.ids = ids;
    }

    // The schema allows the system user no token; the condition holds even if one appears.
    private static final Sql CALLER_OF = Sql.of("""
            SELECT t.hash, t.id AS token_id, u.id, u.name, u.role, u.organization_id, t.expires_at
              FROM tokens t JOIN users u ON u.id = t.user_id
             WHERE t.hash = ANY (:hashes::bytea[]) AND %s
               AND NOT u.is_system AND u.disabled_at IS NULL AND u.deleted_at IS NULL""".formatted(TokenStore.valid("t")), "hashes", "at");

    /**
     * The user who holds this token; empty where the token is unknown, expired (from {@code expires_at} on)
     * or revoked, and where the user is disabled or deleted. Requests that arrive together share one
     * statement, which begins after the last of them has arrived.
     */
    public Uni<Optional<Caller>> callerOf(byte[] hash) {
        return callers.ask(Buffer.buffer(hash));
    }

    @Override
    public Uni<Optional<Caller>> caller(String token) {
        return Token.parse(token)
                .map(known -> callerOf(known.hash()))
                .orElseGet(() -> Uni.createFrom().item(Optional.empty()));
    }

    private Uni<Map<Buffer, Caller>> callersOf(Set<Buffer> hashes) {
        return CALLER_OF
                .on(pool, hashes.toArray(Buffer[]::new), Rows.utc(clock.instant()))
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
                Optional.ofNullable(Rows.instantOrNull(row, "expires_at")),
                Optional.of(row.getUUID("token_id")));
    }

    private static final Sql STILL_OPENS = Sql.of("""
            SELECT FROM tokens t JOIN users u ON u.id = t.user_id
             WHERE t.id = :token AND %s
               AND u.disabled_at IS NULL AND u.deleted_at IS NULL AND u.role = :role""".formatted(TokenStore.valid("t")), "token", "at", "role");

    @Override
    public Uni<Boolean> stillOpens(Caller caller) {
        return caller.tokenId()
                .map(token -> STILL_OPENS
                        .on(
                                pool,
                                token,
                                Rows.utc(clock.instant()),
                                caller.role().word())
                        .map(rows -> rows.size() > 0))
                .orElseGet(() -> Uni.createFrom().item(true));
    }

    private static final Sql CREATE_ORGANIZATION = Sql.of(
            """
            WITH created AS (
                INSERT INTO organizations (id, name, created_at) VALUES (:id, :name, :at)
                ON CONFLICT (name) DO NOTHING RETURNING id, id AS organization_id, name, created_at),
            audited AS (
                %s)
            SELECT id, name, created_at FROM created""".formatted(AuditEntry.of("organization.create", "jsonb_build_object('name', name)", "created")),
            "id",
            "name",
            "at",
            "entry",
            "actor");

    /** Empty where the name is taken. */
    public Uni<Optional<Organization>> createOrganization(String name, UUID actor) {
        return CREATE_ORGANIZATION
                .on(pool, ids.next(), name, Rows.utc(clock.instant()), ids.next(), actor)
                .map(rows -> Rows.first(rows, AccessStore::organization));
    }

    private static final String SEEN =
            """
            SELECT o.id, o.name, o.created_at, {pauses} FROM organizations o CROSS JOIN settings d
             WHERE {visible} AND o.deleted_at IS NULL""".replace("{pauses}", PauseColumns.OF_ORGANIZATION).replace("{visible}", Rules.visibleTo("o.id"));

    private static final Sql ORGANIZATIONS = Sql.of(
            SEEN + " AND " + Rules.before("o.id") + " ORDER BY o.id DESC LIMIT :limit",
            "organization",
            "before",
            "limit");

    /** The organizations that the caller may see, newest first. */
    public Uni<List<Organization>> organizations(Caller caller, Optional<UUID> before, int rowsMax) {
        return ORGANIZATIONS
                .on(pool, caller.organization().orElse(null), before.orElse(null), rowsMax)
                .map(rows -> Rows.list(rows, AccessStore::organization));
    }

    private static final Sql ORGANIZATION =
            Sql.of(SEEN + " AND (o.id = :id OR o.name = :name)", "organization", "id", "name");

    @Override
    public Uni<Optional<Organization>> organization(Caller caller, Optional<UUID> id, String idOrName) {
        return ORGANIZATION
                .on(pool, caller.organization().orElse(null), id.orElse(null), idOrName)
                .map(rows -> Rows.first(rows, AccessStore::organization));
    }

    private static Organization organization(Row row) {
        return new Organization(
                row.getUUID("id"),
                row.getString("name"),
                Rows.instant(row, "created_at"),
                LevelPause.all(PauseColumns.in(row)));
    }

    // Waits for a deletion of the organization that is under way, and then creates no user in it.
    private static final Sql CREATE_USER = Sql.of(
            """
            WITH organization AS (SELECT FROM organizations WHERE id = :home::uuid AND deleted_at IS NULL FOR KEY SHARE),
            created AS (
                INSERT INTO users (id, organization_id, name, role, created_at)
                SELECT :id, :home, :name, :role, :at
                 WHERE :home::uuid IS NULL OR EXISTS (SELECT FROM organization)
                ON CONFLICT (organization_id, name) DO NOTHING
                RETURNING id, organization_id, name, role, created_at),
            audited AS (
                %s)
            SELECT id, organization_id, name, role, created_at, NULL::timestamptz AS disabled_at FROM created""".formatted(AuditEntry.of("user.create", "jsonb_build_object('name', name, 'role', role)", "created")),
            "id",
            "home",
            "name",
            "role",
            "at",
            "entry",
            "actor");

    /**
     * Empty where the name is taken in that organization.
     *
     * @param organization empty for a user of the whole deployment
     */
    public Uni<Optional<User>> createUser(Optional<UUID> organization, String name, Role role, UUID actor) {
        return CREATE_USER
                .on(
                        pool,
                        ids.next(),
                        organization.orElse(null),
                        name,
                        role.word(),
                        Rows.utc(clock.instant()),
                        ids.next(),
                        actor)
                .map(rows -> Rows.first(rows, AccessStore::user));
    }

    private static final Sql USERS = Sql.of(
            """
            SELECT id, organization_id, name, role, created_at, disabled_at FROM users
             WHERE %s AND NOT is_system AND deleted_at IS NULL AND %s
             ORDER BY id DESC LIMIT :limit""".formatted(Rules.visibleTo("organization_id"), Rules.before("id")), "organization", "before", "limit");

    /**
     * Newest first, without the system user and deleted users.
     *
     * @param organization empty for the users of all organizations and of the deployment
     */
    public Uni<List<User>> users(Optional<UUID> organization, Optional<UUID> after, int rowsMax) {
        return USERS.on(pool, organization.orElse(null), after.orElse(null), rowsMax)
                .map(rows -> Rows.list(rows, AccessStore::user));
    }

    static User user(Row row) {
        return new User(
                row.getUUID("id"),
                row.getUUID("organization_id"),
                row.getString("name"),
                row.getString("role"),
                Rows.instant(row, "created_at"),
                Rows.instantOrNull(row, "disabled_at"));
    }

    private static final Sql USER_ID =
            Sql.of("""
            SELECT id FROM users
             WHERE NOT is_system AND deleted_at IS NULL
               AND CASE WHEN :id::uuid IS NOT NULL THEN id = :id AND %s
                        ELSE name = :name AND organization_id IS NOT DISTINCT FROM :organization::uuid END""".formatted(Rules.visibleTo("organization_id")), "organization", "id", "name");

    /**
     * Finds a user by id, or by name in an organization or, where none is given, among the users of the
     * deployment. Never the system user, never a deleted one.
     */
    public Uni<Optional<UUID>> userId(Optional<UUID> organization, Optional<UUID> id, String name) {
        return USER_ID.on(pool, organization.orElse(null), id.orElse(null), name)
                .map(rows -> Rows.first(rows, row -> row.getUUID("id")));
    }

    // Of two processes that start at once the second waits at the unique name, and then finds it taken.
    private static final Sql CREATE_FIRST_OWNER = Sql.of(
            """
            WITH created AS (
                INSERT INTO users (id, name, role, created_at)
                SELECT :actor, 'owner', 'owner', :at WHERE NOT EXISTS (SELECT FROM users WHERE NOT is_system)
                ON CONFLICT DO NOTHING RETURNING id, organization_id),
            token AS (
                INSERT INTO tokens (id, user_id, name, hash, created_at)
                SELECT :token, id, 'first', :hash, :at FROM created),
            audited AS (
                %s)
            SELECT id FROM created""".formatted(AuditEntry.of("owner.bootstrap", "'{}'", "created")),
            "actor",
            "at",
            "token",
            "hash",
            "entry");

    /**
     * Creates the user {@code owner} with a token where there is no user yet but the system user.
     *
     * @param handOver gives the token to the operator; run before the commit: where it fails, no owner is
     *     created whose token is lost
     * @return whether it was created; false where users exist
     */
    public Uni<Boolean> createFirstOwner(byte[] hash, Supplier<Uni<Void>> handOver) {
        return pool.withTransaction(connection -> insertFirstOwner(connection, hash)
                .chain(made -> made.size() == 0
                        ? Uni.createFrom().item(false)
                        : handOver.get().replaceWith(true)));
    }

    private Uni<RowSet<Row>> insertFirstOwner(SqlConnection connection, byte[] hash) {
        return CREATE_FIRST_OWNER.on(
                connection, ids.next(), Rows.utc(clock.instant()), ids.next(), Buffer.buffer(hash), ids.next());
    }
}
