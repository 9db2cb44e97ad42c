package dev.larder.worker.remote;

import dev.larder.model.Assignment;
import dev.larder.model.Findings;
import dev.larder.model.HeartbeatAnswer;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobSource;
import dev.larder.model.JobStatus;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import dev.larder.model.ReportOutcome;
import dev.larder.model.StateAccess;
import dev.larder.model.Target;
import dev.larder.model.ToolEnd;
import dev.larder.model.Transition;
import dev.larder.model.UploadedFile;
import dev.larder.model.WorkerEntry;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Calls the API below {@code /workers} and {@code /jobs}. Works behind a load balancer: a server keeps no state of
 * a client.
 */
public final class HttpJobSource implements JobSource {

    private static final Duration HOLD = Duration.ofSeconds(5);
    private static final Leased NONE = new Leased(List.of(), false);

    private final Api api;
    private final InstantSource clock;
    private final AtomicInteger asks = new AtomicInteger();
    private volatile @Nullable UniEmitter<? super Leased> asking;
    private volatile boolean quitting;

    public HttpJobSource(Api api, InstantSource clock) {
        this.api = api;
        this.clock = clock;
    }

    @Override
    public Uni<Registered> register(WorkerEntry entry) {
        JsonObject body = new JsonObject()
                .put("name", entry.name())
                .put("tags", new JsonObject(new HashMap<>(entry.tags())))
                .put("backends", new JsonArray(entry.backends()))
                .put("slots", entry.slots());
        entry.reserved().ifPresent(reserved -> body.put("reserved", reserved));
        return api.post("/workers", body)
                .map(Api.Answer::expected)
                .map(answer -> new Registered(id(answer, "id"), Duration.parse(answer.getString("heartbeat"))));
    }

    @Override
    public Uni<Leased> lease(UUID worker, int slots, Set<UUID> running) {
        // The server refuses a request with an older number: this worker has abandoned it and sent a newer one.
        JsonObject body = new JsonObject()
                .put("ask", asks.incrementAndGet())
                .put("slots", slots)
                .put("running", ids(running));
        Uni<Leased> answer = api.post("/workers/" + worker + "/acquire", body, HOLD)
                .map(Api.Answer::expected)
                .map(told -> new Leased(assignments(told.getJsonArray("items")), true))
                // The end of the worker interrupts the call. The failure of that is expected, and no fault to be
                // logged.
                .memoize()
                .indefinitely();
        return Uni.join()
                .first(answer, Uni.createFrom().<Leased>emitter(this::untilQuit))
                .toTerminate();
    }

    private void untilQuit(UniEmitter<? super Leased> emitter) {
        asking = emitter;
        if (quitting) {
            emitter.complete(NONE);
        }
    }

    @Override
    public void stopLeasing() {
        quitting = true;
        UniEmitter<? super Leased> waiting = asking;
        if (waiting != null) {
            waiting.complete(NONE);
        }
    }

    private static JsonArray ids(Set<UUID> ids) {
        JsonArray array = new JsonArray();
        ids.forEach(id -> array.add(id.toString()));
        return array;
    }

    private List<Assignment> assignments(JsonArray items) {
        List<Assignment> assignments = new ArrayList<>(items.size());
        for (int i = 0; i < items.size(); i++) {
            assignments.add(assignment(items.getJsonObject(i)));
        }
        return assignments;
    }

    private Assignment assignment(JsonObject item) {
        Lease lease = new Lease(
                id(item, "job"),
                id(item, "lease"),
                item.getInteger("attempt"),
                id(item, "workspaceId"),
                Transition.of(item.getString("transition")),
                item.getString("reason"),
                item.getJsonObject("state") != null);
        return new Assignment(
                lease,
                clock.instant().plus(Duration.parse(item.getString("timeLeft"))),
                item.getInteger("buildNumber"),
                new Target(
                        workspace(item),
                        new Target.Version(
                                id(item, "versionId"),
                                item.getString("backend"),
                                item.getString("templateName"),
                                item.getString("presetName"),
                                texts(item, "files"),
                                uploads(item)),
                        parameters(item),
                        Optional.ofNullable(item.getJsonObject("state")).map(HttpJobSource::state)));
    }

