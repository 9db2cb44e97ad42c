package dev.larder.access;

import dev.larder.access.AccessStore.User;
import dev.larder.access.People.Changed;
import dev.larder.access.People.Deleted;
import dev.larder.access.People.UserChange;
import dev.larder.access.PeopleStore.Removal;
import dev.larder.http.Access.Organization;
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
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Organizations and their users. What the caller does not see is not found. */
// The router picks the class by its path first: classes below /organizations share exactly this one, or
// hide each other.
@Path("/api/v1/organizations")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Access")
class OrganizationResource {

    /** The body that makes an organization. */
    @Schema(requiredProperties = "name")
    record NewOrganization(String name) {}

    /** The body that makes a user. */
    @Schema(requiredProperties = {"name", "role"})
    record NewUser(String name, String role) {}

    private final AccessStore access;
    private final PeopleStore store;
    private final People people;
    private final CurrentCaller caller;

    OrganizationResource(AccessStore access, PeopleStore store, People people, CurrentCaller caller) {
        this.access = access;
        this.store = store;
        this.people = people;
        this.caller = caller;
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.OWNER_NAME)
    @Operation(operationId = "createOrganization", summary = "Makes an organization")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = NewOrganization.class)))
    public Uni<RestResponse<Organization>> create(byte[] body) {
        String name = Input.organizationName(JsonBody.of(body, "name"));
        return access.createOrganization(name, caller.get().userId())
                .map(made -> made.orElseThrow(
                        () -> Problem.of(409, "organization_exists", "There is an organization of this name.")))
                .map(made -> Created.at("/api/v1/organizations/" + made.id(), made));
    }

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listOrganizations", summary = "Organizations the caller sees, oldest first")
    public Uni<Page<Organization>> list(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return access.organizations(caller.get(), page.after(), page.rows())
                .map(rows -> Page.of(page, rows, Organization::id));
    }

    @GET
    @Path("/{organization}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getOrganization", summary = "One organization, by id or name")
    public Uni<Organization> get(@PathParam("organization") String organization) {
        return find(caller.get(), organization);
    }

    @POST
    @Path("/{organization}/users")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(
            operationId = "createOrganizationUser",
            summary = "Makes a user of an organization; a template admin makes members only")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = NewUser.class)))
    public Uni<RestResponse<User>> createUser(@PathParam("organization") String organization, byte[] body) {
        Caller asking = caller.get();
        JsonBody json = JsonBody.of(body, "name", "role");
        String name = Input.userName(json);
        Role role = Input.role(json);
        return find(asking, organization).chain(found -> create(asking, found, name, role));
    }

    private Uni<RestResponse<User>> create(Caller asking, Organization organization, String name, Role role) {
        if (role == Role.OWNER) {
            throw Problem.unprocessable(
                    "role_is_deployment_wide", "role", "must not be owner: owners belong to no organization.");
        }
        if (asking.role() == Role.TEMPLATE_ADMIN && role != Role.MEMBER) {
            throw Problem.of(403, "role_not_grantable", "A template admin makes members only.");
        }
        return access.createUser(Optional.of(organization.id()), name, role, asking.userId())
                .map(Created::user);
    }

    @GET
    @Path("/{organization}/users")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listOrganizationUsers", summary = "Users of an organization, oldest first")
    public Uni<Page<User>> users(
            @PathParam("organization") String organization,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return find(caller.get(), organization)
                .chain(found -> access.users(Optional.of(found.id()), page.after(), page.rows()))
                .map(rows -> Page.of(page, rows, User::id));
    }

    @GET
    @Path("/{organization}/users/{user}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getOrganizationUser", summary = "One user of an organization, by id or name")
    public Uni<User> user(@PathParam("organization") String organization, @PathParam("user") String user) {
        return find(caller.get(), organization)
                .chain(found -> people.find(People.named(Optional.of(found.id()), user)));
    }

    @PATCH
    @Path("/{organization}/users/{user}")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(
            operationId = "changeOrganizationUser",
            summary = "Changes a user's role, or disables or enables it; a template admin changes members only")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = UserChange.class)))
    public Uni<Changed> changeUser(
            @PathParam("organization") String organization, @PathParam("user") String user, byte[] body) {
        Caller asking = caller.get();
        return find(asking, organization)
                .chain(found -> people.change(People.named(Optional.of(found.id()), user), body, asking));
    }

    @DELETE
    @Path("/{organization}/users/{user}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(
            operationId = "deleteOrganizationUser",
            summary =
                    "Deletes a user and revokes its tokens; where it has claims only with ?claims=release, which ends them")
    public Uni<Deleted> deleteUser(
            @PathParam("organization") String organization,
            @PathParam("user") String user,
            @QueryParam("claims") @Nullable String claims) {
        Caller asking = caller.get();
        return find(asking, organization)
                .chain(found -> people.delete(People.named(Optional.of(found.id()), user), claims, asking));
    }

    @DELETE
    @Path("/{organization}")
    @RolesAllowed(Role.OWNER_NAME)
    @Operation(
            operationId = "deleteOrganization",
            summary = "Deletes an organization that has no users, templates, workspaces and claims any more")
    public Uni<Void> delete(@PathParam("organization") String organization) {
        Caller asking = caller.get();
        return find(asking, organization)
                .chain(found -> store.deleteOrganization(found.id(), found.name(), asking))
                .invoke(OrganizationResource::refuseUnlessRemoved)
                .replaceWithVoid();
    }

    private static void refuseUnlessRemoved(Removal removal) {
        switch (removal) {
            case Removal.Removed() -> {}
            case Removal.NoOrganization() -> throw Problem.notFound("organization");
            case Removal.NotEmpty(int users, int templates, int workspaces, int claims) ->
                throw Problem.of(
                        409,
                        "organization_not_empty",
                        "It still has %d users, %d templates, %d workspaces and %d claims."
                                .formatted(users, templates, workspaces, claims));
        }
    }

    private Uni<Organization> find(Caller asking, String org) {
        return access.organization(asking, JsonBody.uuid(org), org)
                .map(found -> found.orElseThrow(() -> Problem.notFound("organization")));
    }
}
