package dev.larder.access;

import dev.larder.database.Batcher;
import dev.larder.database.Rows;
import dev.larder.http.Access;
import dev.larder.http.Access.Organization;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import dev.larder.model.Role;
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
 * Organizations, users, and the users behind tokens. Each change writes its audit row in the same statement. A token's secret never comes
 * here: only its SHA-256 does.
 */
@ApplicationScoped
public class AccessStore implements Access {

    /**
     * A user that is not deleted.
     *
     * @param organizationId null for users of the whole deployment
     * @param disabledAt since when its tokens open nothing; null where they do
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

    // The system user holds no token, the schema sees to it; the condition is here so that one never acts even so.
    private static final String CALLER_OF = """
            SELECT t.hash, t.id AS token_id, u.id, u.name, u.role, u.organization_id, t.expires_at
              FROM tokens t JOIN users u ON u.id = t.user_id
             WHERE t.hash = ANY ($1::bytea[]) AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
               AND NOT u.is_system AND u.disabled_at IS NULL AND u.deleted_at IS NULL""";

    /**
     * The user who holds this token; empty where the token is unknown, expired (from {@code expires_at} on) or revoked, and
     * where the user is disabled or deleted. It is read after it was asked for, in one statement with the other tokens that
     * are asked for at the moment.
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
                Optional.ofNullable(Rows.instantOrNull(row, "expires_at")),
                Optional.of(row.getUUID("token_id")));
    }

    private static final String STILL_OPENS = """
            SELECT FROM tokens t JOIN users u ON u.id = t.user_id
             WHERE t.id = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
               AND u.disabled_at IS NULL AND u.deleted_at IS NULL AND u.role = $3""";

    @Override
    public Uni<Boolean> stillOpens(Caller caller) {
        return caller.tokenId()
                .map(token -> pool.preparedQuery(STILL_OPENS)
                        .execute(Tuple.of(
                                token, Rows.utc(clock.instant()), caller.role().word()))
                        .map(rows -> rows.size() > 0))
                .orElseGet(() -> Uni.createFrom().item(true));
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
             WHERE ($1::uuid IS NULL OR id = $1) AND ($2::uuid IS NULL OR id > $2) AND deleted_at IS NULL
             ORDER BY id LIMIT $3""";

    /** Those the caller sees, oldest first. */
    public Uni<List<Organization>> organizations(Caller caller, Optional<UUID> after, int rowsMax) {
        return pool.preparedQuery(ORGANIZATIONS)
                .execute(Tuple.of(caller.organization().orElse(null), after.orElse(null), rowsMax))
                .map(rows -> Rows.list(rows, AccessStore::organization));
    }

    private static final String ORGANIZATION = """
            SELECT id, name, created_at FROM organizations
             WHERE ($1::uuid IS NULL OR id = $1) AND (id = $2 OR name = $3) AND deleted_at IS NULL""";

    @Override
    public Uni<Optional<Organization>> organization(Caller caller, Optional<UUID> id, String idOrName) {
        return pool.preparedQuery(ORGANIZATION)
                .execute(Tuple.of(caller.organization().orElse(null), id.orElse(null), idOrName))
                .map(rows -> Rows.first(rows, AccessStore::organization));
    }

    private static Organization organization(Row row) {
        return new Organization(row.getUUID("id"), row.getString("name"), Rows.instant(row, "created_at"));
    }

    // An organization that is being deleted is waited for, and is then found to be gone.
    private static final String CREATE_USER = """
            WITH home AS (SELECT FROM organizations WHERE id = $2::uuid AND deleted_at IS NULL FOR KEY SHARE),
            made AS (
                INSERT INTO users (id, organization_id, name, role, created_at)
                SELECT $1, $2, $3, $4, $5
                 WHERE $2::uuid IS NULL OR EXISTS (SELECT FROM home)
                ON CONFLICT (organization_id, name) DO NOTHING
                RETURNING id, organization_id, name, role, created_at),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT $6, $5, organization_id, $7, 'user.create', id, jsonb_build_object('name', name, 'role', role)
                  FROM made)
            SELECT id, organization_id, name, role, created_at, NULL::timestamptz AS disabled_at FROM made""";

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
            SELECT id, organization_id, name, role, created_at, disabled_at FROM users
             WHERE ($1::uuid IS NULL OR organization_id = $1) AND NOT is_system AND deleted_at IS NULL AND ($2::uuid IS NULL OR id > $2)
             ORDER BY id LIMIT $3""";

    /** Oldest first, without the system user and deleted users; all organizations where none is named. */
    public Uni<List<User>> users(Optional<UUID> organization, Optional<UUID> after, int rowsMax) {
        return pool.preparedQuery(USERS)
                .execute(Tuple.of(organization.orElse(null), after.orElse(null), rowsMax))
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

    private static final String USER_ID = """
            SELECT id FROM users
             WHERE NOT is_system AND deleted_at IS NULL
               AND CASE WHEN $2::uuid IS NOT NULL THEN id = $2 AND ($1::uuid IS NULL OR organization_id = $1)
                        ELSE name = $3 AND organization_id IS NOT DISTINCT FROM $1 END""";

    /**
     * Finds a user by id, or by name in an organization or, where none is given, among the deployment's own. Never the
     * system user, never a deleted one.
     */
    public Uni<Optional<UUID>> userId(Optional<UUID> organization, Optional<UUID> id, String name) {
        return pool.preparedQuery(USER_ID)
                .execute(Tuple.of(organization.orElse(null), id.orElse(null), name))
                .map(rows -> Rows.first(rows, row -> row.getUUID("id")));
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
