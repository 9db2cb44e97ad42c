package dev.larder.access;

import dev.larder.access.AccessStore.User;
import dev.larder.access.Users.Changed;
import dev.larder.access.Users.Deleted;
import dev.larder.access.Users.UserChange;
import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PATCH;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Users of the whole deployment, and who the caller is. */
@Path("/api/v1")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "access")
class UserResource {

    /** The answer to {@code /me}: the caller. */
    record Me(UUID id, String name, String role, @Nullable UUID organizationId) {}

    private final AccessStore access;
    private final Users users;
    private final CurrentCaller caller;

    UserResource(AccessStore access, Users users, CurrentCaller caller) {
        this.access = access;
        this.users = users;
        this.caller = caller;
    }

    @GET
    @Path("/me")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.WORKER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "me", summary = "Shows the user of the token")
    public Uni<Me> me() {
        Caller asking = caller.get();
        return Uni.createFrom()
                .item(new Me(
                        asking.userId(),
                        asking.name(),
                        asking.role().word(),
                        asking.organization().orElse(null)));
    }

    @POST
    @Path("/users")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.OWNER_NAME)
    @APIResponseSchema(value = User.class, responseCode = "201")
    @Operation(
            operationId = "createUser",
            summary = "Creates an owner, or an auditor or worker of the whole deployment")
    @RequestBody(
            required = true,
            content = @Content(schema = @Schema(implementation = OrganizationResource.NewUser.class)))
    public Uni<RestResponse<User>> create(byte[] body) {
        JsonBody json = JsonBody.of(body, OrganizationResource.NewUser.class);
        String name = FieldRules.userName(json);
        Role role = FieldRules.role(json);
        if (role == Role.TEMPLATE_ADMIN || role == Role.MEMBER) {
            throw Problem.unprocessable(
                    "role_needs_organization",
                    "role",
                    "must be owner, auditor or worker: others have an organization.");
        }
        return access.createUser(Optional.empty(), name, role, caller.get().userId())
                .map(CreatedResponse::user);
    }

    @GET
    @Path("/users")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listUsers", summary = "Lists the users that the caller may see, newest first")
    public Uni<Page<User>> list(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return access.users(caller.get().organization(), page.after(), page.rows())
                .map(rows -> Page.of(page, rows, User::id));
    }

    @GET
    @Path("/users/{user}")
    @RolesAllowed({Role.OWNER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getUser", summary = "Shows a user of the whole deployment, by id or name")
    public Uni<User> get(@PathParam("user") String user) {
        if (caller.get().organization().isPresent()) {
            throw Problem.notFound("user");
        }
        return users.find(Users.named(Optional.empty(), user));
    }

    @PATCH
    @Path("/users/{user}")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.OWNER_NAME)
    @Operation(
            operationId = "changeUser",
            summary = "Changes the role of a user of the whole deployment, or disables or enables the user")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = UserChange.class)))
    public Uni<Changed> change(@PathParam("user") String user, byte[] body) {
        return users.change(Users.named(Optional.empty(), user), body, caller.get());
    }

    @DELETE
    @Path("/users/{user}")
    @RolesAllowed(Role.OWNER_NAME)
    @Operation(
            operationId = "deleteUser",
            summary =
                    "Deletes a user of the whole deployment and revokes its tokens. With claims it needs ?claims=release")
    public Uni<Deleted> delete(@PathParam("user") String user, @QueryParam("claims") @Nullable String claims) {
        return users.delete(Users.named(Optional.empty(), user), claims, caller.get());
    }
}
