package dev.larder.drift;

import dev.larder.drift.ChangesetStore.Standing;
import dev.larder.drift.DriftViews.ChangesetView;
import dev.larder.drift.DriftViews.ResultView;
import dev.larder.http.Located;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
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
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Plans that jobs have staged, and their apply. */
@Path("/api/v1/changesets")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "drift")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class ChangesetResource {

    private final Checks checks;
    private final ChangesetStore store;
    private final DriftReads reads;
    private final WakeUps wakeUps;
    private final InstantSource clock;
    private final DriftMetrics metrics;

    ChangesetResource(
            Checks checks,
            ChangesetStore store,
            DriftReads reads,
            WakeUps wakeUps,
            InstantSource clock,
            DriftMetrics metrics) {
        this.checks = checks;
        this.store = store;
        this.reads = reads;
        this.wakeUps = wakeUps;
        this.clock = clock;
        this.metrics = metrics;
    }

    @GET
    @Path("{id}")
    @Operation(operationId = "getChangeset", summary = "Shows a changeset: what an apply would change, and drift")
    public Uni<ChangesetView> one(@PathParam("id") String id) {
        return found(id);
    }

    @GET
    @Path("{id}/reconciliation-results")
    @Operation(operationId = "listChangesetResults", summary = "Lists the drift that a changeset found, newest first")
    public Uni<Page<ResultView>> results(
            @PathParam("id") String id,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return found(id)
                .chain(changeset -> reads.ofChangeset(changeset.id(), checks.scope(), page.after(), page.rows()))
                .map(rows -> Page.of(page, rows, ResultView::id));
    }

    @POST
    @Path("{id}/apply")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = ChangesetView.class, responseCode = "202")
    @Operation(
            operationId = "applyChangeset",
            summary = "Applies a staged changeset, in a job. Nothing is changed where the plan is another one by then,"
                    + " or something else has changed the infrastructure")
    public Uni<RestResponse<ChangesetView>> apply(@PathParam("id") String id) {
        UUID changeset = Checks.id(id, "changeset");
        return store.standing(changeset, checks.scope())
                .map(found -> found.orElseThrow(() -> Problem.notFound("changeset")))
                .invoke(ChangesetResource::refuse)
                .call(standing -> checks.changeable(standing.workspace()))
                .chain(standing -> store.apply(changeset, wanted(standing), clock.instant()))
                .invoke(ChangesetResource::refuseBusy)
                .invoke(begun -> wakeUps.changed(Change.JOB_QUEUED))
                .invoke(begun -> metrics.begunOnRequest(Assignment.APPLY))
                .chain(begun -> found(id))
                .map(view -> Located.accepted("/api/v1/changesets/" + view.id(), view)
                        .build());
    }

    private Wanted wanted(Standing standing) {
        return new Wanted(standing.workspace(), checks.asking(), Assignment.APPLY, DriftLoop.REFRESH_MAX);
    }

    private static void refuse(Standing standing) {
        refusal(standing).ifPresent(problem -> {
            throw problem;
        });
    }

    static Optional<Problem> refusal(Standing standing) {
        return switch (standing.status()) {
            case "staged" ->
                standing.version() != standing.baseVersion()
                        ? Optional.of(
                                Problem.of(
                                        409,
                                        "changeset_stale",
                                        "The state has a newer version than the one that was planned on. Stage another changeset."))
                        : standing.comparable()
                                ? Optional.empty()
                                : Optional.of(Problem.of(
                                        409,
                                        "changeset_not_comparable",
                                        "A worker of an earlier version has staged it. Stage another changeset."));
            case "drift_detected" ->
                Optional.of(
                        Problem.of(
                                409,
                                "drift_detected",
                                "Something else has changed the infrastructure. Refresh the state, then stage another changeset."));
            case "staging" -> Optional.of(Problem.of(409, "changeset_not_staged", "Its job has not staged it yet."));
            case "failed" -> Optional.of(Problem.of(409, "changeset_not_staged", "Its job has failed."));
            default ->
                Optional.of(Problem.of(
                        409, "changeset_used", "It is or was applied: " + standing.status() + ". It is applied once."));
        };
    }

    private static void refuseBusy(boolean begun) {
        if (!begun) {
            throw Checks.busy();
        }
    }

    private Uni<ChangesetView> found(String id) {
        return store.find(Checks.id(id, "changeset"), checks.scope())
                .map(found -> found.orElseThrow(() -> Problem.notFound("changeset")));
    }
}
