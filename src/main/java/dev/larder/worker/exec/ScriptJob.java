package dev.larder.worker.exec;

import dev.larder.model.Assignment;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.model.Transition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** One lease of one job, from its folder to its outcome, on a thread that may wait. */
final class ScriptJob {

    private static final Logger LOG = Logger.getLogger(ScriptJob.class);
    private static final List<String> INHERITED = List.of("PATH", "HOME", "LANG", "TZ");
    private static final String PATH_BY_DEFAULT = "/usr/local/bin:/usr/bin:/bin";
    private static final int MASKED_PARAMETER_MIN = 1;
    private static final int MASKED_OUTPUT_MIN = 4;

    /** Before the deadline, at which whoever gave the job away takes it back, without knowing why it was not done. */
    private static final Duration READY_MARGIN = Duration.ofSeconds(1);

    private static final String CLAIM = "claim.sh";
    private static final String VERIFY = "verify.sh";
    private static final String RESET = "reset.sh";
    private static final String UNAVAILABLE = "backend_unavailable";
    private static final Set<String> DISK_MAY_BE_WHY =
            Set.of(UNAVAILABLE, "script_failed", "outputs_missing", "outputs_invalid", "replaced_invalid");
    private static final JobOutcome DONE = new JobOutcome.Succeeded(Map.of());

    private final Assignment assignment;
    private final ExecSettings settings;
    private final InstantSource clock;
    private final Path root;
    private final Folders folders;
    private final Cgroups groups;
    private final Marks marks;
    private final Stop stop;
    private final SecretMasker masks = new SecretMasker();
    private final ScriptLog log;
    private @Nullable JobLock lock;
    private @Nullable Seen outputsSeen;

    ScriptJob(
            Assignment assignment,
            Consumer<LogLine> log,
            ExecSettings settings,
            InstantSource clock,
            Path root,
            Cgroups groups,
            Stop stop) {
        this.assignment = assignment;
        this.settings = settings;
        this.clock = clock;
        this.root = root;
        this.folders = Folders.of(root, assignment);
        this.groups = groups;
        this.marks = Marks.of(folders.workspace().toString(), assignment.jobId(), assignment.attempt());
        this.stop = stop;
        this.log = new ScriptLog(log, clock, masks, settings.lineLimit(), settings.logLimit());
        for (String name : assignment.parameters().sensitive()) {
            masks.add(List.of(assignment.parameters().values().getOrDefault(name, "")), MASKED_PARAMETER_MIN);
        }
    }

    /** The log is complete when this returns. */
    JobOutcome perform() throws InterruptedException {
        JobOutcome outcome = new JobOutcome.Canceled();
        try {
            endEarlierAttempts();
            lock = folders.make(root, assignment);
            outcome = unlessFull(transition());
        } catch (Folders.InvalidFileException invalid) {
            outcome = new JobOutcome.Failed("files_invalid", invalid.getMessage() + ".");
        } catch (IOException unusable) {
            LOG.warnf("exec folders unusable job=%s cause=%s", assignment.jobId(), unusable);
            outcome = unlessFull(new JobOutcome.Failed(
                    UNAVAILABLE, "The folders for scripts cannot be used: " + Trees.reason(unusable) + "."));
        } finally {
            if (!(outcome instanceof JobOutcome.Succeeded)) {
                killed(
                        "processes that had detached themselves were killed: ",
                        Processes.kill(attempt(assignment.jobId(), assignment.attempt()), groups));
            }
            groups.leave(marks);
            log.close();
            deleteJobFolder(outcome);
        }
        return outcome;
    }

    /** A script that fails on a full disk fails because of the disk. */
    private JobOutcome unlessFull(JobOutcome outcome) {
        return outcome instanceof JobOutcome.Failed(var code, var detail)
                        && DISK_MAY_BE_WHY.contains(code)
                        && Trial.isFull(root)
                ? new JobOutcome.Failed("backend_full", "The disk for scripts is full. " + detail)
                : outcome;
    }

    private void killed(String what, Map<Long, String> processes) {
        if (!processes.isEmpty()) {
            log.note(what + Processes.named(processes));
        }
    }

    /** Their worker was lost, with it nobody ended its scripts. */
    private void endEarlierAttempts() {
        if (assignment.attempt() > 1) {
            killed(
                    "processes of an earlier attempt were killed: ",
                    Processes.kill(
                            new Processes.Sign(
                                    List.of(entry("JOB_ID", assignment.jobId())),
                                    Marks.earlier(assignment.jobId(), assignment.attempt())),
                            groups));
        }
    }

    /** What the processes of an attempt are known by. */
    static Processes.Sign attempt(UUID job, int attempt) {
        return new Processes.Sign(
                List.of(entry("JOB_ID", job), entry("ATTEMPT", attempt)), List.of(Marks.job(job, attempt)));
    }

