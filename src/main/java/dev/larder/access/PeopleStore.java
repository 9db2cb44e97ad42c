package dev.larder.access;

import dev.larder.access.AccessStore.User;
import dev.larder.database.Rows;
import dev.larder.lifecycle.LeaseStore;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import dev.larder.model.Role;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * Changes and removes users, and removes organizations. A removed one keeps its row, which the history refers to, under a
 * name that no new one can take. Each change writes its audit row in the same transaction.
 */
@ApplicationScoped
public class PeopleStore {

    /** How long after a deletion a claim may come to light that was being made when its user was deleted. */
    private static final Duration LATE_CLAIMS = Duration.ofHours(1);

    private static final int USERS_AT_ONCE = 20;

    private final Pool pool;
    private final InstantSource clock;
    private final Ids ids;

    public PeopleStore(Pool pool, InstantSource clock, Ids ids) {
        this.pool = pool;
        this.clock = clock;
        this.ids = ids;
    }

    /**
     * Which user is meant.
     *
     * @param organization the user's; empty for a user of the whole deployment
     * @param id where the name reads as an id
     */
    public record Named(Optional<UUID> organization, Optional<UUID> id, String name) {}

    /** What became of a change. */
    public sealed interface Outcome {

        /**
         * The change is done.
         *
         * @param tokens unexpired tokens of the user, which a disabled or deleted user's requests can use no more
         * @param claims live claims of the user: those that go on after a change, those that were ended by a deletion
         */
        record Done(User user, int tokens, int claims) implements Outcome {}

        /** There is no such user that the caller may change. */
        record NoUser() implements Outcome {}

        /** The caller may change members only. */
        record NotAllowed() implements Outcome {}

        /** Without this owner the deployment would have none that can sign in. */
        record LastOwner() implements Outcome {}

        /** @param claims how many live claims the user has */
        record HasClaims(int claims) implements Outcome {}
    }

    private static final String FIND = """
            SELECT id, organization_id, name, role, created_at, disabled_at FROM users
             WHERE NOT is_system AND deleted_at IS NULL AND organization_id IS NOT DISTINCT FROM $1
               AND CASE WHEN $2::uuid IS NOT NULL THEN id = $2 ELSE name = $3 END""";

    public Uni<Optional<User>> find(Named user) {
        return pool.preparedQuery(FIND).execute(named(user)).map(rows -> Rows.first(rows, AccessStore::user));
    }

    private static Tuple named(Named user) {
        return Tuple.of(user.organization().orElse(null), user.id().orElse(null), user.name());
    }

    // All owners are locked in one order, so that of two owners who remove each other the second is refused.
    private static final String LOCK = """
            SELECT u.id FROM users u
             WHERE NOT u.is_system AND u.deleted_at IS NULL
               AND (u.id = (SELECT f.id FROM (%s) f) OR (u.role = 'owner' AND $1::uuid IS NULL))
             ORDER BY u.id
               FOR UPDATE""".formatted(FIND);

    private static final String LOOK = """
            SELECT u.id, u.organization_id, u.name, u.role, u.created_at, u.disabled_at,
                   u.role = 'owner' AND NOT EXISTS (
                       SELECT FROM users o
                        WHERE o.role = 'owner' AND o.disabled_at IS NULL AND o.deleted_at IS NULL AND o.id <> u.id)
                       AS last_owner,
                   (SELECT count(*) FROM tokens t
                     WHERE t.user_id = u.id AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $4))::integer
                       AS tokens,
                   (SELECT count(*) FROM claims c WHERE c.user_id = u.id AND c.ended_at IS NULL)::integer AS claims
              FROM (%s) u""".formatted(FIND);

    /** A user under lock, with what hangs on it. */
    private record Looked(User user, boolean lastOwner, int tokens, int claims) {}

    private Uni<Optional<Looked>> lock(SqlConnection connection, Named user, Instant at) {
        Tuple look = named(user).addValue(Rows.utc(at));
        return connection
                .preparedQuery(LOCK)
                .execute(named(user))
                .chain(() -> connection.preparedQuery(LOOK).execute(look))
                .map(rows -> Rows.first(rows, PeopleStore::looked));
    }

    private static Looked looked(Row row) {
        return new Looked(
                AccessStore.user(row),
                Boolean.TRUE.equals(row.getBoolean("last_owner")),
                row.getInteger("tokens"),
                row.getInteger("claims"));
    }

    /** What is to be changed; what is empty stays. */
    public record Change(Optional<Role> role, Optional<Boolean> disabled) {

        /** Whether the change takes an owner's power away. */
        private boolean endsOwner() {
            return role.filter(wanted -> wanted != Role.OWNER).isPresent()
                    || disabled.filter(wanted -> wanted).isPresent();
        }
    }

