package dev.larder.catalog;

import dev.larder.http.CurrentCaller;
import dev.larder.http.Names;
import dev.larder.lifecycle.PresetNames;
import dev.larder.model.Role;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.UUID;
import java.util.function.Function;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/**
 * What {@link PresetControlResource} does to a preset by its id, by names: of the preset that the template's active
 * version has under this name (decision 0043).
 */
@Path("/api/v1/organizations/{organization}/templates")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "catalog")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
class NamedPresetControlResource {

    private final PresetControlResource byId;
    private final PresetNames names;
    private final CurrentCaller caller;

    NamedPresetControlResource(PresetControlResource byId, PresetNames names, CurrentCaller caller) {
        this.byId = byId;
        this.names = names;
        this.caller = caller;
    }

    @POST
    @Path("/{template}/presets/{preset}/pause")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(operationId = "pauseNamedPreset", summary = "Pauses reconciliation of this preset. Claims go on")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Pauses.PauseBody.class)))
    public Uni<PresetView> pause(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("preset") String preset,
            byte @Nullable [] body) {
        PauseView pause = byId.pause(body);
        return on(organization, template, preset, id -> byId.pause(id, pause));
    }

    @POST
    @Path("/{template}/presets/{preset}/resume")
    @Operation(operationId = "resumeNamedPreset", summary = "Lifts the pause of this preset")
    public Uni<PresetView> resume(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("preset") String preset) {
        return on(organization, template, preset, id -> byId.resume(id.toString()));
    }

    @POST
    @Path("/{template}/presets/{preset}/invalidate")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "invalidateNamedPreset",
            summary = "Replaces every prebuild of the preset that was created before now",
            description = Invalidation.DESCRIPTION)
    @RequestBody(content = @Content(schema = @Schema(implementation = Invalidation.Body.class)))
    public Uni<PresetView> invalidate(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("preset") String preset,
            @QueryParam("immediately") @Parameter(description = Invalidation.IMMEDIATELY) @Nullable String immediately,
            byte @Nullable [] body) {
        boolean now = Invalidation.immediately(immediately, body);
        return on(organization, template, preset, id -> byId.invalidate(id, now));
    }

    @POST
    @Path("/{template}/presets/{preset}/reset")
    @Operation(operationId = "resetNamedPreset", summary = "Lifts a hard limit. Failures until now no longer count")
    public Uni<PresetView> reset(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("preset") String preset) {
        return on(organization, template, preset, id -> byId.reset(id.toString()));
    }

    private Uni<PresetView> on(
            String organization, String template, String preset, Function<UUID, Uni<PresetView>> change) {
        return names.find(caller.get().organization(), organization, template, preset)
                .map(Names::found)
                .chain(change::apply);
    }
}
