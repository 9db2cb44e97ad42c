package dev.larder.jobs;

import dev.larder.http.CurrentCaller;
import dev.larder.jobs.JobLimitStore.Limits;
import dev.larder.model.Role;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.ForbiddenException;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** How many jobs may be in flight at once in all (design, section 4; decision 0017). */
@Path("/api/v1/settings/jobs")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "jobs")
class JobSettingsResource {

    private final JobLimitStore limits;
    private final CurrentCaller caller;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    JobSettingsResource(JobLimitStore limits, CurrentCaller caller, WakeUps wakeUps, InstantSource clock) {
        this.limits = limits;
        this.caller = caller;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getJobLimits", summary = "Shows the limits of jobs in flight, and how many are")
    public Uni<Limits> get() {
        // How much all others do is no organization's business.
        if (caller.get().organization().isPresent()) {
            throw new ForbiddenException();
        }
        return limits.find(JobLimitStore.DEPLOYMENT);
    }

    /** Wakes waiting workers, so that they ask again at once. */
    @PUT
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.OWNER_NAME)
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = LimitsBody.class)))
    @Operation(
            operationId = "putJobLimits",
            summary = "Sets or removes the limits of jobs, and of deletes among them, in flight")
    public Uni<Limits> put(byte @Nullable [] bytes) {
        LimitsBody body = LimitsBody.of(bytes);
        return limits.set(
                        JobLimitStore.DEPLOYMENT,
                        body.jobs(),
                        body.deletes(),
                        caller.get().userId(),
                        clock.instant())
                .invoke(() -> wakeUps.changed(Change.JOB_QUEUED))
                .chain(() -> limits.find(JobLimitStore.DEPLOYMENT));
    }
}
