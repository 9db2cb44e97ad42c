package dev.larder.claim;

import dev.larder.claim.ChildStore.Below;
import dev.larder.claim.WorkspaceStore.Build;
import dev.larder.claim.WorkspaceStore.Seen;
import dev.larder.claim.WorkspaceStore.WorkspaceFilter;
import dev.larder.http.CurrentCaller;
import dev.larder.http.ETags;
import dev.larder.http.Filters;
import dev.larder.http.JsonBody;
import dev.larder.http.Labels;
import dev.larder.http.Labels.LabelsBody;
import dev.larder.http.ListParameters;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.PreferWait;
import dev.larder.http.PresetParameters;
import dev.larder.http.Problem;
import dev.larder.lifecycle.BuildProgress;
import dev.larder.lifecycle.LabelStore;
import dev.larder.lifecycle.StartBuildStore;
import dev.larder.model.JobStatus;
import dev.larder.model.Refusal;
import dev.larder.model.Role;
import dev.larder.model.Visibility;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;
import org.jspecify.annotations.Nullable;

/**
 * Workspaces as people look at them: a member its own, the others those of their organization, prebuilds
 * among them.
 */
@Path("/api/v1/workspaces")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "workspaces")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class WorkspaceResource {

    private static final int BUILDS_MAX = 100;

    /** Workspaces that stand on one that is deleted with them. */
    private static final int DELETED_AT_ONCE_MAX = 100;

    private final WorkspaceStore store;
    private final WorkspaceWaits waits;
    private final StartBuildStore builds;
    private final LabelStore labels;
    private final ChildStore children;
    private final WakeUps wakeUps;
    private final CurrentCaller caller;
    private final InstantSource clock;

    WorkspaceResource(
            WorkspaceStore store,
            WorkspaceWaits waits,
            StartBuildStore builds,
            LabelStore labels,
            ChildStore children,
            WakeUps wakeUps,
            CurrentCaller caller,
            InstantSource clock) {
        this.store = store;
        this.waits = waits;
        this.builds = builds;
        this.labels = labels;
        this.children = children;
        this.wakeUps = wakeUps;
        this.caller = caller;
        this.clock = clock;
    }

    @GET
    @Operation(
            operationId = "listWorkspaces",
            summary =
                    "Lists the workspaces that exist, newest first; with ids exactly these, in this order, deleted ones too, or 404 naming each that is missing; with name the one that the caller holds under it")
    public Uni<Page<Seen>> list(
            @BeanParam ListParameters list,
            @BeanParam PresetParameters presets,
            @QueryParam("status") @Parameter(description = Filters.STATUS) @Nullable String status,
            @QueryParam("owner") @Parameter(description = Filters.OWNER) @Nullable String owner,
            @QueryParam("label") @Parameter(description = Labels.FILTER) List<String> label,
            @QueryParam("since") @Parameter(description = Filters.SINCE) @Nullable String since,
            @QueryParam("ids") @Nullable String ids,
            @QueryParam("name") @Nullable String name) {
        WorkspaceFilter filter = new WorkspaceFilter(
                presets.filter(),
                Filters.status(status, BuildProgress.WORDS),
                Filters.text("owner", owner),
                Labels.selector(label),
                Filters.since(since, clock.instant()));
        boolean narrowed = list.given() || !filter.equals(WorkspaceFilter.ALL);
        if (name != null) {
            if (narrowed || ids != null) {
                throw alone("name");
            }
            return store.named(caller.get().userId(), name).map(found -> new Page<>(found, null));
        }
        if (ids == null) {
            return page(list, filter);
        }
        if (narrowed) {
            throw alone("ids");
        }
        List<UUID> wanted = wanted(ids);
        return store.findAll(wanted, scope()).map(found -> inOrder(wanted, found));
    }

    private Uni<Page<Seen>> page(ListParameters list, WorkspaceFilter filter) {
        PageRequest page = list.page();
        Visibility scope = scope();
        return store.list(scope, filter, page.after(), page.rows())
                .map(rows -> Page.of(page, rows, Seen::id))
                .chain(found -> list.counted(found, () -> store.total(scope, filter)));
    }

    private static Problem alone(String parameter) {
        return Problem.badRequest("conflicting_parameters", parameter, "goes with no other parameter.");
    }

    private static List<UUID> wanted(String ids) {
        List<UUID> wanted = new ArrayList<>();
        for (String id : ids.split(",", PageRequest.LIMIT_MAX + 1)) {
            wanted.add(JsonBody.uuid(id)
                    .orElseThrow(() -> Problem.badRequest(
                            "invalid_id", "ids", "must be 1 to " + PageRequest.LIMIT_MAX + " UUIDs with commas.")));
        }
        return wanted;
    }

    private static Page<Seen> inOrder(List<UUID> wanted, List<Seen> found) {
        Map<UUID, Seen> byId = found.stream().collect(Collectors.toMap(Seen::id, Function.identity()));
        List<Refusal> missing = new ArrayList<>();
        for (int i = 0; i < wanted.size(); i++) {
            if (!byId.containsKey(wanted.get(i))) {
                missing.add(new Refusal("workspace_not_found", "ids[" + i + "]", wanted.get(i) + " is no workspace."));
            }
        }
        if (!missing.isEmpty()) {
            throw Problem.notFound(missing);
        }
        return new Page<>(wanted.stream().map(byId::get).toList(), null);
    }

    @GET
    @Path("{id}")
    @Operation(
            operationId = "getWorkspace",
            summary =
                    "Shows a workspace. Its ETag is its version. Prefer: wait=20 waits until it is ready, has failed or is gone; the status says whether it is")
    public Uni<RestResponse<Seen>> get(@PathParam("id") String id, @HeaderParam("Prefer") @Nullable String prefer) {
        Duration hold = PreferWait.of(prefer).orElse(Duration.ZERO);
        return waits.settled(caller.get(), uuid(id), hold)
                .map(found -> found.orElseThrow(() -> Problem.notFound("workspace")))
                .map(seen -> ResponseBuilder.ok(seen)
                        .tag(String.valueOf(seen.owned().version()))
                        .build());
    }

    @GET
    @Path("{id}/builds")
    @Operation(operationId = "listWorkspaceBuilds", summary = "Lists the newest builds of a workspace")
    public Uni<Builds> builds(
            @PathParam("id") String id,
            @QueryParam("status") @Parameter(description = Filters.STATUS) @Nullable String status,
            @QueryParam("since") @Parameter(description = Filters.SINCE) @Nullable String since) {
        Visibility scope = scope();
        Optional<String> wanted = Filters.status(status, JobStatus.WORDS);
        Optional<Instant> from = Filters.since(since, clock.instant());
        return found(id)
                .chain(seen -> store.builds(seen.id(), scope, wanted, from, BUILDS_MAX))
                .map(Builds::new);
    }

    /** The newest hundred, newest first. */
    record Builds(List<Build> items) {}

    @GET
    @Path("{id}/labels")
    @Operation(
            operationId = "getWorkspaceLabels",
            summary = "Shows the labels of the claim that holds the workspace. Their ETag is their version")
    public Uni<RestResponse<LabelsBody>> labels(@PathParam("id") String id) {
        return holder(id).chain(labels::find).map(now -> Labels.answer(now.pairs(), now.version()));
    }

    @PUT
    @Path("{id}/labels")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = LabelsBody.class)))
    @Operation(
            operationId = "replaceWorkspaceLabels",
            summary = "Replaces all labels of the claim that holds the workspace. If-Match is required")
    public Uni<RestResponse<LabelsBody>> replaceLabels(
            @PathParam("id") String id, byte @Nullable [] body, @HeaderParam("If-Match") @Nullable String ifMatch) {
        Map<String, String> wanted = Labels.of(body);
        OptionalInt expected = Labels.expected(ifMatch);
        return holder(id)
                .chain(claim -> labels.replace(claim, wanted, expected)
                        .chain(version -> Labels.replaced(wanted, version, () -> version(claim))));
    }

    private Uni<Integer> version(UUID claim) {
        return labels.find(claim).map(LabelStore.Labels::version);
    }

    private Uni<UUID> holder(String id) {
        return found(id)
                .chain(seen -> labels.holder(seen.id()))
                .map(claim -> claim.orElseThrow(WorkspaceResource::notClaimed));
    }

    private static Problem notClaimed() {
        return Problem.of(409, "workspace_not_claimed", "No claim holds the workspace.");
    }

    @DELETE
    @Path("{id}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponse(responseCode = "202", description = "It will be destroyed")
    @APIResponse(responseCode = "409", description = "workspace_has_children")
    @Operation(
            operationId = "deleteWorkspace",
            summary =
                    "Requests the deletion of a workspace, as soon as no build of it is active. children: detach or delete what stands on it")
    public Uni<RestResponse<Void>> delete(
            @PathParam("id") String id,
            @QueryParam("children") @Nullable String withChildren,
            @HeaderParam("If-Match") @Nullable String ifMatch) {
        OptionalInt version = ETags.ifMatch(ifMatch);
        if (withChildren != null && !List.of("detach", "delete").contains(withChildren)) {
            throw Problem.badRequest("invalid_value", "children", "must be detach or delete.");
        }
        return found(id)
                .chain(seen -> seen.times().deletedAt() != null
                        ? Uni.createFrom().item(true)
                        : wantDeleted(seen, version.orElse(seen.owned().version()), withChildren))
                .invoke(WorkspaceResource::refuseUnless)
                .chain(() -> builds.deleteUsedUp(clock.instant()))
                .invoke(this::tell)
                .map(begun -> RestResponse.accepted());
    }

    private Uni<Boolean> wantDeleted(Seen seen, int version, @Nullable String withChildren) {
        return children.below(seen.id(), DELETED_AT_ONCE_MAX).chain(below -> {
            if (below.isEmpty()) {
                return builds.wantDeleted(seen.id(), OptionalInt.of(version), clock.instant());
            }
            refuseUnasked(below, withChildren);
            return "delete".equals(withChildren)
                    ? builds.wantDeleted(tree(seen.id(), below), versions(version, below), clock.instant())
                    : builds.wantDeleted(seen.id(), OptionalInt.of(version), clock.instant())
                            .call(wanted -> wanted
                                    ? children.detachAll(seen.id())
                                    : Uni.createFrom().voidItem());
        });
    }

    private static void refuseUnasked(List<Below> below, @Nullable String withChildren) {
        if (withChildren == null) {
            throw Problem.of(
                            409,
                            "workspace_has_children",
                            "Other workspaces stand on this one. ?children=detach leaves them, ?children=delete deletes them too.")
                    .with(
                            "children",
                            below.stream()
                                    .map(child -> Map.of("id", child.workspace().toString()))
                                    .toList());
        }
        if (withChildren.equals("delete") && below.size() > DELETED_AT_ONCE_MAX) {
            throw Problem.of(
                    409,
                    "too_many_children",
                    "More than " + DELETED_AT_ONCE_MAX + " workspaces stand on this one. Delete some of them first.");
        }
    }

    private static List<UUID> tree(UUID parent, List<Below> below) {
        return Stream.concat(Stream.of(parent), below.stream().map(Below::workspace))
                .toList();
    }

    private static List<Integer> versions(int version, List<Below> below) {
        return Stream.concat(Stream.of(version), below.stream().map(Below::version))
                .toList();
    }

    private static void refuseUnless(boolean matched) {
        if (!matched) {
            throw Problem.of(412, "version_conflict", "The workspace has another version: somebody was faster.");
        }
    }

    private void tell(int begun) {
        wakeUps.changed(Change.DELETION_WANTED);
    }

    private Uni<Seen> found(String id) {
        return store.find(uuid(id), scope()).map(found -> found.orElseThrow(() -> Problem.notFound("workspace")));
    }

    private static UUID uuid(String id) {
        return JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("workspace"));
    }

    private Visibility scope() {
        return Visibility.of(caller.get());
    }
}
