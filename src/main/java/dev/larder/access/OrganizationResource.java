package dev.larder.access;

import dev.larder.access.AccessStore.User;
import dev.larder.access.OrganizationStore.Removal;
import dev.larder.access.Users.Changed;
import dev.larder.access.Users.Deleted;
import dev.larder.access.Users.UserChange;
import dev.larder.http.Access.Organization;
import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Located;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import io.quarkus.runtime.annotations.RegisterForReflection;
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
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Organizations and their users. What the caller does not see is not found. */
// The router picks the class by its path first: classes below /organizations share exactly this one, or
// hide each other.
@Path("/api/v1/organizations")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "access")
class OrganizationResource {

    /** The body that makes an organization. */
    @RegisterForReflection
    record NewOrganization(@Schema(examples = "acme") String name) {}

    /** The body that makes a user. */
    @RegisterForReflection
    record NewUser(
            @Schema(examples = "ada") String name,
            @Schema(examples = "member") String role) {}

    private final AccessStore access;
    private final OrganizationStore organizations;
    private final Users users;
    private final CurrentCaller caller;

    OrganizationResource(AccessStore access, OrganizationStore organizations, Users users, CurrentCaller caller) {
        this.access = access;
        this.organizations = organizations;
        this.users = users;
        this.caller = caller;
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.OWNER_NAME)
    @APIResponseSchema(value = Organization.class, responseCode = "201")
    @Operation(operationId = "createOrganization", summary = "Creates an organization")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = NewOrganization.class)))
    public Uni<RestResponse<Organization>> create(byte[] body) {
        String name = FieldRules.organizationName(JsonBody.of(body, NewOrganization.class));
        return access.createOrganization(name, caller.get().userId())
                .map(made -> made.orElseThrow(
                        () -> Problem.of(409, "organization_exists", "An organization of this name exists.")))
                .map(made -> Located.created("/api/v1/organizations/" + made.id(), made)
                        .build());
    }

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listOrganizations",
            summary = "Lists the organizations that the caller may see, newest first")
    public Uni<Page<Organization>> list(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return access.organizations(caller.get(), page.after(), page.rows())
                .map(rows -> Page.of(page, rows, Organization::id));
    }

    @GET
    @Path("/{organization}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getOrganization", summary = "Shows an organization, by id or name")
    public Uni<Organization> get(@PathParam("organization") String organization) {
        return find(caller.get(), organization);
    }

    @POST
    @Path("/{organization}/users")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @APIResponseSchema(value = User.class, responseCode = "201")
    @Operation(
            operationId = "createOrganizationUser",
            summary = "Creates a user of an organization. A template admin creates only members")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = NewUser.class)))
    public Uni<RestResponse<User>> createUser(@PathParam("organization") String organization, byte[] body) {
        Caller asking = caller.get();
        JsonBody json = JsonBody.of(body, NewUser.class);
        String name = FieldRules.userName(json);
        Role role = FieldRules.role(json);
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
                .map(CreatedResponse::user);
    }

    @GET
    @Path("/{organization}/users")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listOrganizationUsers", summary = "Lists the users of an organization, newest first")
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
    @Operation(operationId = "getOrganizationUser", summary = "Shows a user of an organization, by id or name")
    public Uni<User> user(@PathParam("organization") String organization, @PathParam("user") String user) {
        return find(caller.get(), organization).chain(found -> users.find(Users.named(Optional.of(found.id()), user)));
    }

    @PATCH
    @Path("/{organization}/users/{user}")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(
            operationId = "changeOrganizationUser",
            summary =
                    "Changes the role of a user, or disables or enables the user. A template admin changes only members")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = UserChange.class)))
    public Uni<Changed> changeUser(
            @PathParam("organization") String organization, @PathParam("user") String user, byte[] body) {
        Caller asking = caller.get();
        return find(asking, organization)
                .chain(found -> users.change(Users.named(Optional.of(found.id()), user), body, asking));
    }

    @DELETE
    @Path("/{organization}/users/{user}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(
            operationId = "deleteOrganizationUser",
            summary =
                    "Deletes a user and revokes its tokens. With claims it needs ?claims=release, which releases them")
    public Uni<Deleted> deleteUser(
            @PathParam("organization") String organization,
            @PathParam("user") String user,
            @QueryParam("claims") @Nullable String claims) {
        Caller asking = caller.get();
        return find(asking, organization)
                .chain(found -> users.delete(Users.named(Optional.of(found.id()), user), claims, asking));
    }

    @DELETE
    @Path("/{organization}")
    @RolesAllowed(Role.OWNER_NAME)
    @Operation(
            operationId = "deleteOrganization",
            summary = "Deletes an organization without users, templates, workspaces and claims")
    public Uni<Void> delete(@PathParam("organization") String organization) {
        Caller asking = caller.get();
        return find(asking, organization)
                .chain(found -> organizations.delete(found.id(), found.name(), asking))
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
