package dev.larder.drift;

import dev.larder.drift.DriftViews.ChangesetView;
import dev.larder.drift.DriftViews.ResultView;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.model.Role;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** Plans that jobs have staged. */
@Path("/api/v1/changesets")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "drift")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class ChangesetResource {

    private final Checks checks;
    private final ChangesetStore store;
    private final DriftReads reads;

    ChangesetResource(Checks checks, ChangesetStore store, DriftReads reads) {
        this.checks = checks;
        this.store = store;
        this.reads = reads;
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

    private Uni<ChangesetView> found(String id) {
        return store.find(Checks.id(id, "changeset"), checks.scope())
                .map(found -> found.orElseThrow(() -> Problem.notFound("changeset")));
    }
}
