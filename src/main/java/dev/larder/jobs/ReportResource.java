package dev.larder.jobs;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.http.StreamGuard;
import dev.larder.model.FileContents;
import dev.larder.model.Findings;
import dev.larder.model.JobOutcome;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import dev.larder.model.Role;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestMulti;
import org.jspecify.annotations.Nullable;

/**
 * What remote workers report of their jobs. Each report carries the lease's token. Where the lease was lost nothing is
 * written, and the answer is 409 {@code lease_lost}.
 */
@Path("/api/v1/jobs")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "workers")
@Consumes(MediaType.APPLICATION_JSON)
@RolesAllowed(Role.WORKER_NAME)
class ReportResource {

    private final JobStore jobs;
    private final LocalJobSource jobSource;
    private final CurrentCaller caller;
    private final InstantSource clock;

    ReportResource(JobStore jobs, LocalJobSource jobSource, CurrentCaller caller, InstantSource clock) {
        this.jobs = jobs;
        this.jobSource = jobSource;
        this.caller = caller;
        this.clock = clock;
    }

    /**
     * A body that reports success.
     *
     * @param drift of a check: resources that were changed by something else
     * @param changes of a staged plan: what an apply would change
     */
    @RegisterForReflection
    @Schema(name = "JobDone")
    record Done(
            UUID lease,
            @Nullable Map<String, String> outputs,
            @Nullable Map<String, List<String>> replaced,
            @Nullable List<Findings.Change> drift,
            @Nullable List<Findings.Change> changes) {}

    @POST
    @Path("{id}/complete")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Done.class)))
    @Operation(operationId = "completeJob", summary = "The worker reports that a job succeeded, with its outputs")
    public Uni<Void> complete(@PathParam("id") String id, byte[] bytes) {
        JsonBody body = JsonBody.of(bytes, Done.class);
        JobOutcome outcome = Reports.succeeded(body);
        return leased(id, body).chain(lease -> finish(lease, outcome));
    }

    /**
     * A body that reports anything but success.
     *
     * @param tool how the tool that changes infrastructure ended: {@code not_started}, {@code exited} or
     *     {@code unknown}. If it is not given: a failed one has exited by itself unless its time was over, a
     *     canceled one is unknown
     */
    @RegisterForReflection
    @Schema(name = "JobFailed")
    record NotDone(
            UUID lease,
            @Nullable String code,
            @Nullable String detail,
            @Nullable Boolean canceled,
            @Nullable String tool) {}

    @POST
    @Path("{id}/fail")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = NotDone.class)))
    @Operation(operationId = "failJob", summary = "The worker reports that a job failed or was canceled")
    public Uni<Void> fail(@PathParam("id") String id, byte[] bytes) {
        JsonBody body = JsonBody.of(bytes, NotDone.class);
        JobOutcome outcome = Reports.failed(body);
        return leased(id, body).chain(lease -> finish(lease, outcome));
    }

    private Uni<Void> finish(Lease lease, JobOutcome outcome) {
        return jobSource
                .complete(lease, outcome)
                .invoke(ended -> {
                    if (ended.isEmpty()) {
                        throw leaseLost();
                    }
                })
                .replaceWithVoid();
    }

    /** A body that puts a job back. */
    @RegisterForReflection
    @Schema(name = "JobReturned")
    record Returned(UUID lease) {}

    @POST
    @Path("{id}/hand-back")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Returned.class)))
    @Operation(operationId = "handBackJob", summary = "The worker requeues an unfinished job")
    public Uni<Void> handBack(@PathParam("id") String id, byte[] bytes) {
        return leased(id, JsonBody.of(bytes, Returned.class))
                .chain(jobSource::requeue)
                .invoke(back -> {
                    if (!back) {
                        throw leaseLost();
                    }
                })
                .replaceWithVoid();
    }

    /** A body that appends to a job's log. */
    @RegisterForReflection
    @Schema(name = "JobLogAppend")
    record Said(UUID lease, int seq, List<SaidLine> lines) {}

    /** A line that a job said. */
    @Schema(name = "JobLogAppendLine")
    record SaidLine(
            Instant at,

            @Schema(enumeration = {"stdout", "stderr", "larder"})
            String stream,

            String line) {}

    @POST
    @Path("{id}/logs")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Said.class)))
    @Operation(
            operationId = "appendJobLog",
            summary = "The worker appends lines to a job's log, numbered from attempt * 1,000,000. Idempotent")
    public Uni<Void> append(@PathParam("id") String id, byte[] bytes) {
        JsonBody body = JsonBody.of(bytes, Said.class);
        List<LogLine> lines = Reports.lines(body, clock.instant());
        int seq = body.integer("seq");
        return leased(id, body).chain(lease -> jobSource.log(lease, inLease(seq, lines.size(), lease), lines));
    }

    /** A body that asks for a file. */
    @RegisterForReflection
    @Schema(name = "JobFileRequest")
    record Wanted(UUID lease, String digest) {}

    @POST
    @Path("{id}/files")
    @Produces(MediaType.APPLICATION_OCTET_STREAM)
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Wanted.class)))
    @APIResponse(
            responseCode = "200",
            description = "The bytes of the file",
            content =
                    @Content(
                            mediaType = MediaType.APPLICATION_OCTET_STREAM,
                            schema = @Schema(type = SchemaType.STRING, format = "binary")))
    @Operation(
            operationId = "fetchJobFile",
            summary = "The worker fetches an uploaded file to which the version of its job refers")
    public RestMulti<byte[]> file(@PathParam("id") String id, byte[] bytes) {
        JsonBody body = JsonBody.of(bytes, Wanted.class);
        String digest = body.text("digest");
        Uni<FileContents.Content> found = leased(id, body)
                .chain(lease -> jobSource.content(lease, digest))
                .map(content -> content.orElseThrow(() -> Problem.notFound("file")));
        return RestMulti.fromUniResponse(found, content -> StreamGuard.logged("file of a job", content.pieces()));
    }

    private static int inLease(int seq, int lines, Lease lease) {
        int first = lease.attempt() * Lease.LOG_NUMBERS;
        if (seq < first || seq > first + Lease.LOG_LINES_MAX - lines) {
            throw Problem.unprocessable(
                    "out_of_range",
                    "seq",
                    String.format(
                            Locale.ROOT, "must be among the first %,d numbers of this attempt.", Lease.LOG_LINES_MAX));
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