    private static String entry(String name, Object value) {
        return "LARDER_" + name + "=" + value;
    }

    /** What cannot be deleted now {@link Leftovers} tries again. */
    private void deleteJobFolder(JobOutcome outcome) {
        try (JobLock held = lock) {
            deleteJobFolder(held, outcome instanceof JobOutcome.Succeeded);
        } catch (IOException left) {
            LOG.warnf("job folder not deleted, will be tried again job=%s cause=%s", assignment.jobId(), left);
        }
    }

    private void deleteJobFolder(@Nullable JobLock held, boolean succeeded) throws IOException {
        try {
            Trees.delete(folders.job());
        } catch (IOException left) {
            if (held != null && succeeded) {
                held.succeeded();
            }
            throw left;
        }
        if (held != null) {
            held.delete();
        }
    }

    private JobOutcome transition() throws IOException, InterruptedException {
        return switch (assignment.transition()) {
            case START -> start();
            case STOP -> optional();
            case DELETE -> delete();
        };
    }

    private JobOutcome start() throws IOException, InterruptedException {
        return switch (assignment.reason()) {
            case Assignment.CLAIM -> claim();
            case Assignment.VERIFY -> verify();
            case Assignment.RECYCLE -> recycle();
            default -> build();
        };
    }

    private JobOutcome build() throws IOException, InterruptedException {
        String name = ExecBackend.script(Transition.START);
        if (!assignment.version().files().containsKey(name)) {
            return new JobOutcome.Failed("script_missing", "The version has no " + name + ".");
        }
        JobOutcome started = outcome(name, run(name, assignment.deadlineAt()));
        return started instanceof JobOutcome.Succeeded ? answered(name, Map.of()) : started;
    }

    /** The outputs so far stand in the file, so that the script may leave, change or extend them. */
    private JobOutcome claim() throws IOException, InterruptedException {
        knowOutputs();
        JobOutcome claimed = outcome(CLAIM, run(CLAIM, assignment.deadlineAt()));
        return claimed instanceof JobOutcome.Succeeded ? prepared() : claimed;
    }

    private JobOutcome verify() throws IOException, InterruptedException {
        knowOutputs();
        return outcome(VERIFY, run(VERIFY, assignment.deadlineAt()));
    }

    /** What the one before could know is changed by the reset, or stays known. */
    private JobOutcome recycle() throws IOException, InterruptedException {
        knowOutputs();
        if (!assignment.version().files().containsKey(RESET)) {
            return new JobOutcome.Failed("script_missing", "The version has no " + RESET + ".");
        }
        JobOutcome reset = outcome(RESET, run(RESET, assignment.deadlineAt()));
        if (reset instanceof JobOutcome.Succeeded
                && assignment.version().files().containsKey(VERIFY)) {
            reset = outcome(VERIFY, run(VERIFY, assignment.deadlineAt()));
        }
        return reset instanceof JobOutcome.Succeeded ? answered(RESET, Map.of()) : reset;
    }

    private void knowOutputs() throws IOException {
        masks.add(assignment.workspace().outputs().values(), MASKED_OUTPUT_MIN);
        Outputs.write(folders.outputs(), assignment.workspace().outputs());
    }

    private JobOutcome prepared() throws IOException, InterruptedException {
        return switch (Replaced.of(folders.replaced())) {
            case Replaced.Invalid(var reason) ->
                new JobOutcome.Failed(
                        "replaced_invalid", "What claim.sh wrote as replaced is not usable: " + reason + ".");
            case Replaced.Read(var resources) -> answered(CLAIM, resources);
        };
    }

    private JobOutcome answered(String script, Map<String, List<String>> replaced)
            throws IOException, InterruptedException {
        return switch (Outputs.of(folders.outputs())) {
            case Outputs.Missing() ->
                new JobOutcome.Failed("outputs_missing", script + " ended well and wrote no outputs.");
            case Outputs.Invalid(var reason) ->
                new JobOutcome.Failed(
                        "outputs_invalid", "What " + script + " wrote as outputs is not usable: " + reason + ".");
            case Outputs.Read(var values) -> whenReady(new JobOutcome.Succeeded(values, replaced));
        };
    }

    private JobOutcome whenReady(JobOutcome.Succeeded started) throws IOException, InterruptedException {
        if (!assignment.version().files().containsKey("ready.sh")) {
            return started;
        }
        Instant last = assignment.deadlineAt().minus(READY_MARGIN);
        while (true) {
            Script.End end = run("ready.sh", last);
            if (end instanceof Script.End.Exited(int code) && code == 0) {
                return started;
            }
            if (!(end instanceof Script.End.Exited) && !(end instanceof Script.End.TimedOut)) {
                return outcome("ready.sh", end);
            }
            if (!clock.instant().plus(settings.readyEvery()).isBefore(last)) {
                return new JobOutcome.Failed("not_ready", "ready.sh did not succeed before the job's deadline.");
            }
            if (stop.isAskedWithin(settings.readyEvery())) {
                return new JobOutcome.Canceled();
            }
        }
    }

