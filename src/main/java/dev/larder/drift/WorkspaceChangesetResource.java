package dev.larder.drift;

import dev.larder.drift.DriftViews.ChangesetView;
import dev.larder.http.Located;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.lifecycle.CheckStore.Wanted;
import dev.larder.model.Assignment;
import dev.larder.model.Role;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Stages plans of a workspace, and lists them. */
@Path("/api/v1/workspaces")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "drift")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class WorkspaceChangesetResource {

    private final Checks checks;
    private final ChangesetStore store;
    private final WakeUps wakeUps;
    private final InstantSource clock;
    private final DriftMetrics metrics;

    WorkspaceChangesetResource(
            Checks checks, ChangesetStore store, WakeUps wakeUps, InstantSource clock, DriftMetrics metrics) {
        this.checks = checks;
        this.store = store;
        this.wakeUps = wakeUps;
        this.clock = clock;
        this.metrics = metrics;
    }

    @POST
    @Path("{id}/changesets")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = ChangesetView.class, responseCode = "202")
    @Operation(
            operationId = "stageChangeset",
            summary = "Plans what an apply of its version would change in a workspace, in a job. Changes nothing")
    public Uni<RestResponse<ChangesetView>> stage(@PathParam("id") String id) {
        return checks.checkable(id)
                .invoke(Checks::refuseUntrusted)
                .chain(subject -> store.stage(
                        new Wanted(subject.id(), checks.asking(), Assignment.CHANGESET, DriftLoop.REFRESH_MAX),
                        clock.instant()))
                .map(staged -> staged.orElseThrow(Checks::busy))
                .invoke(staged -> wakeUps.changed(Change.JOB_QUEUED))
                .invoke(staged -> metrics.begunOnRequest(Assignment.CHANGESET))
                .chain(staged -> store.find(staged, checks.scope()))
                .map(view -> accepted(view.orElseThrow(Checks::busy)));
    }

    private static RestResponse<ChangesetView> accepted(ChangesetView view) {
        return Located.accepted("/api/v1/changesets/" + view.id(), view).build();
    }

    @GET
    @Path("{id}/changesets")
    @Operation(operationId = "listChangesets", summary = "Lists the changesets of a workspace, newest first")
    public Uni<Page<ChangesetView>> list(
            @PathParam("id") String id,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return checks.subject(id)
                .chain(subject -> store.list(subject.id(), checks.scope(), page.after(), page.rows()))
                .map(rows -> Page.of(page, rows, ChangesetView::id));
    }
}
