package dev.larder.jobs;

import dev.larder.database.RowList;
import dev.larder.http.CurrentCaller;
import dev.larder.http.Filters;
import dev.larder.http.FollowSettings;
import dev.larder.http.JsonBody;
import dev.larder.http.ListParameters;
import dev.larder.http.Located;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.PreferWait;
import dev.larder.http.Problem;
import dev.larder.http.Shares;
import dev.larder.jobs.QueueReads.Working;
import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.Caller;
import dev.larder.model.HeartbeatAnswer;
import dev.larder.model.Inventory;
import dev.larder.model.ReportOutcome;
import dev.larder.model.Role;
import dev.larder.model.WorkerEntry;
import io.quarkus.arc.All;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/**
 * The API of remote workers: register, ask for jobs, send heartbeats, leave (design, section 4). Reports about a
 * job go to {@link ReportResource}, with the job's lease.
 */
@Path("/api/v1/workers")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "workers")
@RolesAllowed(Role.WORKER_NAME)
class WorkerResource {

    private static final Duration HOLD = Duration.ofSeconds(20);

    private final WorkerStore workers;
    private final QueueReads reader;
    private final LongPoll poll;
    private final LocalJobSource jobSource;
    private final CurrentCaller caller;
    private final InstantSource clock;
    private final QueueSettings settings;
    private final Set<String> kinds;
    private final Shares waiting;

    WorkerResource(
            WorkerStore workers,
            QueueReads reader,
            LongPoll poll,
            LocalJobSource jobSource,
            CurrentCaller caller,
            InstantSource clock,
            QueueSettings settings,
            FollowSettings follow,
            @All List<Backend> backends) {
        this.workers = workers;
        this.reader = reader;
        this.poll = poll;
        this.jobSource = jobSource;
        this.caller = caller;
        this.clock = clock;
        this.settings = settings;
        // Workers of the whole deployment serve all organizations; workers of one organization leave room for
        // others.
        int most = LongPoll.WAITING_MAX;
        this.waiting = new Shares(
                "too_many_waiting", "waiting workers", most, Shares.percent(follow.organizationPercent(), most), most);
        this.kinds = backends.stream().map(Backend::kind).collect(Collectors.toUnmodifiableSet());
    }

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listWorkers", summary = "Lists registered workers with their load, newest first")
    public Uni<Page<Working>> list(
            @BeanParam ListParameters list,
            @QueryParam("organization") @Parameter(description = Filters.ORGANIZATION) @Nullable String organization,
            @QueryParam("since") @Parameter(description = Filters.SINCE) @Nullable String since) {
        PageRequest page = list.page();
        RowList.Query query = QueueReads.working(
                caller.get().organization(),
                Filters.text("organization", organization),
                Filters.since(since, clock.instant()));
        return reader.workers(query, page.after(), page.rows())
                .map(rows -> Page.of(page, rows, Working::id))
                .chain(found -> list.counted(found, () -> reader.total(query)));
    }

    /**
     * The body of a worker process that enters.
     *
     * @param backends kinds it can build
     * @param slots how many jobs at once, from 1
     * @param reserved slots that prebuild jobs never take, from 0 to one less than {@code slots}
     */
    @RegisterForReflection
    record NewWorker(
            String name,
            @Nullable Map<String, String> tags,
            List<String> backends,
            int slots,
            @Nullable Integer reserved) {}

