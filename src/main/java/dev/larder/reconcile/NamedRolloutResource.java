package dev.larder.reconcile;

import dev.larder.http.CurrentCaller;
import dev.larder.http.Filters;
import dev.larder.http.ListParameters;
import dev.larder.http.Names;
import dev.larder.http.Page;
import dev.larder.http.PresetParameters;
import dev.larder.lifecycle.PresetNames;
import dev.larder.model.Role;
import dev.larder.reconcile.RolloutReads.Filter;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** The rollouts of one preset, at its names (decision 0043). */
@Path("/api/v1/organizations/{organization}/templates")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "rollouts")
class NamedRolloutResource {

    private final RolloutResource rollouts;
    private final PresetNames names;
    private final CurrentCaller caller;

    NamedRolloutResource(RolloutResource rollouts, PresetNames names, CurrentCaller caller) {
        this.rollouts = rollouts;
        this.names = names;
        this.caller = caller;
    }

    @GET
    @Path("/{template}/presets/{preset}/rollouts")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listNamedRollouts",
            summary = "Lists the rollouts of the presets of this name, over all versions of the template, newest first")
    public Uni<Page<RolloutView>> list(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("preset") String preset,
            @BeanParam ListParameters list,
            @QueryParam("state") @Parameter(description = RolloutResource.STATE) @Nullable String state,
            @QueryParam("cause") @Parameter(description = RolloutResource.CAUSE) @Nullable String cause,
            @QueryParam("since") @Parameter(description = Filters.SINCE) @Nullable String since) {
        Filter filter =
                rollouts.filter(PresetParameters.of(organization, template, Optional.of(preset)), state, cause, since);
        return names.find(caller.get().organization(), organization, template, preset)
                .map(Names::found)
                .chain(known -> rollouts.page(list, filter));
    }
}