    /**
     * Changes a user. From the commit on requests are answered by the new role, and a disabled user's tokens open nothing; its
     * waiting claims are canceled, its other claims go on.
     */
    public Uni<Outcome> change(Named user, Change change, Caller actor) {
        Instant at = clock.instant();
        return pool.withTransaction(connection ->
                lock(connection, user, at).chain(looked -> changeUnlessRefused(connection, looked, change, actor, at)));
    }

    private Uni<Outcome> changeUnlessRefused(
            SqlConnection connection, Optional<Looked> looked, Change change, Caller actor, Instant at) {
        Optional<Outcome> refused = refusal(looked, change.endsOwner(), actor);
        return refused.isPresent()
                ? Uni.createFrom().item(refused.get())
                : change(connection, looked.orElseThrow(), change, actor, at);
    }

    private static Optional<Outcome> refusal(Optional<Looked> looked, boolean endsOwner, Caller actor) {
        if (looked.isEmpty()) {
            return Optional.of(new Outcome.NoUser());
        }
        boolean member = looked.get().user().role().equals(Role.MEMBER.word());
        if (actor.role() != Role.OWNER && !member) {
            return Optional.of(new Outcome.NotAllowed());
        }
        return looked.get().lastOwner() && endsOwner ? Optional.of(new Outcome.LastOwner()) : Optional.empty();
    }

    private static final String CHANGE = """
            WITH changed AS (
                UPDATE users
                   SET role = coalesce($2, role),
                       disabled_at = CASE WHEN $3::boolean THEN coalesce(disabled_at, $4)
                                          WHEN NOT $3::boolean THEN NULL ELSE disabled_at END
                 WHERE id = $1
                RETURNING id, organization_id, name, role, created_at, disabled_at),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT $5, $4, organization_id, $6, 'user.change', id,
                       jsonb_build_object('role', role, 'disabled', disabled_at IS NOT NULL) FROM changed)
            SELECT * FROM changed""";

    private Uni<Outcome> change(SqlConnection connection, Looked looked, Change change, Caller actor, Instant at) {
        UUID user = looked.user().id();
        return connection
                .preparedQuery(CHANGE)
                .execute(Tuple.of(
                        user,
                        change.role().map(Role::word).orElse(null),
                        change.disabled().orElse(null),
                        Rows.utc(at),
                        ids.next(),
                        actor.userId()))
                .map(rows -> AccessStore.user(rows.iterator().next()))
                .call(changed -> changed.disabledAt() == null
                        ? Uni.createFrom().voidItem()
                        : LeaseStore.cancelAllOf(connection, user, at))
                .map(changed -> new Outcome.Done(changed, looked.tokens(), looked.claims()));
    }

    /**
     * Deletes a user: its tokens are revoked, its waiting claims canceled.
     *
     * @param release whether its other claims are released, which destroys their workspaces; where there are any and this is
     *     false nothing is done
     */
    public Uni<Outcome> delete(Named user, boolean release, Caller actor) {
        Instant at = clock.instant();
        return pool.withTransaction(connection -> lock(connection, user, at)
                .chain(looked -> deleteUnlessRefused(connection, looked, release, actor, at)));
    }

    private Uni<Outcome> deleteUnlessRefused(
            SqlConnection connection, Optional<Looked> looked, boolean release, Caller actor, Instant at) {
        Optional<Outcome> refused = refusal(looked, true, actor)
                .or(() -> looked.filter(found -> found.claims() > 0 && !release)
                        .map(found -> new Outcome.HasClaims(found.claims())));
        return refused.isPresent()
                ? Uni.createFrom().item(refused.get())
                : delete(connection, looked.orElseThrow(), actor, at);
    }

    // No new name has parentheses; the longest is cut, so that the whole has at most 128 characters.
    private static final String DELETE = """
            WITH deleted AS (
                UPDATE users SET deleted_at = $2, name = left(name, 80) || ' (deleted ' || id || ')'
                 WHERE id = $1 RETURNING id, organization_id),
            revoked AS (
                UPDATE tokens SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL)
            INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
            SELECT $3, $2, organization_id, $4, 'user.delete', id, jsonb_build_object('name', $5::text) FROM deleted""";

    private Uni<Outcome> delete(SqlConnection connection, Looked looked, Caller actor, Instant at) {
        User user = looked.user();
        return connection
                .preparedQuery(DELETE)
                .execute(Tuple.of(user.id(), Rows.utc(at), ids.next(), actor.userId(), user.name()))
                .chain(() -> endClaims(connection, user.id(), at))
                .map(ended -> new Outcome.Done(user, looked.tokens(), looked.claims()));
    }

