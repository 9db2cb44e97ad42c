package dev.larder.reconcile;

import dev.larder.http.CurrentCaller;
import dev.larder.http.Filters;
import dev.larder.http.JsonBody;
import dev.larder.http.ListParameters;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.PresetParameters;
import dev.larder.http.Problem;
import dev.larder.model.PresetFilter;
import dev.larder.model.PresetStatus;
import dev.larder.model.Role;
import dev.larder.reconcile.PresetStore.DeclaredPreset;
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
import java.time.DateTimeException;
import java.time.Instant;
import java.time.InstantSource;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/**
 * The HTTP API of pools: what they hold, what they should hold and why, and what the next cycle would do (design,
 * section 2.5).
 */
@Path("/api/v1/presets")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "presets")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class PoolResource {

    static final String PLAN =
            "Shows what a cycle would do now, or at another instant, and what the cycles after it would do";

    private static final Instant EARLIEST = Instant.parse("2000-01-01T00:00:00Z");
    private static final Instant BEYOND = Instant.parse("2201-01-01T00:00:00Z");

    private final PresetStore presets;
    private final Reconciler reconciler;
    private final CurrentCaller caller;
    private final InstantSource clock;

    PoolResource(PresetStore presets, Reconciler reconciler, CurrentCaller caller, InstantSource clock) {
        this.presets = presets;
        this.reconciler = reconciler;
        this.caller = caller;
        this.clock = clock;
    }

    @GET
    @Operation(
            operationId = "listPresets",
            summary = "Lists the presets of active versions with the counts of their pools, newest first")
    public Uni<Page<PresetWithPool>> list(
            @BeanParam ListParameters list,
            @BeanParam PresetParameters names,
            @QueryParam("status") @Parameter(description = Filters.STATUS) @Nullable String status) {
        return page(list, filter(names.filter(), status));
    }

    static Filter filter(PresetFilter names, @Nullable String status) {
        return new Filter(names, Filters.status(status, PresetStatus.WORDS));
    }

    Uni<Page<PresetWithPool>> page(ListParameters list, Filter filter) {
        Instant now = clock.instant();
        return presets(list, filter)
                .chain(page -> lines(page, now)
                        .map(lines -> page.map(preset -> withPool(preset, lines.get(preset.id()), now))));
    }

    Uni<Page<DeclaredPreset>> presets(ListParameters list, Filter filter) {
        PageRequest page = list.page();
        Optional<UUID> organization = caller.get().organization();
        return presets.list(organization, filter, page.after(), page.rows())
                .map(rows -> Page.of(page, rows, DeclaredPreset::id))
                .chain(found -> list.counted(found, () -> presets.total(organization, filter)));
    }

    private static PresetWithPool withPool(DeclaredPreset preset, @Nullable LinePlan line, Instant at) {
        return PresetWithPool.of(preset, line == null ? null : LineStock.of(line, preset.id()), at);
    }

    private static List<UUID> ids(Page<DeclaredPreset> page) {
        return page.items().stream().map(DeclaredPreset::id).toList();
    }

    /** By preset; a preset without prebuilds has none. */
    Uni<Map<UUID, LinePlan>> lines(Page<DeclaredPreset> page, Instant at) {
        return reconciler.lines(ids(page), at).map(PoolResource::byPreset);
    }

    private static Map<UUID, LinePlan> byPreset(List<LinePlan> lines) {
        Map<UUID, LinePlan> byPreset = new HashMap<>();
        lines.forEach(line ->
                line.members().forEach(member -> byPreset.put(member.preset().id(), line)));
        return byPreset;
    }

    @GET
    @Path("{id}")
    @Operation(operationId = "getPreset", summary = "Shows a preset with the counts of its pool")
    public Uni<PresetWithPool> get(@PathParam("id") String id) {
        Instant now = clock.instant();
        return found(id)
                .chain(preset -> reconciler
                        .lines(List.of(preset.id()), now)
                        .map(lines -> withPool(preset, lines.isEmpty() ? null : lines.getFirst(), now)));
    }

    @GET
    @Path("{id}/pool")
    @Operation(
            operationId = "getPresetPool",
            summary = "Shows the actual and desired state of the pool, with the reasons")
    public Uni<PoolView> pool(@PathParam("id") String id) {
        return planned(id, clock.instant())
                .chain(line -> explained(PoolView.of(line.of(preset(id)).orElseThrow(), line), line));
    }

    private Uni<PoolView> explained(PoolView view, LinePlan line) {
        return view.holdsForFailures()
                ? presets.lastFailure(LineStock.of(line, view.preset()).builder())
                        .map(failed -> failed.map(view::after).orElse(view))
                : Uni.createFrom().item(view);
    }

    @GET
    @Path("{id}/plan")
    @Operation(operationId = "getPresetPlan", summary = PLAN)
    public Uni<PlanView> plan(@PathParam("id") String id, @QueryParam("at") @Nullable String at) {
        Instant from = at == null ? clock.instant() : instant(at);
        return planned(id, from)
                .chain(line -> reconciler
                        .forecast(line, from)
                        .map(forecast -> PlanView.of(line.of(preset(id)).orElseThrow(), line, forecast)));
    }

    private static UUID preset(String id) {
        return JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("preset"));
    }

    /** The plan of the line that the preset is in. */
    private Uni<LinePlan> planned(String id, Instant at) {
        return found(id)
                .chain(preset -> reconciler.lines(List.of(preset.id()), at))
                .map(lines -> lines.stream()
                        .findFirst()
                        .orElseThrow(() -> Problem.of(
                                404,
                                "no_prebuilds_declared",
                                "This preset declares no prebuilds, so it has no pool.")));
    }

    private Uni<DeclaredPreset> found(String id) {
        return presets.find(preset(id), caller.get().organization())
                .map(found -> found.orElseThrow(() -> Problem.notFound("preset")));
    }

    /** An instant within the years that schedules and Postgres can handle. */
    static Instant instant(String text) {
        try {
            Instant instant = OffsetDateTime.parse(text).toInstant();
            if (instant.isBefore(EARLIEST) || !instant.isBefore(BEYOND)) {
                throw Problem.badRequest("invalid_instant", "at", "must be a time within the years 2000 to 2200.");
            }
            return instant;
        } catch (DateTimeException notATime) {
            throw Problem.badRequest("invalid_instant", "at", "must be a time like 2026-11-20T09:00:00Z.");
        }
    }
}
