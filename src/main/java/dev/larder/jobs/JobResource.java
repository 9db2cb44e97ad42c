package dev.larder.jobs;

import dev.larder.http.CurrentCaller;
import dev.larder.http.Filters;
import dev.larder.http.JsonBody;
import dev.larder.http.ListParameters;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.PresetParameters;
import dev.larder.http.Problem;
import dev.larder.jobs.JobReads.JobFilter;
import dev.larder.jobs.JobReads.Seen;
import dev.larder.lifecycle.CancelStore;
import dev.larder.lifecycle.CancelStore.Canceling;
import dev.larder.model.JobStatus;
import dev.larder.model.Role;
import dev.larder.model.Visibility;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Jobs over HTTP: how far they are, and stopping them. */
@Path("/api/v1/jobs")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "jobs")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class JobResource {

    private final JobReads reader;
    private final CancelStore cancels;
    private final WakeUps wakeUps;
    private final CurrentCaller caller;
    private final InstantSource clock;

    JobResource(JobReads reader, CancelStore cancels, WakeUps wakeUps, CurrentCaller caller, InstantSource clock) {
        this.reader = reader;
        this.cancels = cancels;
        this.wakeUps = wakeUps;
        this.caller = caller;
        this.clock = clock;
    }

    @GET
    @Operation(
            operationId = "listJobs",
            summary = "Lists jobs, newest first. Members see their own, others those of their organization")
    public Uni<Page<Seen>> list(
            @BeanParam ListParameters list,
            @BeanParam PresetParameters presets,
            @QueryParam("status") @Parameter(description = Filters.STATUS) @Nullable String status,
            @QueryParam("owner") @Parameter(description = "Only of workspaces of this user, by name or id") @Nullable
                    String owner,
            @QueryParam("since") @Parameter(description = Filters.SINCE) @Nullable String since) {
        PageRequest page = list.page();
        JobFilter filter = new JobFilter(
                presets.filter(),
                Filters.status(status, JobStatus.WORDS).map(JobStatus::of),
                Filters.text("owner", owner),
                Filters.since(since, clock.instant()));
        Visibility scope = scope();
        return reader.list(scope, filter, page.after(), page.rows())
                .map(rows -> Page.of(page, rows, Seen::id))
                .chain(found -> list.counted(found, () -> reader.total(scope, filter)));
    }

    @GET
    @Path("{id}")
    @Operation(operationId = "getJob", summary = "Shows a job")
    public Uni<Seen> get(@PathParam("id") String id) {
        return found(id);
    }

    @POST
    @Path("{id}/cancel")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = Seen.class, responseCode = "202")
    @Operation(
            operationId = "cancelJob",
            summary =
                    "Cancels a job: a pending one at once, a running one when its worker has stopped it. ?expect=pending or running answers 412 where it has changed")
    public Uni<RestResponse<Seen>> cancel(@PathParam("id") String id, @QueryParam("expect") @Nullable String expect) {
        Optional<JobStatus> expected = expected(expect);
        return found(id)
                .chain(job -> cancels.cancel(job.id(), List.of(job.organizationId()), expected, clock.instant()))
                .invoke(this::tell)
                .chain(() -> found(id))
                .map(job -> RestResponse.accepted(job));
    }

    /** What it can be stopped in. */
    private static Optional<JobStatus> expected(@Nullable String word) {
        if (word == null) {
            return Optional.empty();
        }
        return Optional.of(Stream.of(JobStatus.PENDING, JobStatus.RUNNING)
                .filter(status -> status.word().equals(word))
                .findFirst()
                .orElseThrow(() -> Problem.badRequest("unknown_status", "expect", "must be pending or running.")));
    }

    private void tell(Optional<Canceling> became) {
        Canceling canceling = became.orElseThrow(() -> Problem.of(409, "job_ended", "The job has ended already."));
        if (!canceling.asked()) {
            throw Problem.of(
                    412,
                    "job_not_as_expected",
                    "The job is " + canceling.status().word() + ".");
        }
        wakeUps.changed(Change.JOB_CANCELED);
    }

    private Uni<Seen> found(String id) {
        UUID job = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("job"));
        return reader.find(job, scope(), clock.instant())
                .map(found -> found.orElseThrow(() -> Problem.notFound("job")));
    }

    private Visibility scope() {
        return Visibility.of(caller.get());
    }
}