    private static final String DELETED_WITH_CLAIMS = """
            SELECT u.id FROM users u
             WHERE u.deleted_at > $1 AND EXISTS (SELECT FROM claims c WHERE c.user_id = u.id AND c.ended_at IS NULL)
             ORDER BY u.deleted_at LIMIT $2""";

    /**
     * Ends claims of users who were deleted while the claims were being made. At most {@value #USERS_AT_ONCE} users at a time.
     *
     * @return how many claims were ended
     */
    public Uni<Integer> endLateClaims() {
        Instant at = clock.instant();
        return pool.preparedQuery(DELETED_WITH_CLAIMS)
                .execute(Tuple.of(Rows.utc(at.minus(LATE_CLAIMS)), USERS_AT_ONCE))
                .map(rows -> Rows.list(rows, row -> row.getUUID("id")))
                .chain(users -> endClaims(users, at));
    }

    private Uni<Integer> endClaims(List<UUID> users, Instant at) {
        return Multi.createFrom()
                .iterable(users)
                .onItem()
                .transformToUniAndConcatenate(
                        user -> pool.withTransaction(connection -> endClaims(connection, user, at)))
                .collect()
                .with(Collectors.summingInt(Integer::intValue));
    }

    private static Uni<Integer> endClaims(SqlConnection connection, UUID user, Instant at) {
        return LeaseStore.cancelAllOf(connection, user, at)
                .chain(canceled -> LeaseStore.releaseAllOf(connection, user, at).map(released -> canceled + released));
    }

    /** What became of the deletion of an organization. */
    public sealed interface Removal {

        record Removed() implements Removal {}

        record NoOrganization() implements Removal {}

        /** What is left in it, which has to go first. */
        record NotEmpty(int users, int templates, int workspaces, int claims) implements Removal {}
    }

    // Users and templates are made under a key share lock of their organization.
    private static final String LOCK_ORGANIZATION =
            "SELECT id FROM organizations WHERE id = $1 AND deleted_at IS NULL FOR UPDATE";

    private static final String LEFT_IN_ORGANIZATION = """
            SELECT (SELECT count(*) FROM users WHERE organization_id = $1 AND deleted_at IS NULL)::integer AS users,
                   (SELECT count(*) FROM templates WHERE organization_id = $1 AND deleted_at IS NULL)::integer AS templates,
                   (SELECT count(*) FROM workspaces WHERE organization_id = $1 AND deleted_at IS NULL)::integer AS workspaces,
                   (SELECT count(*) FROM claims WHERE organization_id = $1 AND ended_at IS NULL)::integer AS claims""";

    private static final String DELETE_ORGANIZATION = """
            WITH deleted AS (
                UPDATE organizations SET deleted_at = $2, name = 'deleted-' || id WHERE id = $1 RETURNING id)
            INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
            SELECT $3, $2, id, $4, 'organization.delete', id, jsonb_build_object('name', $5::text) FROM deleted""";

    /** Deletes an organization in which no user, template, workspace or claim is left. Its name is free from then on. */
    public Uni<Removal> deleteOrganization(UUID organization, String name, Caller actor) {
        return pool.withTransaction(connection -> connection
                .preparedQuery(LOCK_ORGANIZATION)
                .execute(Tuple.of(organization))
                .chain(locked -> locked.size() == 0
                        ? Uni.createFrom().item(new Removal.NoOrganization())
                        : removeIfEmpty(connection, organization, name, actor)));
    }

    private Uni<Removal> removeIfEmpty(SqlConnection connection, UUID organization, String name, Caller actor) {
        return connection
                .preparedQuery(LEFT_IN_ORGANIZATION)
                .execute(Tuple.of(organization))
                .map(rows -> left(rows.iterator().next()))
                .chain(left -> left.isPresent()
                        ? Uni.createFrom().item(left.get())
                        : remove(connection, organization, name, actor));
    }

    private static Optional<Removal> left(Row row) {
        var left = new Removal.NotEmpty(
                row.getInteger("users"),
                row.getInteger("templates"),
                row.getInteger("workspaces"),
                row.getInteger("claims"));
        return left.users() + left.templates() + left.workspaces() + left.claims() == 0
                ? Optional.empty()
                : Optional.of(left);
    }

    private Uni<Removal> remove(SqlConnection connection, UUID organization, String name, Caller actor) {
        return connection
                .preparedQuery(DELETE_ORGANIZATION)
                .execute(Tuple.of(organization, Rows.utc(clock.instant()), ids.next(), actor.userId(), name))
                .replaceWith(new Removal.Removed());
    }
}
