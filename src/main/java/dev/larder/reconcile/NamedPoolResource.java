package dev.larder.reconcile;

import dev.larder.http.CurrentCaller;
import dev.larder.http.Filters;
import dev.larder.http.ListParameters;
import dev.larder.http.Names;
import dev.larder.http.Page;
import dev.larder.http.PresetParameters;
import dev.larder.http.Problem;
import dev.larder.lifecycle.PresetNames;
import dev.larder.model.Role;
import dev.larder.reconcile.PresetStore.Filter;
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
import java.util.UUID;
import java.util.function.Function;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/**
 * What {@link PoolResource} shows of a preset by its id, by names: of the preset that the template's active version
 * has under this name (decision 0043).
 */
@Path("/api/v1/organizations/{organization}/templates")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "presets")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class NamedPoolResource {

    private final PoolResource byId;
    private final PresetNames names;
    private final CurrentCaller caller;

    NamedPoolResource(PoolResource byId, PresetNames names, CurrentCaller caller) {
        this.byId = byId;
        this.names = names;
        this.caller = caller;
    }

    @GET
    @Path("/{template}/presets")
    @Operation(
            operationId = "listNamedPresets",
            summary = "Lists the presets of the template's active version with the counts of their pools, newest first")
    public Uni<Page<PresetWithPool>> list(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @BeanParam ListParameters list,
            @QueryParam("status") @Parameter(description = Filters.STATUS) @Nullable String status) {
        Filter filter = PoolResource.filter(PresetParameters.of(organization, template, Optional.empty()), status);
        return names.unknown(caller.get().organization(), Optional.of(organization), template)
                .invoke(NamedPoolResource::refuseUnlessPreset)
                .chain(known -> byId.page(list, filter));
    }

    private static void refuseUnlessPreset(String unknown) {
        if (!unknown.equals("preset")) {
            throw Problem.notFound(unknown);
        }
    }

    @GET
    @Path("/{template}/presets/{preset}")
    @Operation(operationId = "getNamedPreset", summary = "Shows a preset with the counts of its pool")
    public Uni<PresetWithPool> get(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("preset") String preset) {
        return of(organization, template, preset, id -> byId.get(id.toString()));
    }

    @GET
    @Path("/{template}/presets/{preset}/pool")
    @Operation(
            operationId = "getNamedPresetPool",
            summary = "Shows the actual and desired state of the pool, with the reasons")
    public Uni<PoolView> pool(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("preset") String preset) {
        return of(organization, template, preset, id -> byId.pool(id.toString()));
    }

    @GET
    @Path("/{template}/presets/{preset}/plan")
    @Operation(operationId = "getNamedPresetPlan", summary = PoolResource.PLAN)
    public Uni<PlanView> plan(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("preset") String preset,
            @QueryParam("at") @Nullable String at) {
        return of(organization, template, preset, id -> byId.plan(id.toString(), at));
    }

    private <T> Uni<T> of(String organization, String template, String preset, Function<UUID, Uni<T>> view) {
        return names.find(caller.get().organization(), organization, template, preset)
                .map(Names::found)
                .chain(view::apply);
    }
}
