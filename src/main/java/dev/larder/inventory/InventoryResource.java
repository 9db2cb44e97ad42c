package dev.larder.inventory;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.inventory.InventoryReads.Found;
import dev.larder.inventory.InventoryReads.Location;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import dev.larder.wakeup.Channel;
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
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/**
 * What exists where workspaces are made, and who owns it (decision 0016). Whoever belongs to an organization sees what is of
 * its workspaces; what is of no known workspace is shown to those who see everything.
 */
@Path("/api/v1/inventory")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "inventory")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
class InventoryResource {

    private final InventoryStore store;
    private final InventoryReads reader;
    private final WakeUps bell;
    private final CurrentCaller caller;
    private final InstantSource clock;

    InventoryResource(
            InventoryStore store, InventoryReads reader, WakeUps bell, CurrentCaller caller, InstantSource clock) {
        this.store = store;
        this.reader = reader;
        this.bell = bell;
        this.caller = caller;
        this.clock = clock;
    }

    @GET
    @Operation(
            operationId = "listInventory",
            summary = "Lists what exists of workspaces: state is owned, settling, leaked, unknown or missing")
    public Uni<Page<Found>> list(
            @QueryParam("state") @Nullable String state,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        if (state != null && !InventoryReads.STATES.contains(state)) {
            throw Problem.badRequest(
                    "invalid_state", "state", "must be one of " + String.join(", ", InventoryReads.STATES) + ".");
        }
        PageRequest page = PageRequest.of(limit, after);
        return reader.list(caller.get().organization(), page.after(), Optional.ofNullable(state), page.rows())
                .map(rows -> Page.of(page, rows, Found::id));
    }

    @GET
    @Path("locations")
    @Operation(
            operationId = "listInventoryLocations",
            summary = "Lists the places where workspaces are made, when they were listed, and whether that is believed")
    public Uni<Page<Location>> locations(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return reader.locations(caller.get().organization(), page.after(), page.rows())
                .map(rows -> Page.of(page, rows, Location::id));
    }

    @POST
    @Path("locations/{id}/accept")
    @RolesAllowed(Role.OWNER_NAME)
    @Operation(
            operationId = "acceptInventoryLocation",
            summary = "Says that what a suspicious listing missed is lost: the next one within an hour is believed")
    public Uni<RestResponse<Void>> accept(@PathParam("id") String id) {
        Caller asking = caller.get();
        UUID location = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("location"));
        return store.accept(asking, location, clock.instant())
                .invoke(suspicious -> {
                    if (!suspicious.orElseThrow(() -> Problem.notFound("location"))) {
                        throw Problem.of(409, "not_suspicious", "The listings of this place are believed anyway.");
                    }
                })
                .map(this::accepted);
    }

    @POST
    @Path("sweep")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(
            operationId = "sweepInventory",
            summary = "Asks every worker to list what exists; they hear of it with their next heartbeat")
    public Uni<RestResponse<Void>> sweep() {
        return store.wantSweep(caller.get(), clock.instant()).map(this::accepted);
    }

    @POST
    @Path("{id}/remove")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(
            operationId = "removeFromInventory",
            summary =
                    "Asks for the removal of what nobody owns; every listing of its place asks again until it is gone")
    public Uni<RestResponse<Void>> remove(@PathParam("id") String id) {
        UUID thing = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("thing"));
        return store.requestRemoval(caller.get(), thing, clock.instant())
                .map(state -> state.orElseThrow(() -> Problem.notFound("thing")))
                .invoke(InventoryResource::refuseUnlessNobodys)
                .map(this::accepted);
    }

    private static void refuseUnlessNobodys(String state) {
        switch (state) {
            case "owned" ->
                throw Problem.of(
                        409, "workspace_lives", "A workspace owns it, or a version needs it; delete that one.");
            case "settling" ->
                throw Problem.of(409, "workspace_settling", "Its workspace is being deleted, or was only just.");
            case "missing" -> throw Problem.of(409, "already_gone", "It is gone; it is its workspace that is left.");
            default -> {}
        }
    }

    /** Workers of this process look for what they are asked with a heartbeat; those elsewhere with their next. */
    private RestResponse<Void> accepted(@Nullable Object done) {
        bell.ring(Channel.CANCELS);
        return RestResponse.accepted();
    }
}
