package dev.larder.cleanup;

import dev.larder.cleanup.Cleanups.Begun;
import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Located;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.model.Role;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Begins, cancels and shows clean-up operations (decision 0036). */
@Path("/api/v1/cleanup-operations")
@Produces(MediaType.APPLICATION_JSON)
@RolesAllowed(Role.OWNER_NAME)
@Tag(name = "cleanup")
class CleanupResource {

    private final Cleanups cleanups;
    private final CurrentCaller caller;

    CleanupResource(Cleanups cleanups, CurrentCaller caller) {
        this.cleanups = cleanups;
        this.caller = caller;
    }

    /** @param type of the rows to be removed, such as {@code claims} */
    @RegisterForReflection
    record CleanupRequest(String type) {}

    @GET
    @Operation(
            operationId = "listCleanupOperations",
            summary = "Lists clean-up operations, newest first: ?type=…&limit=1 is the latest of a type")
    public Uni<Page<dev.larder.cleanup.Operation>> list(
            @QueryParam("type") @Nullable String type,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        if (type != null && !cleanups.types().contains(type)) {
            throw Problem.badRequest("unknown_cleanup_type", "type", known());
        }
        return cleanups.list(Optional.ofNullable(type), page);
    }

    private String known() {
        return "must be one of " + String.join(", ", cleanups.types()) + ".";
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @RequestBody(
            required = true,
            content =
                    @Content(
                            mediaType = MediaType.APPLICATION_JSON,
                            schema = @Schema(implementation = CleanupRequest.class)))
    @APIResponse(
            responseCode = "202",
            description = "Accepted",
            content =
                    @Content(
                            mediaType = MediaType.APPLICATION_JSON,
                            schema = @Schema(implementation = dev.larder.cleanup.Operation.class)))
    @Operation(
            operationId = "beginCleanup",
            summary = "Removes the rows of a type that are past their retention, in the background")
    public Uni<RestResponse<dev.larder.cleanup.Operation>> begin(byte @Nullable [] body) {
        String type = JsonBody.of(body, CleanupRequest.class).text("type");
        return cleanups.begin(type, caller.get().userId()).map(this::answer);
    }

    private RestResponse<dev.larder.cleanup.Operation> answer(Begun begun) {
        return switch (begun) {
            case Begun.Running(var operation) ->
                Located.accepted("/api/v1/cleanup-operations/" + operation.id(), operation)
                        .build();
            case Begun.Busy(var running) -> throw busy(running);
            case Begun.UnknownType() -> throw Problem.badRequest("unknown_cleanup_type", "type", known());
        };
    }

    private static Problem busy(dev.larder.cleanup.@Nullable Operation running) {
        Problem busy = Problem.of(409, "cleanup_in_progress", "A clean-up of this type is running.");
        return running == null
                ? busy
                : busy.with("running", List.of(Map.of("id", running.id().toString())))
                        .about("/api/v1/cleanup-operations/" + running.id());
    }

    @GET
    @Path("{id}")
    @Operation(operationId = "getCleanupOperation", summary = "Shows a clean-up operation, with its counts so far")
    public Uni<dev.larder.cleanup.Operation> get(@PathParam("id") String id) {
        return cleanups.find(id(id)).map(found -> found.orElseThrow(CleanupResource::missing));
    }

    @POST
    @Path("{id}/cancel")
    @Operation(
            operationId = "cancelCleanup",
            summary = "Cancels a clean-up operation. What it has removed stays removed. Idempotent")
    public Uni<dev.larder.cleanup.Operation> cancel(@PathParam("id") String id) {
        return cleanups.cancel(id(id), caller.get().userId()).map(found -> found.orElseThrow(CleanupResource::missing));
    }

    private static UUID id(String id) {
        return JsonBody.uuid(id).orElseThrow(CleanupResource::missing);
    }

    private static Problem missing() {
        return Problem.notFound("cleanup");
    }
}
