package dev.larder.catalog;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
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
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** Pauses, resumes, invalidates and resets one preset; the room reconcile shows its pool. */
@Path("/api/v1/presets")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "catalog")
class PresetControlResource {

    private final CatalogControlStore controls;
    private final CatalogReads reads;
    private final CurrentCaller caller;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    PresetControlResource(
            CatalogControlStore controls,
            CatalogReads reads,
            CurrentCaller caller,
            WakeUps wakeUps,
            InstantSource clock) {
        this.controls = controls;
        this.reads = reads;
        this.caller = caller;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    /** Body: {@code {"scope": "create" | "all", "until": instant?}}. Claims go on. */
    @POST
    @Path("/{preset}/pause")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "pausePreset", summary = "Pauses reconciliation of this preset. Claims go on")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Pauses.PauseBody.class)))
    public Uni<PresetView> pause(@PathParam("preset") String preset, byte @Nullable [] body) {
        return pause(id(preset), pause(body));
    }

    /** Reads the body of a pause. */
    PauseView pause(byte @Nullable [] body) {
        return Pauses.read(body, clock.instant());
    }

    Uni<PresetView> pause(UUID preset, PauseView pause) {
        return changed(preset, controls.pausePreset(caller.get(), preset, pause));
    }

    @POST
    @Path("/{preset}/resume")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "resumePreset", summary = "Lifts the pause of this preset")
    public Uni<PresetView> resume(@PathParam("preset") String preset) {
        UUID id = id(preset);
        return changed(id, controls.pausePreset(caller.get(), id, null));
    }

    /** Prebuilds of it that were created before now are replaced, or expired at once. */
    @POST
    @Path("/{preset}/invalidate")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(
            operationId = "invalidatePreset",
            summary = "Replaces every prebuild of the preset that was created before now",
            description = Invalidation.DESCRIPTION)
    @RequestBody(content = @Content(schema = @Schema(implementation = Invalidation.Body.class)))
    public Uni<PresetView> invalidate(
            @PathParam("preset") String preset,
            @QueryParam("immediately") @Parameter(description = Invalidation.IMMEDIATELY) @Nullable String immediately,
            byte @Nullable [] body) {
        return invalidate(id(preset), Invalidation.immediately(immediately, body));
    }

    Uni<PresetView> invalidate(UUID preset, boolean immediately) {
        return changed(preset, controls.invalidatePreset(caller.get(), preset, immediately));
    }

    /** Lifts its hard limit: failures until now are forgotten. */
    @POST
    @Path("/{preset}/reset")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "resetPreset", summary = "Lifts a hard limit. Failures until now no longer count")
    public Uni<PresetView> reset(@PathParam("preset") String preset) {
        UUID id = id(preset);
        return changed(id, controls.resetPreset(caller.get(), id));
    }

    private static UUID id(String text) {
        return JsonBody.uuid(text).orElseThrow(() -> Problem.notFound("preset"));
    }

    private Uni<PresetView> changed(UUID preset, Uni<Boolean> change) {
        return change.invoke(this::wakeIfFound).chain(found -> view(preset));
    }

    private void wakeIfFound(boolean found) {
        if (!found) {
            throw Problem.notFound("preset");
        }
        wakeUps.changed(Change.DEMAND);
    }

    private Uni<PresetView> view(UUID preset) {
        return reads.preset(caller.get(), preset).map(found -> found.orElseThrow(() -> Problem.notFound("preset")));
    }
}
