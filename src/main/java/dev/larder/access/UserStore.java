package dev.larder.access;

import dev.larder.access.AccessStore.User;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.EndClaimStore;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import dev.larder.model.Role;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Changes and deletes users. A deleted user keeps its row, which the history refers to, under a name that no
 * new user can have. Each change writes its audit entry in the same transaction.
 */
@ApplicationScoped
public class UserStore {

    /** A claim that was being made when its user was deleted is committed within this time. */
    private static final Duration LATE_CLAIMS = Duration.ofHours(1);

    private static final int USERS_AT_ONCE = 20;

    private final Pool pool;
    private final InstantSource clock;
    private final Ids ids;

    public UserStore(Pool pool, InstantSource clock, Ids ids) {
        this.pool = pool;
        this.clock = clock;
        this.ids = ids;
    }

    /**
     * A user as a caller names it.
     *
     * @param organization of the user; empty for a user of the whole deployment
     * @param id where the caller gave an id
     */
    public record UserName(Optional<UUID> organization, Optional<UUID> id, String name) {}

    /** The result of a change or deletion of a user. */
    public sealed interface Outcome {

        /**
         * The change is done.
         *
         * @param tokens how many unexpired tokens the user had; those of a disabled or deleted user are refused
         * @param claims how many live claims the user had; a change leaves them, a deletion ends them
         */
        record Done(User user, int tokens, int claims) implements Outcome {}

        /** There is no such user that the caller may change. */
        record NoUser() implements Outcome {}

        /** The caller may change members only. */
        record NotAllowed() implements Outcome {}

        /** The user is the last owner that can sign in. */
        record LastOwner() implements Outcome {}

        /** @param claims how many live claims the user has */
        record HasClaims(int claims) implements Outcome {}
    }

    private static final String FOUND = """
            SELECT id, organization_id, name, role, created_at, disabled_at FROM users
             WHERE NOT is_system AND deleted_at IS NULL AND organization_id IS NOT DISTINCT FROM :organization::uuid
               AND CASE WHEN :id::uuid IS NOT NULL THEN id = :id ELSE name = :name END""";

    private static final Sql FIND = Sql.of(FOUND, "organization", "id", "name");

    public Uni<Optional<User>> find(UserName user) {
        return FIND.on(pool, user.organization().orElse(null), user.id().orElse(null), user.name())
                .map(rows -> Rows.first(rows, AccessStore::user));
    }

    // Locks all owners in one order, so that if two owners remove each other the second is refused.
    private static final Sql LOCK = Sql.of("""
            SELECT u.id FROM users u
             WHERE NOT u.is_system AND u.deleted_at IS NULL
               AND (u.id = (SELECT f.id FROM (%s) f) OR (u.role = 'owner' AND :organization::uuid IS NULL))
             ORDER BY u.id
               FOR UPDATE""".formatted(FOUND), "organization", "id", "name");

    private static final Sql LOCKED =
            Sql.of("""
            SELECT u.id, u.organization_id, u.name, u.role, u.created_at, u.disabled_at,
                   u.role = 'owner' AND NOT EXISTS (
                       SELECT FROM users o
                        WHERE o.role = 'owner' AND o.disabled_at IS NULL AND o.deleted_at IS NULL AND o.id <> u.id)
                       AS last_owner,
                   %s::integer AS tokens,
                   (SELECT count(*) FROM claims c WHERE c.user_id = u.id AND c.ended_at IS NULL)::integer AS claims
              FROM (%s) u""".formatted(TokenStore.validTokensOf("u.id"), FOUND), "organization", "id", "name", "at");

    /** A locked user, with its live claims and unexpired tokens counted. */
    private record LockedUser(User user, boolean lastOwner, int tokens, int claims) {}

    private Uni<Optional<LockedUser>> lock(SqlConnection connection, UserName user, Instant at) {
        @Nullable UUID organization = user.organization().orElse(null);
        @Nullable UUID id = user.id().orElse(null);
        return LOCK.on(connection, organization, id, user.name())
                .chain(() -> LOCKED.on(connection, organization, id, user.name(), Rows.utc(at)))
                .map(rows -> Rows.first(rows, UserStore::locked));
    }

    private static LockedUser locked(Row row) {
        return new LockedUser(
                AccessStore.user(row),
                Boolean.TRUE.equals(row.getBoolean("last_owner")),
                row.getInteger("tokens"),
                row.getInteger("claims"));
    }

    /** The new values of a user; an empty one leaves the old value. */
    public record Change(Optional<Role> role, Optional<Boolean> disabled) {

        /** Whether an owner would be none after the change, or could not sign in. */
        private boolean endsOwner() {
            return role.filter(wanted -> wanted != Role.OWNER).isPresent()
                    || disabled.filter(wanted -> wanted).isPresent();
        }
    }

    /**
     * Changes a user. From the commit on requests are answered by the new role, and a disabled user's tokens
     * are refused; its waiting claims are canceled, its other claims go on.
     */
    public Uni<Outcome> change(UserName user, Change change, Caller actor) {
        Instant at = clock.instant();
        return pool.withTransaction(connection ->
                lock(connection, user, at).chain(locked -> changeUnlessRefused(connection, locked, change, actor, at)));
    }

