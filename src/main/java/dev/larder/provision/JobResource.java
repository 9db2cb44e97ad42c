package dev.larder.provision;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.pool.JobOutcome;
import dev.larder.pool.JobStatus;
import dev.larder.pool.Lease;
import dev.larder.pool.LogLine;
import dev.larder.pool.Role;
import dev.larder.pool.Scope;
import dev.larder.store.JobReader;
import dev.larder.store.JobReader.Numbered;
import dev.larder.store.JobReader.Seen;
import dev.larder.store.JobStore;
import dev.larder.wake.Bell;
import dev.larder.wake.Topic;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Jobs over HTTP: how far they are, what they said, and stopping them. */
@Path("/api/v1/jobs")
@Tag(name = "jobs")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
class JobResource {

    private static final int LINES_AT_ONCE = 1_000;

    private final JobReader reader;
    private final JobStore jobs;
    private final QueueDesk desk;
    private final Bell bell;
    private final CurrentCaller caller;
    private final InstantSource clock;

    JobResource(JobReader reader, JobStore jobs, QueueDesk desk, Bell bell, CurrentCaller caller, InstantSource clock) {
        this.reader = reader;
        this.jobs = jobs;
        this.desk = desk;
        this.bell = bell;
        this.caller = caller;
        this.clock = clock;
    }

    @GET
    @Operation(summary = "Lists jobs, the newest first: a member's own, for the others those of their organization")
    public Uni<Page<Seen>> list(
            @QueryParam("status") @Nullable String status,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return reader.list(scope(), status(status), page.after(), page.rows())
                .map(rows -> Page.of(page, rows, Seen::id));
    }

    private static Optional<String> status(@Nullable String word) {
        if (word != null
                && Arrays.stream(JobStatus.values())
                        .noneMatch(status -> status.word().equals(word))) {
            throw Problem.badRequest("unknown_status", "status", "is not a job status.");
        }
        return Optional.ofNullable(word);
    }

    @GET
    @Path("{id}")
    @Operation(summary = "Shows one job")
    public Uni<Seen> get(@PathParam("id") String id) {
        return found(id);
    }

    @GET
    @Path("{id}/logs")
    @Operation(summary = "Shows what a job said, up to a thousand lines after the given one")
    public Uni<LogPage> logs(@PathParam("id") String id, @QueryParam("after") @Nullable String after) {
        int from = after == null ? -1 : line(after);
        return found(id)
                .chain(job -> reader.log(job.id(), from, LINES_AT_ONCE + 1))
                .map(LogPage::of);
    }

