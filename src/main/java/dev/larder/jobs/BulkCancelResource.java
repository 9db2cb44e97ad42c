package dev.larder.jobs;

import dev.larder.http.BulkAnswer;
import dev.larder.http.BulkChange;
import dev.larder.http.BulkFilter;
import dev.larder.http.CurrentCaller;
import dev.larder.jobs.JobReads.JobFilter;
import dev.larder.jobs.JobReads.Seen;
import dev.larder.lifecycle.BulkAudit;
import dev.larder.lifecycle.BulkAudit.Action;
import dev.larder.lifecycle.CancelStore;
import dev.larder.model.Caller;
import dev.larder.model.JobStatus;
import dev.larder.model.Role;
import dev.larder.model.Visibility;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** Cancels all jobs that a filter matches, as {@code POST /jobs/{id}/cancel} cancels one. */
@Path("/api/v1/jobs")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "jobs")
class BulkCancelResource {

    /** {@link BulkFilter} without labels, which jobs do not have. */
    @RegisterForReflection
    @Schema(name = "BulkJobFilter")
    record Conditions(
            @Nullable String organization,
            @Nullable String template,
            @Nullable String preset,

            @Schema(enumeration = {"pending", "running"}) @Nullable
            String status,

            @Nullable String owner,
            @Nullable String since) {}

    private final JobReads reads;
    private final CancelStore cancels;
    private final BulkAudit audit;
    private final CurrentCaller caller;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    BulkCancelResource(
            JobReads reads,
            CancelStore cancels,
            BulkAudit audit,
            CurrentCaller caller,
            WakeUps wakeUps,
            InstantSource clock) {
        this.reads = reads;
        this.cancels = cancels;
        this.audit = audit;
        this.caller = caller;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    @POST
    @Path("cancel")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Conditions.class)))
    @Operation(
            operationId = "cancelJobs",
            summary =
                    "Cancels the jobs that match and have not ended, 100 in a call; without a status the pending ones. Members cancel their own, others those of their organization. dryRun=true counts them")
    public Uni<BulkAnswer> cancel(@BeanParam BulkChange.Parameters parameters, byte @Nullable [] body) {
        BulkFilter wanted = BulkFilter.of(body, Conditions.class);
        JobStatus status =
                JobStatus.of(wanted.status(List.of("pending", "running")).orElse("pending"));
        JobFilter filter =
                new JobFilter(wanted.presets(), Optional.of(status), wanted.ownerName(), wanted.since(clock.instant()));
        Caller asking = caller.get();
        Visibility scope = Visibility.of(asking);
        return BulkChange.of(
                        parameters,
                        new BulkChange.Things<>(
                                () -> reads.total(scope, filter),
                                page -> reads.list(scope, filter, page.after(), page.rows()),
                                Seen::id),
                        matching -> audit.begin(asking, Action.CANCEL_JOBS, wanted.conditions(), matching),
                        job -> cancel(job, status))
                .invoke(this::wake);
    }

    private void wake(BulkAnswer answer) {
        if (answer.changedAny()) {
            wakeUps.changed(Change.JOB_CANCELED);
        }
    }

    /** Whether it was as the filter has seen it. */
    private Uni<Boolean> cancel(Seen job, JobStatus status) {
        return cancels.cancel(job.id(), List.of(job.organizationId()), Optional.of(status), clock.instant())
                .map(became -> became.filter(CancelStore.Canceling::asked).isPresent());
    }
}
