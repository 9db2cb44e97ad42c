package dev.larder.drift;

import dev.larder.drift.DriftReads.Subject;
import dev.larder.drift.DriftViews.CheckView;
import dev.larder.drift.DriftViews.ResultView;
import dev.larder.http.Located;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.lifecycle.CheckStore;
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
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/**
 * Checks and refreshes of a workspace on request, and what was found: by the user who owns it, and by those who see
 * all of its organization.
 */
@Path("/api/v1/workspaces")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "drift")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class WorkspaceDriftResource {

    private final Checks checks;
    private final CheckStore store;
    private final DriftReads reads;
    private final WakeUps wakeUps;
    private final InstantSource clock;
    private final DriftSettings settings;

    WorkspaceDriftResource(
            Checks checks,
            CheckStore store,
            DriftReads reads,
            WakeUps wakeUps,
            InstantSource clock,
            DriftSettings settings) {
        this.checks = checks;
        this.store = store;
        this.reads = reads;
        this.wakeUps = wakeUps;
        this.clock = clock;
        this.settings = settings;
    }

    @POST
    @Path("{id}/drift-checks")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = CheckView.class, responseCode = "202")
    @Operation(
            operationId = "checkDrift",
            summary =
                    "Compares the infrastructure of a workspace with its state, in a job. The workspace stays as it is")
    public Uni<RestResponse<CheckView>> check(@PathParam("id") String id) {
        return begin(id, Assignment.DRIFT_CHECK, settings.timeout());
    }

    @POST
    @Path("{id}/refreshes")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = CheckView.class, responseCode = "202")
    @Operation(
            operationId = "refreshState",
            summary =
                    "Reads the infrastructure of a workspace into its state, in a job. The state is reliable after it")
    public Uni<RestResponse<CheckView>> refresh(@PathParam("id") String id) {
        return begin(id, Assignment.REFRESH, DriftLoop.REFRESH_MAX);
    }

    private Uni<RestResponse<CheckView>> begin(String id, String reason, Duration within) {
        return checks.checkable(id)
                .chain(subject ->
                        store.begin(new Wanted(subject.id(), checks.asking(), reason, within), clock.instant()))
                .map(job -> job.orElseThrow(Checks::busy))
                .invoke(job -> wakeUps.changed(Change.JOB_QUEUED))
                .chain(job -> reads.check(job, checks.scope()))
                .map(view -> accepted(view.orElseThrow(Checks::busy)));
    }

    private static RestResponse<CheckView> accepted(CheckView view) {
        return Located.accepted("/api/v1/drift-checks/" + view.id(), view).build();
    }

    @GET
    @Path("{id}/reconciliation-results")
    @Operation(
            operationId = "listReconciliationResults",
            summary =
                    "Lists what was found when the infrastructure of a workspace was compared with its state, newest first")
    public Uni<Page<ResultView>> results(
            @PathParam("id") String id,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return checks.subject(id)
                .chain(subject -> reads.ofWorkspace(subject.id(), checks.scope(), page.after(), page.rows()))
                .map(rows -> Page.of(page, rows, ResultView::id));
    }

    @GET
    @Path("{id}/reconciliation-results/latest")
    @Operation(operationId = "getLatestReconciliationResult", summary = "Shows the newest result of a workspace")
    public Uni<ResultView> latest(@PathParam("id") String id) {
        return checks.subject(id).map(Subject::id).chain(this::newest);
    }

    private Uni<ResultView> newest(UUID workspace) {
        return reads.ofWorkspace(workspace, checks.scope(), Optional.empty(), 1)
                .map(rows -> rows.stream().findFirst().orElseThrow(ResultResource::missing));
    }
}
