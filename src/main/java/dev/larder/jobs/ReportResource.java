package dev.larder.jobs;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.model.JobOutcome;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import dev.larder.model.Role;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/**
 * What workers elsewhere say of the jobs that they were leased. All of it carries the lease's token; under one that was lost
 * nothing is written, and the answer is 409 {@code lease_lost} (design, section 4.3).
 */
@Path("/api/v1/jobs")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "workers")
@Consumes(MediaType.APPLICATION_JSON)
@RolesAllowed(Role.WORKER_NAME)
class ReportResource {

    // What a worker of ours keeps, and room for what it adds itself.
    private static final int LINES_MAX = Lease.LOG_LINES_MAX + 10_000;

    private final JobStore jobs;
    private final LocalJobSource desk;
    private final CurrentCaller caller;
    private final InstantSource clock;

    ReportResource(JobStore jobs, LocalJobSource desk, CurrentCaller caller, InstantSource clock) {
        this.jobs = jobs;
        this.desk = desk;
        this.caller = caller;
        this.clock = clock;
    }

    /** A body that reports success. */
    record Done(UUID lease, Map<String, String> outputs, Map<String, List<String>> replaced) {}

    @POST
    @Path("{id}/complete")
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
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Returned.class)))
    @Operation(operationId = "handBackJob", summary = "Its worker puts a job back into the queue, unfinished")
    public Uni<Void> handBack(@PathParam("id") String id, byte[] bytes) {
        return leased(id, JsonBody.of(bytes, "lease"))
                .chain(desk::handBack)
                .invoke(back -> {
                    if (!back) {
                        throw leaseLost();
                    }
                })
                .replaceWithVoid();
    }

    /** A body that appends to a job's log. */
    record Said(UUID lease, int seq, List<LogResource.Line> lines) {}

    @POST
    @Path("{id}/logs")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Said.class)))
    @Operation(
            operationId = "appendJobLog",
            summary =
                    "Its worker appends to a job's log, numbered on from its attempt times a million; the same again is no error")
    public Uni<Void> append(@PathParam("id") String id, byte[] bytes) {
        JsonBody body = JsonBody.of(bytes, "lease", "seq", "lines");
        List<LogLine> lines = Reports.lines(body, clock.instant());
        int seq = body.integer("seq");
        return leased(id, body).chain(lease -> desk.log(lease, inLease(seq, lines.size(), lease), lines));
    }

    private static int inLease(int seq, int lines, Lease lease) {
        int first = lease.attempt() * Lease.LOG_NUMBERS;
        if (seq < first || seq > first + LINES_MAX - lines) {
            throw Problem.unprocessable(
                    "out_of_range", "seq", "must be among the first 110,000 numbers of this attempt.");
        }
        return seq;
    }

    private Uni<Lease> leased(String id, JsonBody body) {
        UUID job = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("job"));
        return jobs.leased(job, Reports.lease(body), caller.get().userId())
                .map(lease -> lease.orElseThrow(ReportResource::leaseLost));
    }

    private static Problem leaseLost() {
        return Problem.of(409, "lease_lost", "The job is not leased under this token, or no longer.");
    }
}
