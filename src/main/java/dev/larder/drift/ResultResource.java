package dev.larder.drift;

import dev.larder.drift.DriftViews.ResultView;
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

/** What checks have found. */
@Path("/api/v1/reconciliation-results")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "drift")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class ResultResource {

    private final Checks checks;
    private final DriftReads reads;

    ResultResource(Checks checks, DriftReads reads) {
        this.checks = checks;
        this.reads = reads;
    }

    @GET
    @Path("{id}")
    @Operation(operationId = "getReconciliationResult", summary = "Shows what a check has found")
    public Uni<ResultView> result(@PathParam("id") String id) {
        return reads.result(Checks.id(id, "result"), checks.scope())
                .map(found -> found.orElseThrow(ResultResource::missing));
    }

    static Problem missing() {
        return Problem.notFound("result");
    }
}
