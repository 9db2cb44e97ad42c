package dev.larder.jobs;

import dev.larder.http.Access;
import dev.larder.http.Access.Organization;
import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.jobs.JobLimitStore.Limits;
import dev.larder.model.Role;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
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

/** How many jobs of an organization may be in flight at once (design, section 4; decision 0017). */
@Path("/api/v1/organizations")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "jobs")
class JobLimitResource {

    private final JobLimitStore limits;
    private final Access access;
    private final CurrentCaller caller;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    JobLimitResource(JobLimitStore limits, Access access, CurrentCaller caller, WakeUps wakeUps, InstantSource clock) {
        this.limits = limits;
        this.access = access;
        this.caller = caller;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    @GET
    @Path("/{organization}/job-limits")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "getOrganizationJobLimits",
            summary = "Shows the limit of an organization's jobs in flight, and how many are")
    public Uni<Limits> get(@PathParam("organization") String organization) {
        return find(organization).chain(found -> limits.find(found.id()));
    }

    /** Wakes waiting workers, so that they ask again at once. */
    @PUT
    @Path("/{organization}/job-limits")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.OWNER_NAME)
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = LimitsBody.class)))
    @Operation(
            operationId = "putOrganizationJobLimits",
            summary = "Sets or removes the limit of an organization's jobs in flight")
    public Uni<Limits> put(@PathParam("organization") String organization, byte @Nullable [] bytes) {
        LimitsBody body = LimitsBody.of(bytes);
        return find(organization)
                .call(found -> limits.set(
                        found.id(), body.jobs(), body.deletes(), caller.get().userId(), clock.instant()))
                .invoke(() -> wakeUps.changed(Change.JOB_QUEUED))
                .chain(found -> limits.find(found.id()));
    }

    private Uni<Organization> find(String organization) {
        return access.organization(caller.get(), JsonBody.uuid(organization), organization)
                .map(found -> found.orElseThrow(() -> Problem.notFound("organization")));
    }
}
