package dev.larder.drift;

import dev.larder.drift.DriftViews.CheckView;
import dev.larder.http.Problem;
import dev.larder.model.Role;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** Checks and refreshes, on request or by schedule. */
@Path("/api/v1/drift-checks")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "drift")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class DriftCheckResource {

    private final Checks checks;
    private final DriftReads reads;

    DriftCheckResource(Checks checks, DriftReads reads) {
        this.checks = checks;
        this.reads = reads;
    }

    @GET
    @Path("{id}")
    @Operation(
            operationId = "getDriftCheck",
            summary = "Shows a check or a refresh that was requested or begun by schedule")
    public Uni<CheckView> one(@PathParam("id") String id) {
        return reads.check(Checks.id(id, "drift check"), checks.scope())
                .map(found -> found.orElseThrow(() -> Problem.notFound("drift check")));
    }
}
