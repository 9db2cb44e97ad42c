package dev.larder.state;

import dev.larder.model.Role;
import dev.larder.state.MutationCalls.Ending;
import dev.larder.state.MutationCalls.Renewal;
import dev.larder.state.StateViews.MutationView;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** Mutations of states. A job's is ended with the job. */
@Path("/api/v1/state-mutations")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "states")
class StateMutationResource {

    private final MutationCalls calls;

    StateMutationResource(MutationCalls calls) {
        this.calls = calls;
    }

    @GET
    @Path("{id}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getStateMutation", summary = "Shows a mutation of a state")
    public Uni<MutationView> find(@PathParam("id") String id) {
        return calls.find(id);
    }

    @POST
    @Path("{id}/renew")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = MutationView.class, responseCode = "200")
    @Operation(operationId = "renewStateMutation", summary = "Begins the lease of a mutation anew")
    @RequestBody(content = @Content(schema = @Schema(implementation = Renewal.class)))
    public Uni<MutationView> renew(@PathParam("id") String id, byte @Nullable [] body) {
        return calls.renew(id, body);
    }

    @POST
    @Path("{id}/end")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = MutationView.class, responseCode = "200")
    @Operation(
            operationId = "endStateMutation",
            summary = "Ends a mutation. The outcome settles how far the state can be trusted. Idempotent")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Ending.class)))
    public Uni<MutationView> end(@PathParam("id") String id, byte @Nullable [] body) {
        return calls.end(id, body);
    }

    @POST
    @Path("{id}/cancel")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = MutationView.class, responseCode = "200")
    @Operation(
            operationId = "cancelStateMutation",
            summary = "Takes a mutation away. The state is unreliable then. One that has ended is left as it is")
    public Uni<MutationView> cancel(@PathParam("id") String id) {
        return calls.cancel(id);
    }
}
