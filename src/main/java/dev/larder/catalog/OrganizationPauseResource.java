package dev.larder.catalog;

import dev.larder.http.CurrentCaller;
import dev.larder.http.Problem;
import dev.larder.model.Role;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
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

/** The pause of one organization (design, section 2.1.8). */
// Rooms share the addresses below an organization: a class that had /organizations for itself would hide the
// others.
@Path("/api/v1/organizations")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "catalog")
class OrganizationPauseResource {

    private final PauseStore pauses;
    private final CurrentCaller caller;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    OrganizationPauseResource(PauseStore pauses, CurrentCaller caller, WakeUps wakeUps, InstantSource clock) {
        this.pauses = pauses;
        this.caller = caller;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    /** @param pause null where none is set */
    public record OrganizationPause(
            String organization, @Nullable PauseView pause) {}

    /** Body: {@code {"scope": "create" | "all", "until": instant?}}. Claims go on. */
    @POST
    @Path("/{organization}/pause")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "pauseOrganization", summary = "Pauses reconciliation of this organization. Claims go on")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Pauses.PauseBody.class)))
    public Uni<OrganizationPause> pause(@PathParam("organization") String organization, byte @Nullable [] body) {
        return changed(organization, Pauses.read(body, clock.instant()));
    }

    @POST
    @Path("/{organization}/resume")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "resumeOrganization", summary = "Lifts the pause of this organization")
    public Uni<OrganizationPause> resume(@PathParam("organization") String organization) {
        return changed(organization, null);
    }

    private Uni<OrganizationPause> changed(String organization, @Nullable PauseView pause) {
        return pauses.pauseOrganization(caller.get(), organization, pause)
                .invoke(this::wakeIfFound)
                .map(found -> new OrganizationPause(organization, pause));
    }

    private void wakeIfFound(boolean found) {
        if (!found) {
            throw Problem.notFound("organization");
        }
        wakeUps.changed(Change.DEMAND);
    }
}
