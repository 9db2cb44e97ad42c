package dev.larder.catalog;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.model.Role;
import dev.larder.wakeup.Channel;
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
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** What people do to one preset; what its pool holds is shown by the reconciler. */
@Path("/api/v1/presets")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Catalog")
class PresetResource {

    private final CatalogStore catalog;
    private final CurrentCaller caller;
    private final WakeUps bell;
    private final InstantSource clock;

    PresetResource(CatalogStore catalog, CurrentCaller caller, WakeUps bell, InstantSource clock) {
        this.catalog = catalog;
        this.caller = caller;
        this.bell = bell;
        this.clock = clock;
    }

    /** Body: {@code {"scope": "create" | "all", "until": instant?}}. Claims go on. */
    @POST
    @Path("/{preset}/pause")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "pausePreset", summary = "Holds the reconciler back for this preset; claims go on")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Pauses.PauseBody.class)))
    public Uni<PresetView> pause(@PathParam("preset") String preset, byte @Nullable [] body) {
        UUID id = id(preset);
        PauseView pause = Pauses.read(body, clock.instant());
        return changed(id, catalog.pausePreset(caller.get(), id, pause));
    }

    @POST
    @Path("/{preset}/resume")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "resumePreset", summary = "Lifts the pause of this preset")
    public Uni<PresetView> resume(@PathParam("preset") String preset) {
        UUID id = id(preset);
        return changed(id, catalog.pausePreset(caller.get(), id, null));
    }

    /** Every prebuild of it that was created before now is expired. */
    @POST
    @Path("/{preset}/invalidate")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(
            operationId = "invalidatePreset",
            summary = "Lets every prebuild of it that was created before now expire")
    public Uni<PresetView> invalidate(@PathParam("preset") String preset) {
        UUID id = id(preset);
        return changed(id, catalog.invalidatePreset(caller.get(), id));
    }

    /** Lifts its hard limit: failures until now are forgotten. */
    @POST
    @Path("/{preset}/reset")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "resetPreset", summary = "Lifts a hard limit: failures until now are forgotten")
    public Uni<PresetView> reset(@PathParam("preset") String preset) {
        UUID id = id(preset);
        return changed(id, catalog.resetPreset(caller.get(), id));
    }

    private static UUID id(String text) {
        return JsonBody.uuid(text).orElseThrow(() -> Problem.notFound("preset"));
    }

    private Uni<PresetView> changed(UUID preset, Uni<Boolean> change) {
        return change.invoke(this::ringIfFound).chain(found -> view(preset));
    }

    private void ringIfFound(boolean found) {
        if (!found) {
            throw Problem.notFound("preset");
        }
        bell.ring(Channel.RECONCILE);
    }

    private Uni<PresetView> view(UUID preset) {
        return catalog.preset(caller.get(), preset).map(found -> found.orElseThrow(() -> Problem.notFound("preset")));
    }
}