    /**
     * The answer to a worker process that enters.
     *
     * @param heartbeat how often the worker must show that it is alive; after three missed ones its jobs are taken back
     */
    record Entered(
            UUID id,
            @Schema(format = "duration", examples = "PT5S") String heartbeat) {}

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = NewWorker.class)))
    @APIResponseSchema(value = Entered.class, responseCode = "201")
    @Operation(operationId = "enterWorker", summary = "Registers a worker process")
    public Uni<RestResponse<Entered>> enter(byte[] bytes) {
        WorkerEntry entry = Reports.entry(JsonBody.of(bytes, NewWorker.class));
        return workers.register(caller.get(), entry, clock.instant())
                .map(worker -> Located.created(
                                "/api/v1/workers/" + worker,
                                new Entered(worker, settings.heartbeat().toString()))
                        .build());
    }

    /** @param items the most urgent first; empty if no job came while the call was held */
    @Schema(name = "LeasedJobs")
    record Leased(List<AssignmentView> items) {}

    /**
     * The body that leases jobs.
     *
     * @param slots how many jobs at most, from 1
     * @param running jobs the worker has; other leases of this worker are released
     * @param ask counts the worker's calls, from 1, so that a late call is told from the latest one
     */
    @RegisterForReflection
    record Acquisition(
            int slots,
            @Nullable List<UUID> running,
            @Nullable Integer ask) {}

    @POST
    @Path("{id}/acquire")
    @Consumes(MediaType.APPLICATION_JSON)
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Acquisition.class)))
    @Operation(operationId = "acquireJobs", summary = "Leases jobs. Waits for one as long as Prefer: wait=20 says")
    public Uni<Leased> acquire(
            @PathParam("id") String id, byte[] bytes, @HeaderParam("Prefer") @Nullable String prefer) {
        JsonBody body = JsonBody.of(bytes, Acquisition.class);
        int number = Reports.ask(body);
        int slots = Reports.slots(body);
        Set<UUID> running = Reports.jobs(body, "running");
        Duration hold = PreferWait.of(prefer).orElse(HOLD);
        Shares.Place place = waiting.take(caller.get());
        return entered(id)
                .chain(worker -> poll.take(new LongPoll.Ask(worker, number, slots, running, hold)))
                .map(this::leased)
                .onTermination()
                .invoke(place::close);
    }

    private Leased leased(List<Assignment> taken) {
        Instant now = clock.instant();
        return new Leased(taken.stream().map(one -> AssignmentView.of(one, now)).toList());
    }

    /**
     * @param held jobs whose lease the worker still has; it must stop all others
     * @param canceling jobs that the worker must stop because they were canceled
     * @param at the time of this answer; a listing that the worker begins now carries it
     * @param sweepWantedAt a worker whose last listing is older than this must list again
     */
    @Schema(name = "Heartbeat")
    record Beat(
            Set<UUID> held,
            Set<UUID> canceling,
            Instant at,
            @Nullable Instant sweepWantedAt) {

        static Beat of(HeartbeatAnswer pulse) {
            return new Beat(pulse.held(), pulse.canceling(), pulse.at(), pulse.sweepWantedAt());
        }
    }

    @POST
    @Path("{id}/heartbeat")
    @Operation(operationId = "beatWorker", summary = "Sends a heartbeat. The answer says which jobs to stop")
    public Uni<Beat> beat(@PathParam("id") String id) {
        return entered(id)
                .chain(worker -> workers.heartbeat(worker, clock.instant()))
                .map(pulse -> pulse.map(Beat::of).orElseThrow(() -> Problem.notFound("worker")));
    }

    /** The body that releases leases that the worker holds without knowing the job. */
    @RegisterForReflection
    record LostLeases(@Nullable List<UUID> jobs) {}

    @POST
    @Path("{id}/give-up")
    @Consumes(MediaType.APPLICATION_JSON)
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = LostLeases.class)))
    @Operation(
            operationId = "giveUpJobs",
            summary =
                    "Releases leases that the worker holds and does not know of. It counts as a lost worker for each job")
    public Uni<Void> giveUp(@PathParam("id") String id, byte[] bytes) {
        Set<UUID> forgotten = Reports.jobs(JsonBody.of(bytes, LostLeases.class), "jobs");
        return entered(id).chain(worker -> jobSource.releaseLost(worker, forgotten));
    }

    /** A body that lists what exists, or a part of it. */
    @RegisterForReflection
    @Schema(name = "InventoryReport")
    record Listing(
            String backend,
            String location,
            Instant began,
            List<Inventory.Item> things,
            boolean last,
            @Nullable Integer connections,
            @Nullable Integer connectionsPerWorkspace) {}

    @POST
    @Path("{id}/inventory")
    @Consumes(MediaType.APPLICATION_JSON)
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Listing.class)))
    @Operation(
            operationId = "reportInventory",
            summary =
                    "Reports the resources in the worker's place, at most 2,000 in one part. began is the \"at\" of the heartbeat"
                            + " before the worker looked. The answer to the last part says what to remove")
    public Uni<ReportOutcome> inventory(@PathParam("id") String id, byte[] bytes) {
        JsonBody body = JsonBody.of(bytes, Listing.class);
        Inventory.Part part = Reports.listing(body, kinds, clock.instant());
        return entered(id).chain(worker -> jobSource.report(worker, part));
    }

    @DELETE
    @Path("{id}")
    @Operation(operationId = "leaveWorker", summary = "Unregisters a worker process. Its jobs are requeued")
    public Uni<Void> leave(@PathParam("id") String id) {
        return entered(id).chain(worker -> workers.stop(worker, clock.instant()));
    }

    private Uni<UUID> entered(String id) {
        Caller asking = caller.get();
        UUID worker = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("worker"));
        return workers.registered(worker, asking.userId())
                .invoke(known -> {
                    if (!known) {
                        throw Problem.notFound("worker");
                    }
                })
                .replaceWith(worker);
    }
}
