package dev.larder.catalog;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.model.Role;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Deprecates, invalidates, pauses and resumes one template. */
@Path("/api/v1/organizations/{organization}/templates")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "catalog")
class TemplateControlResource {

    private static final int REASON_MAX_CHARACTERS = 1_000;

    private final CatalogControlStore controls;
    private final NamedTemplates templates;
    private final CurrentCaller caller;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    TemplateControlResource(
            CatalogControlStore controls,
            NamedTemplates templates,
            CurrentCaller caller,
            WakeUps wakeUps,
            InstantSource clock) {
        this.controls = controls;
        this.templates = templates;
        this.caller = caller;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    /** The body that deprecates a template. */
    @RegisterForReflection
    record DeprecateBody(String reason) {}

    /** Body: {@code {"reason": "…"}}. No workspace of it is created any more, and its prebuilds are deleted. */
    @POST
    @Path("/{template}/deprecate")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(
            operationId = "deprecateTemplate",
            summary =
                    "Deprecates a template: none of its workspaces are created any more, and its prebuilds are deleted")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = DeprecateBody.class)))
    public Uni<RestResponse<TemplateView>> deprecate(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            byte @Nullable [] body) {
        String reason = JsonBody.of(body, DeprecateBody.class).text("reason");
        if (reason.isBlank() || reason.length() > REASON_MAX_CHARACTERS) {
            throw Problem.unprocessable(
                    "out_of_range", "reason", "must have 1 to " + REASON_MAX_CHARACTERS + " characters.");
        }
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return changed(name, controls.deprecate(name, reason));
    }

    /** Takes the deprecation back. */
    @DELETE
    @Path("/{template}/deprecate")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "undeprecateTemplate", summary = "Removes the deprecation")
    public Uni<RestResponse<TemplateView>> undeprecate(
            @PathParam("organization") String organization, @PathParam("template") String template) {
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return changed(name, controls.undeprecate(name));
    }

    /** Prebuilds that were created before now are replaced, or expired at once. */
    @POST
    @Path("/{template}/invalidate")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(
            operationId = "invalidateTemplate",
            summary = "Replaces every prebuild of the template that was created before now",
            description = Invalidation.DESCRIPTION)
    @RequestBody(content = @Content(schema = @Schema(implementation = Invalidation.Body.class)))
    public Uni<RestResponse<TemplateView>> invalidate(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @QueryParam("immediately") @Parameter(description = Invalidation.IMMEDIATELY) @Nullable String immediately,
            byte @Nullable [] body) {
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return changed(name, controls.invalidate(name, Invalidation.immediately(immediately, body)));
    }

    /** Body: {@code {"scope": "create" | "all", "until": instant?}}. Claims go on. */
    @POST
    @Path("/{template}/pause")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "pauseTemplate", summary = "Pauses reconciliation of this template. Claims go on")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Pauses.PauseBody.class)))
    public Uni<RestResponse<TemplateView>> pause(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            byte @Nullable [] body) {
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return changed(name, controls.pause(name, Pauses.read(body, clock.instant())));
    }

    @POST
    @Path("/{template}/resume")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "resumeTemplate", summary = "Lifts the pause of this template")
    public Uni<RestResponse<TemplateView>> resume(
            @PathParam("organization") String organization, @PathParam("template") String template) {
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return changed(name, controls.pause(name, null));
    }

    private Uni<RestResponse<TemplateView>> changed(TemplateName name, Uni<Boolean> change) {
        return change.chain(found -> templates.refuseUnless(found, name))
                .invoke(() -> wakeUps.changed(Change.TEMPLATE))
                .chain(found -> templates.find(name))
                .map(template -> TemplateResource.tagged(template, template));
    }
}