    /** A server of the version before sends no early ones. */
    private static Target.Parameters parameters(JsonObject item) {
        return new Target.Parameters(
                texts(item, "parameters"),
                names(item, "sensitiveParameters"),
                texts(item, "parameterTypes"),
                texts(item, item.containsKey("earlyParameters") ? "earlyParameters" : "parameters"));
    }

    private static Map<String, UploadedFile> uploads(JsonObject item) {
        Map<String, UploadedFile> uploads = new HashMap<>();
        JsonObject files = item.getJsonObject("uploads", new JsonObject());
        files.fieldNames().forEach(path -> {
            JsonObject file = files.getJsonObject(path);
            uploads.put(path, new UploadedFile(file.getString("digest"), file.getLong("bytes")));
        });
        return uploads;
    }

    private static StateAccess state(JsonObject state) {
        return new StateAccess(
                id(state, "id"),
                id(state, "mutation"),
                state.getLong("fence"),
                state.getLong("version"),
                state.getString("token"));
    }

    private static Target.Workspace workspace(JsonObject item) {
        return new Target.Workspace(
                item.getString("workspaceName"),
                id(item, "organizationId"),
                item.getString("organizationName"),
                id(item, "ownerId"),
                item.getString("ownerName"),
                item.getBoolean("prebuild"),
                texts(item, "outputs"));
    }

    private static UUID id(JsonObject item, String field) {
        return UUID.fromString(item.getString(field));
    }

    private static Map<String, String> texts(JsonObject item, String field) {
        Map<String, String> texts = new HashMap<>();
        item.getJsonObject(field, new JsonObject())
                .forEach(one -> texts.put(one.getKey(), String.valueOf(one.getValue())));
        return texts;
    }

    private static Set<String> names(JsonObject item, String field) {
        Set<String> names = new HashSet<>();
        item.getJsonArray(field, new JsonArray()).forEach(one -> names.add(String.valueOf(one)));
        return names;
    }

    @Override
    public Uni<Optional<HeartbeatAnswer>> heartbeat(UUID worker) {
        return api.post("/workers/" + worker + "/heartbeat", new JsonObject())
                .map(answer ->
                        answer.is(404, "worker_not_found") ? Optional.empty() : Optional.of(pulse(answer.expected())));
    }

    private static HeartbeatAnswer pulse(JsonObject answer) {
        return new HeartbeatAnswer(
                idsOf(answer.getJsonArray("held")),
                idsOf(answer.getJsonArray("canceling")),
                answer.getInstant("at"),
                answer.getInstant("sweepWantedAt"));
    }

    private static Set<UUID> idsOf(@Nullable JsonArray array) {
        Set<UUID> ids = new HashSet<>();
        if (array != null) {
            array.forEach(one -> ids.add(UUID.fromString(String.valueOf(one))));
        }
        return ids;
    }

    @Override
    public Uni<Void> releaseLost(UUID worker, Set<UUID> jobs) {
        return api.post("/workers/" + worker + "/give-up", new JsonObject().put("jobs", ids(jobs)))
                .invoke(Api.Answer::succeeded)
                .replaceWithVoid();
    }

    @Override
    public Uni<Void> log(Lease lease, int seq, List<LogLine> lines) {
        JsonArray said = new JsonArray();
        lines.forEach(line -> said.add(new JsonObject()
                .put("at", line.at().toString())
                .put("stream", line.stream())
                .put("line", line.line())));
        JsonObject body = new JsonObject()
                .put("lease", lease.token().toString())
                .put("seq", seq)
                .put("lines", said);
        return api.post("/jobs/" + lease.jobId() + "/logs", body)
                .map(HttpJobSource::doneOrLost)
                .replaceWithVoid();
    }

    /** False if the lease was lost. */
    private static boolean doneOrLost(Api.Answer answer) {
        if (answer.is(409, "lease_lost")) {
            return false;
        }
        answer.succeeded();
        return true;
    }

    @Override
    public Multi<byte[]> file(Lease lease, String digest) {
        JsonObject body =
                new JsonObject().put("lease", lease.token().toString()).put("digest", digest);
        return api.stream("/jobs/" + lease.jobId() + "/files", body);
    }

