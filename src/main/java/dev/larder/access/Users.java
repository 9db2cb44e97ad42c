package dev.larder.access;

import static dev.larder.wakeup.Change.USER_DELETED;

import dev.larder.access.AccessStore.User;
import dev.larder.access.UserStore.Change;
import dev.larder.access.UserStore.Outcome;
import dev.larder.access.UserStore.UserName;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Shows, changes and deletes one user; the same for users of an organization and of the whole deployment. */
@ApplicationScoped
class Users {

    private static final Set<Role> OF_ORGANIZATION =
            Set.of(Role.TEMPLATE_ADMIN, Role.MEMBER, Role.WORKER, Role.AUDITOR);
    private static final Set<Role> OF_DEPLOYMENT = Set.of(Role.OWNER, Role.WORKER, Role.AUDITOR);

    private final UserStore store;
    private final WakeUps wakeUps;

    Users(UserStore store, WakeUps wakeUps) {
        this.store = store;
        this.wakeUps = wakeUps;
    }

    /** The body that changes a user; a field that is left out stays as it is. */
    @RegisterForReflection
    record UserChange(@Nullable String role, @Nullable Boolean disabled) {}

    /**
     * A user after a change.
     *
     * @param tokens how many unexpired tokens it has; a disabled user's open nothing
     * @param claims how many live claims it has; they go on also where it is disabled
     */
    record Changed(
            UUID id,
            @Nullable UUID organizationId,
            String name,
            String role,
            Instant createdAt,
            @Nullable Instant disabledAt,
            int tokens,
            int claims) {}

    /**
     * What went with a deleted user.
     *
     * @param tokens how many tokens were revoked
     * @param claims how many claims were canceled or released
     */
    record Deleted(UUID id, String name, int tokens, int claims) {}

    static UserName named(Optional<UUID> organization, String idOrName) {
        return new UserName(organization, JsonBody.uuid(idOrName), idOrName);
    }

    Uni<User> find(UserName user) {
        return store.find(user).map(found -> found.orElseThrow(() -> Problem.notFound("user")));
    }

    Uni<Changed> change(UserName user, byte[] body, Caller actor) {
        JsonBody json = JsonBody.of(body, UserChange.class);
        Optional<Role> role = json.optionalText("role").map(FieldRules::role);
        Optional<Boolean> disabled = json.optionalBoolean("disabled");
        if (role.isEmpty() && disabled.isEmpty()) {
            throw Problem.badRequest("missing_field", "role", "or disabled is required.");
        }
        role.ifPresent(wanted -> refuseUnlessFits(user, wanted, actor));
        return store.change(user, new Change(role, disabled), actor)
                .map(Users::done)
                .invoke(done -> tell())
                .map(Users::changed);
    }

    private static void refuseUnlessFits(UserName user, Role role, Caller actor) {
        boolean fits = (user.organization().isPresent() ? OF_ORGANIZATION : OF_DEPLOYMENT).contains(role);
        if (!fits && role == Role.OWNER) {
            throw Problem.unprocessable(
                    "role_is_deployment_wide", "role", "must not be owner: owners belong to no organization.");
        }
        if (!fits) {
            throw Problem.unprocessable(
                    "role_needs_organization",
                    "role",
                    "must be owner, auditor or worker: others have an organization.");
        }
        if (actor.role() != Role.OWNER && role != Role.MEMBER) {
            throw Problem.of(403, "role_not_grantable", "A template admin makes members only.");
        }
    }

    Uni<Deleted> delete(UserName user, @Nullable String claims, Caller actor) {
        if (claims != null && !claims.equals("release")) {
            throw Problem.badRequest("invalid_value", "claims", "must be release.");
        }
        return store.delete(user, claims != null, actor)
                .map(Users::done)
                .invoke(done -> tell())
                .map(done -> new Deleted(done.user().id(), done.user().name(), done.tokens(), done.claims()));
    }

    private void tell() {
        wakeUps.changed(USER_DELETED);
    }

    private static Outcome.Done done(Outcome outcome) {
        return switch (outcome) {
            case Outcome.Done done -> done;
            case Outcome.NoUser() -> throw Problem.notFound("user");
            case Outcome.NotAllowed() ->
                throw Problem.of(403, "user_not_changeable", "A template admin changes members only.");
            case Outcome.LastOwner() ->
                throw Problem.of(409, "last_owner", "No other owner could sign in; make or enable one first.");
            case Outcome.HasClaims(int claims) ->
                throw Problem.of(
                        409,
                        "user_has_claims",
                        "The user has " + claims
                                + " live claims; ?claims=release ends them and destroys their workspaces.");
        };
    }

    private static Changed changed(Outcome.Done done) {
        User user = done.user();
        return new Changed(
                user.id(),
                user.organizationId(),
                user.name(),
                user.role(),
                user.createdAt(),
                user.disabledAt(),
                done.tokens(),
                done.claims());
    }
}
