package dev.larder.reconcile;

import dev.larder.database.RowList;
import dev.larder.http.CurrentCaller;
import dev.larder.http.Filters;
import dev.larder.http.JsonBody;
import dev.larder.http.ListParameters;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.PresetParameters;
import dev.larder.http.Problem;
import dev.larder.model.PresetFilter;
import dev.larder.model.Role;
import dev.larder.model.RolloutCause;
import dev.larder.model.RolloutState;
import dev.larder.reconcile.RolloutReads.Filter;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.time.InstantSource;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** Shows rollouts: how the stock of a preset changes, how far it is, and what ends it (decision 0046). */
@Path("/api/v1/rollouts")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "rollouts")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class RolloutResource {

    static final String STATE = "Only in this state";
    static final String CAUSE = "Only of this cause";

    private final RolloutReads reads;
    private final CurrentCaller caller;
    private final InstantSource clock;

    RolloutResource(RolloutReads reads, CurrentCaller caller, InstantSource clock) {
        this.reads = reads;
        this.caller = caller;
        this.clock = clock;
    }

    @GET
    @Operation(operationId = "listRollouts", summary = "Lists rollouts, newest first")
    public Uni<Page<RolloutView>> list(
            @BeanParam ListParameters list,
            @BeanParam PresetParameters names,
            @QueryParam("state") @Parameter(description = STATE) @Nullable String state,
            @QueryParam("cause") @Parameter(description = CAUSE) @Nullable String cause,
            @QueryParam("since") @Parameter(description = Filters.SINCE) @Nullable String since) {
        return page(list, filter(names.filter(), state, cause, since));
    }

    Filter filter(PresetFilter names, @Nullable String state, @Nullable String cause, @Nullable String since) {
        return new Filter(
                names,
                Filters.word("state", state, RolloutState.WORDS),
                Filters.word("cause", cause, RolloutCause.WORDS),
                Filters.since(since, clock.instant()));
    }

    Uni<Page<RolloutView>> page(ListParameters list, Filter filter) {
        Instant now = clock.instant();
        PageRequest page = list.page();
        RowList.Query query = RolloutReads.query(caller.get().organization(), filter);
        return reads.list(query, now, page.after(), page.rows())
                .map(rows -> Page.of(page, rows, RolloutView::id))
                .chain(found -> list.counted(found, () -> reads.total(query)));
    }

    @GET
    @Path("{id}")
    @Operation(
            operationId = "getRollout",
            summary = "Shows a rollout: its state, its verdict, the counts of its prebuilds and what ends it")
    public Uni<RolloutView> get(@PathParam("id") String id) {
        return shown(JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("rollout")));
    }

    Uni<RolloutView> shown(UUID rollout) {
        return reads.find(rollout, caller.get().organization(), clock.instant())
                .map(found -> found.orElseThrow(() -> Problem.notFound("rollout")));
    }
}