    @Override
    public Uni<Optional<JobStatus>> complete(Lease lease, JobOutcome outcome) {
        JsonObject body = new JsonObject().put("lease", lease.token().toString());
        return switch (outcome) {
            case JobOutcome.Succeeded(var outputs, var replaced, var findings) -> {
                body.put("outputs", new JsonObject(new HashMap<>(outputs))).put("replaced", replaced(replaced));
                if (!findings.equals(Findings.NONE)) {
                    body.put("drift", changes(findings.drift())).put("changes", changes(findings.changes()));
                }
                yield finish(lease, "complete", body, JobStatus.SUCCEEDED);
            }
            case JobOutcome.Failed(var code, var detail, var tool) -> {
                withTool(body, tool, new JobOutcome.Failed(code, detail));
                yield finish(lease, "fail", body.put("code", code).put("detail", detail), JobStatus.FAILED);
            }
            case JobOutcome.Canceled(var tool) -> {
                withTool(body, tool, new JobOutcome.Canceled());
                yield finish(lease, "fail", body.put("canceled", true), JobStatus.CANCELED);
            }
        };
    }

    /** Said only where it is not what the server assumes: a server of before does not know the field. */
    private static void withTool(JsonObject body, ToolEnd tool, JobOutcome assumed) {
        if (tool != assumed.tool()) {
            body.put("tool", tool.word());
        }
    }

    private static JsonObject replaced(Map<String, List<String>> replaced) {
        JsonObject object = new JsonObject();
        replaced.forEach((resource, paths) -> object.put(resource, new JsonArray(paths)));
        return object;
    }

    private static JsonArray changes(List<Findings.Change> changes) {
        JsonArray array = new JsonArray();
        changes.forEach(change -> array.add(new JsonObject()
                .put("address", change.address())
                .put("type", change.type())
                .put("action", change.action())
                .put("paths", new JsonArray(change.paths()))));
        return array;
    }

    private Uni<Optional<JobStatus>> finish(Lease lease, String how, JsonObject body, JobStatus status) {
        return api.post("/jobs/" + lease.jobId() + "/" + how, body)
                .chain(answer -> answer.isRefusal() && status == JobStatus.SUCCEEDED
                        ? complete(
                                lease,
                                new JobOutcome.Failed(
                                        "report_refused", "The server refused what it answered: " + answer.said()))
                        : Uni.createFrom().item(doneOrLost(answer) ? Optional.of(status) : Optional.empty()));
    }

    @Override
    public Uni<Boolean> requeue(Lease lease) {
        JsonObject body = new JsonObject().put("lease", lease.token().toString());
        return api.post("/jobs/" + lease.jobId() + "/hand-back", body).map(HttpJobSource::doneOrLost);
    }

    @Override
    public Uni<ReportOutcome> report(UUID worker, Inventory.Part part) {
        JsonArray things = new JsonArray();
        part.things()
                .forEach(thing -> things.add(new JsonObject()
                        .put("workspace", thing.workspace().toString())
                        .put("name", thing.name())
                        .put("whole", thing.whole())
                        .put("madeAt", thing.madeAt())));
        JsonObject body = new JsonObject()
                .put("backend", part.backend())
                .put("location", part.location())
                .put("began", part.began().toString())
                .put("things", things)
                .put("last", part.last());
        part.connections()
                .ifPresent(told ->
                        body.put("connections", told.all()).put("connectionsPerWorkspace", told.perWorkspace()));
        return api.post("/workers/" + worker + "/inventory", body)
                .map(Api.Answer::expected)
                .map(answer -> new ReportOutcome(
                        idsOf(answer.getJsonArray("remove")),
                        answer.getInteger("lost"),
                        answer.getInteger("marked"),
                        answer.getBoolean("suspicious")));
    }

    @Override
    public Uni<Void> stop(UUID worker) {
        return api.delete("/workers/" + worker).replaceWithVoid();
    }

    /** The server holds the request, so no wake-up is needed. */
    @Override
    public void onWork(Runnable wakeUp) {}

    /** The worker learns of cancels by its heartbeat. */
    @Override
    public void onCancel(Runnable wakeUp) {}
}