    private static int line(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException notANumber) {
            throw Problem.badRequest("invalid_line", "after", "must be the \"next\" of an earlier page.");
        }
    }

    /** @param next what to send as {@code after} for the following lines; null at the log's present end */
    record LogPage(List<Line> items, @Nullable Integer next) {

        record Line(int seq, Instant at, String stream, String line) {}

        static LogPage of(List<Numbered> rows) {
            boolean more = rows.size() > LINES_AT_ONCE;
            List<Line> lines =
                    rows.stream().limit(LINES_AT_ONCE).map(LogPage::line).toList();
            return new LogPage(lines, more ? lines.getLast().seq() : null);
        }

        private static Line line(Numbered row) {
            return new Line(
                    row.seq(), row.line().at(), row.line().stream(), row.line().line());
        }
    }

    @POST
    @Path("{id}/cancel")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(summary = "Stops a job: a waiting one at once, a running one as soon as its worker obeys")
    public Uni<RestResponse<Seen>> cancel(@PathParam("id") String id) {
        return found(id)
                .chain(job -> jobs.cancel(job.id(), List.of(job.organizationId()), clock.instant()))
                .invoke(this::tell)
                .chain(() -> found(id))
                .map(job -> RestResponse.accepted(job));
    }

    private void tell(Optional<JobStatus> status) {
        if (status.isEmpty()) {
            throw Problem.of(409, "job_ended", "The job has ended already.");
        }
        bell.ring(Topic.CANCELS);
        bell.ring(Topic.RECONCILE);
    }

    /** A body that reports success. */
    record Done(UUID lease, Map<String, String> outputs, Map<String, List<String>> replaced) {}

    @POST
    @Path("{id}/complete")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.WORKER_NAME)
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Done.class)))
    @Operation(
            operationId = "completeJob",
            summary = "Its worker says that a job is done; the outputs go to the claimer")
    public Uni<Void> complete(@PathParam("id") String id, byte[] bytes) {
        JsonBody body = JsonBody.of(bytes, "lease", "outputs", "replaced");
        JobOutcome outcome = Reports.succeeded(body);
        return leased(id, body).chain(lease -> finish(lease, outcome));
    }

    /** A body that reports anything but success. */
    record NotDone(
            UUID lease,
            @Nullable String code,
            @Nullable String detail,
            @Nullable Boolean canceled) {}

    @POST
    @Path("{id}/fail")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.WORKER_NAME)
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = NotDone.class)))
    @Operation(
            operationId = "failJob",
            summary = "Its worker says that a job failed, or that it stopped as it was asked to")
    public Uni<Void> fail(@PathParam("id") String id, byte[] bytes) {
        JsonBody body = JsonBody.of(bytes, "lease", "code", "detail", "canceled");
        JobOutcome outcome = Reports.failed(body);
        return leased(id, body).chain(lease -> finish(lease, outcome));
    }

    private Uni<Void> finish(Lease lease, JobOutcome outcome) {
        return desk.finish(lease, outcome)
                .invoke(ended -> {
                    if (ended.isEmpty()) {
                        throw leaseLost();
                    }
                })
                .replaceWithVoid();
    }

    /** A body that puts a job back. */
    record Returned(UUID lease) {}

    @POST
    @Path("{id}/hand-back")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.WORKER_NAME)
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Returned.class)))
    @Operation(operationId = "handBackJob", summary = "Its worker puts a job back into the queue, unfinished")
    public Uni<Void> handBack(@PathParam("id") String id, byte[] bytes) {
        return leased(id, JsonBody.of(bytes, "lease"))
                .chain(desk::handBack)
                .invoke(back -> {
                    if (!back) {
                        throw leaseLost();
                    }
                    bell.ring(Topic.JOBS);
                })
                .replaceWithVoid();
    }

    /** A body that appends to a job's log. */
    record Said(UUID lease, int seq, List<LogPage.Line> lines) {}

    @POST
    @Path("{id}/logs")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.WORKER_NAME)
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Said.class)))
    @Operation(
            operationId = "appendJobLog",
            summary =
                    "Its worker appends to a job's log, numbered on from its attempt times a million; the same again is no error")
    public Uni<Void> append(@PathParam("id") String id, byte[] bytes) {
        JsonBody body = JsonBody.of(bytes, "lease", "seq", "lines");
        List<LogLine> lines = Reports.lines(body);
        int seq = body.integer("seq");
        return leased(id, body).chain(lease -> desk.log(lease, inLease(seq, lines.size(), lease), lines));
    }

    private static int inLease(int seq, int lines, Lease lease) {
        int first = lease.attempt() * JobLog.LINES_PER_LEASE;
        if (seq < first || seq > first + JobLog.LINES_PER_LEASE - lines) {
            throw Problem.unprocessable("out_of_range", "seq", "must be among the million numbers of this attempt.");
        }
        return seq;
    }

    private Uni<Lease> leased(String id, JsonBody body) {
        UUID job = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("job"));
        return jobs.leased(job, Reports.lease(body), caller.get().userId())
                .map(lease -> lease.orElseThrow(JobResource::leaseLost));
    }

    private static Problem leaseLost() {
        return Problem.of(409, "lease_lost", "The job is not leased under this token, or no longer.");
    }

    private Uni<Seen> found(String id) {
        UUID job = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("job"));
        return reader.find(job, scope()).map(found -> found.orElseThrow(() -> Problem.notFound("job")));
    }

    private Scope scope() {
        return Scope.of(caller.get());
    }
}
