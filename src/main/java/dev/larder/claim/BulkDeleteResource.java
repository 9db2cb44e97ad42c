package dev.larder.claim;

import dev.larder.claim.WorkspaceStore.Seen;
import dev.larder.claim.WorkspaceStore.WorkspaceFilter;
import dev.larder.http.BulkAnswer;
import dev.larder.http.BulkChange;
import dev.larder.http.BulkFilter;
import dev.larder.http.CurrentCaller;
import dev.larder.lifecycle.BuildProgress;
import dev.larder.lifecycle.BulkAudit;
import dev.larder.lifecycle.BulkAudit.Action;
import dev.larder.lifecycle.StartBuildStore;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import dev.larder.model.Visibility;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import java.util.OptionalInt;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** Deletes all workspaces that a filter matches, as {@code DELETE /workspaces/{id}} deletes one. */
@Path("/api/v1/workspaces")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "workspaces")
class BulkDeleteResource {

    private final WorkspaceStore store;
    private final ChildStore children;
    private final StartBuildStore builds;
    private final BulkAudit audit;
    private final CurrentCaller caller;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    BulkDeleteResource(
            WorkspaceStore store,
            ChildStore children,
            StartBuildStore builds,
            BulkAudit audit,
            CurrentCaller caller,
            WakeUps wakeUps,
            InstantSource clock) {
        this.store = store;
        this.children = children;
        this.builds = builds;
        this.audit = audit;
        this.caller = caller;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    @POST
    @Path("delete")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = BulkFilter.class)))
    @Operation(
            operationId = "deleteWorkspaces",
            summary =
                    "Requests the deletion of the workspaces that match, 100 in a call; those that others stand on are skipped. Members delete their own, others those of their organization. dryRun=true counts them")
    public Uni<BulkAnswer> delete(@BeanParam BulkChange.Parameters parameters, byte @Nullable [] body) {
        BulkFilter wanted = BulkFilter.of(body);
        WorkspaceFilter filter = new WorkspaceFilter(
                wanted.presets(),
                wanted.status(BuildProgress.WORDS),
                wanted.ownerName(),
                wanted.labels(),
                wanted.since(clock.instant()));
        Caller asking = caller.get();
        Visibility scope = Visibility.of(asking);
        return BulkChange.of(
                        parameters,
                        new BulkChange.Things<>(
                                () -> store.total(scope, filter),
                                page -> store.list(scope, filter, page.after(), page.rows()),
                                Seen::id),
                        matching -> audit.begin(asking, Action.DELETE_WORKSPACES, wanted.conditions(), matching),
                        this::wantDeleted)
                .call(answer -> answer.changedAny() ? begin() : Uni.createFrom().voidItem());
    }

    private Uni<Integer> begin() {
        return builds.deleteUsedUp(clock.instant()).invoke(() -> wakeUps.changed(Change.DELETION_WANTED));
    }

    /** One that has another version by now is another holding, which the filter has not seen. */
    private Uni<Boolean> wantDeleted(Seen seen) {
        if (seen.times().deletionWantedAt() != null) {
            return Uni.createFrom().item(false);
        }
        return children.below(seen.id(), 1)
                .chain(below -> below.isEmpty()
                        ? builds.wantDeleted(
                                seen.id(), OptionalInt.of(seen.owned().version()), clock.instant())
                        : Uni.createFrom().item(false));
    }
}
