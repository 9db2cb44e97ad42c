package dev.larder.reconcile;

import dev.larder.http.Filters;
import dev.larder.http.ListParameters;
import dev.larder.http.Page;
import dev.larder.http.PresetParameters;
import dev.larder.model.Role;
import dev.larder.reconcile.PresetStore.DeclaredPreset;
import dev.larder.reconcile.PresetStore.Filter;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** All pools in lines. A page costs the same number of statements whatever its length. */
@Path("/api/v1/pools")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "presets")
class PoolListResource {

    private final PoolResource pools;
    private final PresetStore presets;
    private final InstantSource clock;

    PoolListResource(PoolResource pools, PresetStore presets, InstantSource clock) {
        this.pools = pools;
        this.presets = presets;
        this.clock = clock;
    }

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listPools",
            summary =
                    "Lists the pools of the presets of active versions, newest preset first: counts, pause, holds, and the claims that hold or wait for a workspace")
    public Uni<Page<PoolRow>> list(
            @BeanParam ListParameters list,
            @BeanParam PresetParameters names,
            @QueryParam("status") @Parameter(description = Filters.STATUS) @Nullable String status) {
        Filter filter = PoolResource.filter(names.filter(), status);
        return pools.presets(list, filter).chain(page -> rows(page, clock.instant()));
    }

    private Uni<Page<PoolRow>> rows(Page<DeclaredPreset> page, Instant at) {
        return pools.lines(page, at)
                .chain(lines -> presets.claims(members(page, lines))
                        .map(claims -> page.map(preset -> PoolRow.of(preset, lines.get(preset.id()), claims, at))));
    }

    private static List<UUID> members(Page<DeclaredPreset> page, Map<UUID, LinePlan> lines) {
        return page.items().stream()
                .flatMap(preset -> PoolRow.members(preset, lines.get(preset.id())))
                .toList();
    }
}