    private JobOutcome optional() throws IOException, InterruptedException {
        String name = ExecBackend.script(assignment.transition());
        return assignment.version().files().containsKey(name)
                ? outcome(name, run(name, assignment.deadlineAt()))
                : DONE;
    }

    /** The folder stays where the script failed: it may be needed to try again. */
    private JobOutcome delete() throws IOException, InterruptedException {
        JobOutcome outcome = optional();
        killed(
                "processes of the workspace were killed: ",
                Processes.kill(
                        new Processes.Sign(
                                List.of(entry("WORKSPACE_ID", assignment.workspaceId())), List.of(marks.workspace())),
                        groups));
        if (outcome instanceof JobOutcome.Succeeded) {
            Trees.delete(folders.workspace());
        }
        return outcome;
    }

    private Script.End run(String name, Instant deadline) throws IOException, InterruptedException {
        Script script = new Script(
                name,
                assignment.version().files().getOrDefault(name, ""),
                folders.files(),
                folders.pipes(),
                environment(),
                marks.command(groups.join(marks)),
                log,
                this::maskOutputs,
                settings,
                clock);
        return script.run(deadline, stop);
    }

    private JobOutcome outcome(String name, Script.End end) {
        return switch (end) {
            case Script.End.Exited(int code) when code == 0 -> DONE;
            case Script.End.Exited(int code) ->
                new JobOutcome.Failed("script_failed", name + " ended with exit code " + code + lineEnds(name));
            case Script.End.NotStarted(var reason, var here) ->
                new JobOutcome.Failed(
                        here ? UNAVAILABLE : "script_not_started", name + " could not be started: " + reason);
            case Script.End.TimedOut() ->
                new JobOutcome.Failed("timed_out", name + " was not done by the job's deadline.");
            case Script.End.Canceled() -> new JobOutcome.Canceled();
        };
    }

    /** Refused at import today; a version of an older release may have it. */
    private String lineEnds(String name) {
        return assignment.version().files().getOrDefault(name, "").contains("\r\n")
                ? "; its lines end as on Windows (CR LF), which shells do not understand"
                : "";
    }

    private Map<String, String> environment() {
        Map<String, String> environment = new HashMap<>();
        for (String name : INHERITED) {
            String value = System.getenv(name);
            if (value != null) {
                environment.put(name, value);
            }
        }
        environment.putIfAbsent("PATH", PATH_BY_DEFAULT);
        tell(environment, "WORKSPACE_ID", assignment.workspaceId().toString());
        tell(environment, "WORKSPACE_NAME", assignment.workspace().name());
        tell(environment, "WORKSPACE_DIR", folders.workspace().toString());
        tell(environment, "OUTPUTS", folders.outputs().toString());
        tell(environment, "REPLACED", folders.replaced().toString());
        tell(environment, "ORGANIZATION", assignment.workspace().organizationName());
        tell(environment, "OWNER", assignment.workspace().ownerName());
        tell(environment, "TEMPLATE", assignment.version().templateName());
        tell(environment, "TRANSITION", assignment.transition().word());
        tell(environment, "JOB_ID", assignment.jobId().toString());
        tell(environment, "ATTEMPT", Integer.toString(assignment.attempt()));
        if (assignment.version().presetName() != null) {
            tell(environment, "PRESET", assignment.version().presetName());
        }
        assignment
                .parameters()
                .values()
                .forEach((name, value) -> tell(environment, "PARAM_" + name.toUpperCase(Locale.ROOT), value));
        return environment;
    }

    private static void tell(Map<String, String> environment, String name, String value) {
        environment.put("LARDER_" + name, value);
    }

    /** What stands in the outputs file by now is secret in all that is printed from here on. */
    private void maskOutputs() {
        try {
            BasicFileAttributes file = Files.readAttributes(folders.outputs(), BasicFileAttributes.class);
            Seen seen = new Seen(file.lastModifiedTime(), file.size());
            if (!seen.equals(outputsSeen) && Outputs.of(folders.outputs()) instanceof Outputs.Read(var values)) {
                masks.add(values.values(), MASKED_OUTPUT_MIN);
            }
            outputsSeen = seen;
        } catch (IOException notYet) {
            // It is looked for again with the next line.
        }
    }

    /** A file that is written in pieces has one time for several sizes. */
    private record Seen(FileTime writtenAt, long bytes) {}
}
