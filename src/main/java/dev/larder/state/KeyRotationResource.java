package dev.larder.state;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.model.Role;
import dev.larder.state.KeyRotationStore.Rotation;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Begins, stops and shows rotations of the keys that state bodies are sealed with (decision 0033). */
@Path("/api/v1/state-key-rotations")
@Produces(MediaType.APPLICATION_JSON)
@RolesAllowed(Role.OWNER_NAME)
@Tag(name = "state")
class KeyRotationResource {

    private final KeyRotations rotations;
    private final CurrentCaller caller;

    KeyRotationResource(KeyRotations rotations, CurrentCaller caller) {
        this.rotations = rotations;
        this.caller = caller;
    }

    @GET
    @Operation(operationId = "listStateKeyRotations", summary = "Lists rotations of state keys, newest first")
    public Uni<Page<Rotation>> list(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        return rotations.list(PageRequest.of(limit, after));
    }

    @POST
    @APIResponse(
            responseCode = "202",
            description = "Accepted",
            content =
                    @Content(mediaType = MediaType.APPLICATION_JSON, schema = @Schema(implementation = Rotation.class)))
    @Operation(
            operationId = "rotateStateKeys",
            summary = "Wraps the data keys of all state bodies with the current key, in the background")
    public Uni<RestResponse<Rotation>> start() {
        return rotations
                .start(caller.get().userId())
                .map(begun -> begun.orElseThrow(
                        () -> Problem.of(409, "rotation_in_progress", "A rotation of state keys is running.")))
                .map(begun -> RestResponse.status(RestResponse.Status.ACCEPTED, begun));
    }

    @POST
    @Path("{id}/stop")
    @APIResponse(responseCode = "204", description = "Stopped, or it had ended")
    @Operation(
            operationId = "stopStateKeyRotation",
            summary = "Stops a rotation of state keys. A later rotation goes on where it was. Idempotent")
    public Uni<RestResponse<Void>> stop(@PathParam("id") String id) {
        UUID rotation = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("rotation"));
        return rotations
                .stop(rotation, caller.get().userId())
                .map(stopped -> stopped.orElseThrow(() -> Problem.notFound("rotation")))
                .map(stopped -> RestResponse.noContent());
    }
}
