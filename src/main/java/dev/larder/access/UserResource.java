package dev.larder.access;

import dev.larder.access.AccessStore.User;
import dev.larder.access.People.Changed;
import dev.larder.access.People.Deleted;
import dev.larder.access.People.UserChange;
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
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Users of the whole deployment, and who the caller is. */
@Path("/api/v1")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Access")
class UserResource {

    /** Who is asking, as the answer to {@code /me}. */
    record Me(UUID id, String name, String role, @Nullable UUID organizationId) {}

    private final AccessStore access;
    private final People people;
    private final CurrentCaller caller;

    UserResource(AccessStore access, People people, CurrentCaller caller) {
        this.access = access;
        this.people = people;
        this.caller = caller;
    }

    @GET
    @Path("/me")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.WORKER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "me", summary = "Who the token belongs to")
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
    @Operation(operationId = "createUser", summary = "Makes an owner, or an auditor or worker of all organizations")
    @RequestBody(
            required = true,
            content = @Content(schema = @Schema(implementation = OrganizationResource.NewUser.class)))
    public Uni<RestResponse<User>> create(byte[] body) {
        JsonBody json = JsonBody.of(body, "name", "role");
        String name = Input.userName(json);
        Role role = Input.role(json);
        if (role == Role.TEMPLATE_ADMIN || role == Role.MEMBER) {
            throw Problem.unprocessable(
                    "role_needs_organization",
                    "role",
                    "must be owner, auditor or worker: others have an organization.");
        }
        return access.createUser(Optional.empty(), name, role, caller.get().userId())
                .map(Created::user);
    }

    @GET
    @Path("/users")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listUsers", summary = "Users the caller sees, oldest first")
    public Uni<Page<User>> list(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return access.users(caller.get().organization(), page.after(), page.rows())
                .map(rows -> Page.of(page, rows, User::id));
    }

    @GET
    @Path("/users/{user}")
    @RolesAllowed({Role.OWNER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getUser", summary = "One user of the whole deployment, by id or name")
    public Uni<User> get(@PathParam("user") String user) {
        if (caller.get().organization().isPresent()) {
            throw Problem.notFound("user");
        }
        return people.find(People.named(Optional.empty(), user));
    }

    @PATCH
    @Path("/users/{user}")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.OWNER_NAME)
    @Operation(
            operationId = "changeUser",
            summary = "Changes the role of a user of the whole deployment, or disables or enables it")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = UserChange.class)))
    public Uni<Changed> change(@PathParam("user") String user, byte[] body) {
        return people.change(People.named(Optional.empty(), user), body, caller.get());
    }

    @DELETE
    @Path("/users/{user}")
    @RolesAllowed(Role.OWNER_NAME)
    @Operation(
            operationId = "deleteUser",
            summary =
                    "Deletes a user of the whole deployment and revokes its tokens; where it has claims only with ?claims=release")
    public Uni<Deleted> delete(@PathParam("user") String user, @QueryParam("claims") @Nullable String claims) {
        return people.delete(People.named(Optional.empty(), user), claims, caller.get());
    }
}
