package dev.larder.claim;

import dev.larder.claim.WorkspaceStore.Build;
import dev.larder.claim.WorkspaceStore.Seen;
import dev.larder.http.CurrentCaller;
import dev.larder.http.ETags;
import dev.larder.http.JsonBody;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.lifecycle.StartBuildStore;
import dev.larder.model.Role;
import dev.larder.model.Visibility;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import java.util.List;
import java.util.OptionalInt;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
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

    private final WorkspaceStore store;
    private final StartBuildStore builds;
    private final WakeUps wakeUps;
    private final CurrentCaller caller;
    private final InstantSource clock;

    WorkspaceResource(
            WorkspaceStore store, StartBuildStore builds, WakeUps wakeUps, CurrentCaller caller, InstantSource clock) {
        this.store = store;
        this.builds = builds;
        this.wakeUps = wakeUps;
        this.caller = caller;
        this.clock = clock;
    }

    @GET
    @Operation(operationId = "listWorkspaces", summary = "Lists the workspaces that exist")
    public Uni<Page<Seen>> list(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return store.list(scope(), page.after(), page.rows()).map(rows -> Page.of(page, rows, Seen::id));
    }

    @GET
    @Path("{id}")
    @Operation(operationId = "getWorkspace", summary = "Shows a workspace. Its ETag is its version")
    public Uni<RestResponse<Seen>> get(@PathParam("id") String id) {
        return found(id)
                .map(seen -> ResponseBuilder.ok(seen)
                        .tag(String.valueOf(seen.owned().version()))
                        .build());
    }

    @GET
    @Path("{id}/builds")
    @Operation(operationId = "listWorkspaceBuilds", summary = "Lists the newest builds of a workspace")
    public Uni<Builds> builds(@PathParam("id") String id) {
        Visibility scope = scope();
        return found(id)
                .chain(seen -> store.builds(seen.id(), scope, BUILDS_MAX))
                .map(Builds::new);
    }

    /** The newest hundred, newest first. */
    record Builds(List<Build> items) {}

    @DELETE
    @Path("{id}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponse(responseCode = "202", description = "It will be destroyed")
    @Operation(
            operationId = "deleteWorkspace",
            summary = "Requests the deletion of a workspace, as soon as no build of it is active")
    public Uni<RestResponse<Void>> delete(
            @PathParam("id") String id, @HeaderParam("If-Match") @Nullable String ifMatch) {
        OptionalInt version = ETags.ifMatch(ifMatch);
        return found(id)
                .chain(seen -> seen.times().deletedAt() != null
                        ? Uni.createFrom().item(true)
                        : builds.wantDeleted(
                                seen.id(),
                                OptionalInt.of(version.orElse(seen.owned().version())),
                                clock.instant()))
                .invoke(WorkspaceResource::refuseUnless)
                .chain(() -> builds.deleteUsedUp(clock.instant()))
                .invoke(this::tell)
                .map(begun -> RestResponse.accepted());
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
        UUID workspace = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("workspace"));
        return store.find(workspace, scope()).map(found -> found.orElseThrow(() -> Problem.notFound("workspace")));
    }

    private Visibility scope() {
        return Visibility.of(caller.get());
    }
}