    private Uni<Outcome> changeUnlessRefused(
            SqlConnection connection, Optional<LockedUser> locked, Change change, Caller actor, Instant at) {
        Optional<Outcome> refused = refusal(locked, change.endsOwner(), actor);
        return refused.isPresent()
                ? Uni.createFrom().item(refused.get())
                : change(connection, locked.orElseThrow(), change, actor, at);
    }

    private static Optional<Outcome> refusal(Optional<LockedUser> locked, boolean endsOwner, Caller actor) {
        if (locked.isEmpty()) {
            return Optional.of(new Outcome.NoUser());
        }
        boolean member = locked.get().user().role().equals(Role.MEMBER.word());
        if (actor.role() != Role.OWNER && !member) {
            return Optional.of(new Outcome.NotAllowed());
        }
        return locked.get().lastOwner() && endsOwner ? Optional.of(new Outcome.LastOwner()) : Optional.empty();
    }

    private static final Sql CHANGE = Sql.of(
            """
            WITH changed AS (
                UPDATE users
                   SET role = coalesce(:role, role),
                       disabled_at = CASE WHEN :disabled::boolean THEN coalesce(disabled_at, :at)
                                          WHEN NOT :disabled::boolean THEN NULL ELSE disabled_at END
                 WHERE id = :user
                RETURNING id, organization_id, name, role, created_at, disabled_at),
            audited AS (
                %s)
            SELECT * FROM changed""".formatted(AuditEntry.of(
                    "user.change", "jsonb_build_object('role', role, 'disabled', disabled_at IS NOT NULL)", "changed")),
            "user",
            "role",
            "disabled",
            "at",
            "entry",
            "actor");

    private Uni<Outcome> change(SqlConnection connection, LockedUser locked, Change change, Caller actor, Instant at) {
        UUID user = locked.user().id();
        return CHANGE.on(
                        connection,
                        user,
                        change.role().map(Role::word).orElse(null),
                        change.disabled().orElse(null),
                        Rows.utc(at),
                        ids.next(),
                        actor.userId())
                .map(rows -> AccessStore.user(rows.iterator().next()))
                .call(changed -> changed.disabledAt() == null
                        ? Uni.createFrom().voidItem()
                        : EndClaimStore.cancelAllOf(connection, user, at))
                .map(changed -> new Outcome.Done(changed, locked.tokens(), locked.claims()));
    }

    /**
     * Deletes a user: its tokens are revoked, its waiting claims canceled.
     *
     * @param release whether its other claims are released, which destroys their workspaces; where there are
     *     any and this is false nothing is done
     */
    public Uni<Outcome> delete(UserName user, boolean release, Caller actor) {
        Instant at = clock.instant();
        return pool.withTransaction(connection -> lock(connection, user, at)
                .chain(locked -> deleteUnlessRefused(connection, locked, release, actor, at)));
    }

    private Uni<Outcome> deleteUnlessRefused(
            SqlConnection connection, Optional<LockedUser> locked, boolean release, Caller actor, Instant at) {
        Optional<Outcome> refused = refusal(locked, true, actor)
                .or(() -> locked.filter(found -> found.claims() > 0 && !release)
                        .map(found -> new Outcome.HasClaims(found.claims())));
        return refused.isPresent()
                ? Uni.createFrom().item(refused.get())
                : delete(connection, locked.orElseThrow(), actor, at);
    }

    // No new name may have parentheses, so the changed name is never taken; cut, so that it has at most 128
    // characters.
    private static final Sql DELETE = Sql.of(
            """
            WITH deleted AS (
                UPDATE users SET deleted_at = :at, name = left(name, 80) || ' (deleted ' || id || ')'
                 WHERE id = :user RETURNING id, organization_id),
            revoked AS (
                UPDATE tokens SET revoked_at = :at WHERE user_id = :user AND revoked_at IS NULL)
            %s""".formatted(AuditEntry.of("user.delete", "jsonb_build_object('name', :name::text)", "deleted")),
            "user",
            "name",
            "at",
            "entry",
            "actor");

    private Uni<Outcome> delete(SqlConnection connection, LockedUser locked, Caller actor, Instant at) {
        User user = locked.user();
        return DELETE.on(connection, user.id(), user.name(), Rows.utc(at), ids.next(), actor.userId())
                .chain(() -> endClaims(connection, user.id(), at))
                .map(ended -> new Outcome.Done(user, locked.tokens(), locked.claims()));
    }

    private static final Sql DELETED_WITH_CLAIMS = Sql.of("""
            SELECT u.id FROM users u
             WHERE u.deleted_at > :since AND EXISTS (SELECT FROM claims c WHERE c.user_id = u.id AND c.ended_at IS NULL)
             ORDER BY u.deleted_at LIMIT :limit""", "since", "limit");

    /**
     * Ends claims of users who were deleted while the claims were being made. At most {@value #USERS_AT_ONCE}
     * users at a time.
     *
     * @return how many claims were ended
     */
    public Uni<Integer> endLateClaims() {
        Instant at = clock.instant();
        return DELETED_WITH_CLAIMS
                .on(pool, Rows.utc(at.minus(LATE_CLAIMS)), USERS_AT_ONCE)
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
        return EndClaimStore.cancelAllOf(connection, user, at)
                .chain(canceled ->
                        EndClaimStore.releaseAllOf(connection, user, at).map(released -> canceled + released));
    }
}
