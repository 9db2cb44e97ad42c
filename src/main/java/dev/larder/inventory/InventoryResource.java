package dev.larder.inventory;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.inventory.InventoryReads.InventoryEntry;
import dev.larder.inventory.InventoryReads.Location;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/**
 * Shows what exists where workspaces are built, and which workspaces own it (decision 0016). A caller of one
 * organization sees the things of its workspaces; things of no known workspace are shown to callers of the
 * whole deployment.
 */
@Path("/api/v1/inventory")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "inventory")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
class InventoryResource {

    private final InventoryRequestStore requests;
    private final InventoryReads reads;
    private final WakeUps wakeUps;
    private final CurrentCaller caller;
    private final InstantSource clock;

    InventoryResource(
            InventoryRequestStore requests,
            InventoryReads reads,
            WakeUps wakeUps,
            CurrentCaller caller,
            InstantSource clock) {
        this.requests = requests;
        this.reads = reads;
        this.wakeUps = wakeUps;
        this.caller = caller;
        this.clock = clock;
    }

    @GET
    @Operation(
            operationId = "listInventory",
            summary = "Lists the resources of workspaces. Their state is owned, settling, leaked, unknown or missing")
    public Uni<Page<InventoryEntry>> list(
            @QueryParam("state") @Nullable String state,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        if (state != null && !InventoryReads.STATES.contains(state)) {
            throw Problem.badRequest(
                    "invalid_state", "state", "must be one of " + String.join(", ", InventoryReads.STATES) + ".");
        }
        PageRequest page = PageRequest.of(limit, after);
        return reads.list(caller.get().organization(), page.after(), Optional.ofNullable(state), page.rows())
                .map(rows -> Page.of(page, rows, InventoryEntry::id));
    }

    @GET
    @Path("locations")
    @Operation(
            operationId = "listInventoryLocations",
            summary = "Lists the places where workspaces are built, with their latest reports")
    public Uni<Page<Location>> locations(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return reads.locations(caller.get().organization(), page.after(), page.rows())
                .map(rows -> Page.of(page, rows, Location::id));
    }

    @POST
    @Path("locations/{id}/accept")
    @RolesAllowed(Role.OWNER_NAME)
    @APIResponse(responseCode = "202", description = "Accepted")
    @Operation(
            operationId = "acceptInventoryLocation",
            summary =
                    "Confirms that resources missing from a suspicious report are lost. The next report within an hour is accepted")
    public Uni<RestResponse<Void>> accept(@PathParam("id") String id) {
        Caller asking = caller.get();
        UUID location = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("location"));
        return requests.accept(asking, location, clock.instant())
                .invoke(suspicious -> {
                    if (!suspicious.orElseThrow(() -> Problem.notFound("location"))) {
                        throw Problem.of(409, "not_suspicious", "The listings of this place are not suspicious.");
                    }
                })
                .map(this::accepted);
    }

    @POST
    @Path("sweep")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @APIResponse(responseCode = "202", description = "Accepted")
    @Operation(operationId = "sweepInventory", summary = "Requests a report of every worker with its next heartbeat")
    public Uni<RestResponse<Void>> sweep() {
        return requests.requestListing(caller.get(), clock.instant()).map(this::accepted);
    }

    @POST
    @Path("{id}/remove")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @APIResponse(responseCode = "202", description = "Accepted")
    @Operation(
            operationId = "removeFromInventory",
            summary =
                    "Requests the removal of a leaked or unknown resource, repeated with every report until it is gone")
    public Uni<RestResponse<Void>> remove(@PathParam("id") String id) {
        UUID thing = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("thing"));
        return requests.requestRemoval(caller.get(), thing, clock.instant())
                .map(state -> state.orElseThrow(() -> Problem.notFound("thing")))
                .invoke(InventoryResource::refuseUnlessRemovable)
                .map(this::accepted);
    }

    private static void refuseUnlessRemovable(String state) {
        switch (state) {
            case "owned" ->
                throw Problem.of(409, "workspace_lives", "A workspace or a template version owns it: delete that one.");
            case "settling" ->
                throw Problem.of(409, "workspace_settling", "Its workspace is being deleted, or was deleted just now.");
            case "missing" ->
                throw Problem.of(409, "already_gone", "It does not exist any more; its workspace is missing.");
            default -> {}
        }
    }

    /** Wakes the workers of this process; a remote worker learns of the request with its next heartbeat. */
    private RestResponse<Void> accepted(@Nullable Object done) {
        wakeUps.changed(Change.WORKER_ASKED);
        return RestResponse.accepted();
    }
}
