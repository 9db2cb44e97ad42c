package dev.larder.access;

import dev.larder.access.QuotaStore.QuotaView;
import dev.larder.http.Access.Organization;
import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.model.Role;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** How many workspaces an organization and each of its users may hold. */
@Path("/api/v1/organizations")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "access")
class QuotaResource {

    private static final int MOST = 1_000_000;

    private final QuotaStore quotas;
    private final AccessStore access;
    private final CurrentCaller caller;
    private final InstantSource clock;

    QuotaResource(QuotaStore quotas, AccessStore access, CurrentCaller caller, InstantSource clock) {
        this.quotas = quotas;
        this.access = access;
        this.caller = caller;
        this.clock = clock;
    }

    /** The body that sets the limits; one that is left out is lifted. */
    @RegisterForReflection
    record QuotaBody(@Nullable Integer workspaces, @Nullable Integer workspacesPerUser) {}

    @GET
    @Path("/{organization}/quota")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getQuota", summary = "Shows the limit of workspaces held at once, and how many are")
    public Uni<QuotaView> get(@PathParam("organization") String organization) {
        return find(organization).chain(found -> quotas.find(found.id()));
    }

    @PUT
    @Path("/{organization}/quota")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.OWNER_NAME)
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = QuotaBody.class)))
    @Operation(operationId = "putQuota", summary = "Sets or removes the limit of workspaces held at once")
    public Uni<QuotaView> put(@PathParam("organization") String organization, byte @Nullable [] bytes) {
        JsonBody body = JsonBody.of(bytes, QuotaBody.class);
        @Nullable Integer all = body.optionalInteger("workspaces", 0, MOST).orElse(null);
        @Nullable
        Integer perUser = body.optionalInteger("workspacesPerUser", 0, MOST).orElse(null);
        return find(organization)
                .call(found -> quotas.set(found.id(), all, perUser, caller.get().userId(), clock.instant()))
                .chain(found -> quotas.find(found.id()));
    }

    private Uni<Organization> find(String organization) {
        return access.organization(caller.get(), JsonBody.uuid(organization), organization)
                .map(found -> found.orElseThrow(() -> Problem.notFound("organization")));
    }
}
