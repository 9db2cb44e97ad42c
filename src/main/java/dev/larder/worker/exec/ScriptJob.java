package dev.larder.worker.exec;

import dev.larder.model.Assignment;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.worker.process.Cgroups;
import dev.larder.worker.process.FileTrees;
import dev.larder.worker.process.JobFolder;
import dev.larder.worker.process.JobProcesses;
import dev.larder.worker.process.KilledProcesses;
import dev.larder.worker.process.OutputLog;
import dev.larder.worker.process.ProcessCommand;
import dev.larder.worker.process.ProcessEnd;
import dev.larder.worker.process.ProcessRunner;
import dev.larder.worker.process.RootFolder;
import dev.larder.worker.process.SecretMasker;
import dev.larder.worker.process.StopRequest;
import dev.larder.worker.process.VersionFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Performs one attempt of one job, from its folder to its outcome, on a thread that may wait. */
final class ScriptJob {

    private static final Logger LOG = Logger.getLogger(ScriptJob.class);
    private static final List<String> INHERITED = List.of("PATH", "HOME", "LANG", "TZ");
    private static final String PATH_BY_DEFAULT = "/usr/local/bin:/usr/bin:/bin";
    private static final int MASKED_PARAMETER_MIN = 1;
    private static final int MASKED_OUTPUT_MIN = 4;

    /** The readiness check ends this long before the job's deadline, at which the server takes the job back. */
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
    private final RootFolder root;
    private final Folders folders;
    private final JobProcesses processes;
    private final StopRequest stop;
    private final SecretMasker masker = new SecretMasker();
    private final OutputLog log;
    private final ProcessRunner runner;
    private @Nullable JobFolder folder;
    private @Nullable FileState outputsRead;

    ScriptJob(
            Assignment assignment,
            Consumer<LogLine> log,
            ExecSettings settings,
            InstantSource clock,
            RootFolder root,
            Cgroups groups,
            StopRequest stop) {
        this.assignment = assignment;
        this.settings = settings;
        this.clock = clock;
        this.root = root;
        this.folders = Folders.of(root, assignment);
        this.processes = new JobProcesses(
                groups, assignment.workspaceId(), folders.workspace(), assignment.jobId(), assignment.attempt());
        this.stop = stop;
        this.log = new OutputLog(log, clock, masker, settings.lineLimit(), settings.logLimit());
        this.runner =
                new ProcessRunner(processes, folders.pipes(), this.log, this::maskOutputs, settings.stopGrace(), clock);
        for (String name : assignment.parameters().sensitive()) {
            masker.add(List.of(assignment.parameters().values().getOrDefault(name, "")), MASKED_PARAMETER_MIN);
        }
    }

    /** The log is complete when this returns. */
    JobOutcome perform() throws InterruptedException {
        JobOutcome outcome = new JobOutcome.Canceled();
        try {
            killed("processes of an earlier attempt were killed: ", processes.killEarlierAttempts());
            folder = folders.create(root, assignment);
            folders.write(assignment.version().contents());
            outcome = unlessFull(transition());
        } catch (VersionFiles.InvalidFileException invalid) {
            outcome = new JobOutcome.Failed("files_invalid", invalid.getMessage() + ".");
        } catch (IOException unusable) {
            LOG.warnf("exec folders unusable job=%s cause=%s", assignment.jobId(), unusable);
            outcome = unlessFull(new JobOutcome.Failed(
                    UNAVAILABLE, "The folders for scripts cannot be used: " + FileTrees.reason(unusable) + "."));
        } finally {
            if (!(outcome instanceof JobOutcome.Succeeded)) {
                killed("processes that had detached themselves were killed: ", processes.killAttempt());
            }
            processes.releaseGroup();
            log.close();
            deleteJobFolder(outcome);
        }
        return outcome;
    }

    /** A script that fails on a full disk fails because of the disk. */
    private JobOutcome unlessFull(JobOutcome outcome) {
        return outcome instanceof JobOutcome.Failed(var code, var detail, var unused)
                        && DISK_MAY_BE_WHY.contains(code)
                        && root.isFull()
                ? new JobOutcome.Failed("backend_full", "The disk for scripts is full. " + detail)
                : outcome;
    }

    private void killed(String what, KilledProcesses killed) {
        if (!killed.isEmpty()) {
            log.note(what + killed);
        }
    }

    /** A folder that cannot be deleted now is deleted by {@code JobFolderCleanup}. */
    private void deleteJobFolder(JobOutcome outcome) {
        try (JobFolder created = folder) {
            if (created != null) {
                created.delete(outcome instanceof JobOutcome.Succeeded);
            }
        } catch (IOException left) {
            LOG.warnf("job folder not deleted, will be tried again job=%s cause=%s", assignment.jobId(), left);
        }
    }

    private JobOutcome transition() throws IOException, InterruptedException {
        return switch (assignment.transition()) {
            case START -> start();
            case STOP -> optional("stop.sh");
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
        String name = "start.sh";
        if (!assignment.version().files().containsKey(name)) {
            return new JobOutcome.Failed("script_missing", "The version has no " + name + ".");
        }
        JobOutcome started = outcome(name, run(name, assignment.deadlineAt()));
        return started instanceof JobOutcome.Succeeded ? withOutputs(name, Map.of()) : started;
    }

    /** The script finds the current outputs in the file, and may leave, change or extend them. */
    private JobOutcome claim() throws IOException, InterruptedException {
        provideOutputs();
        JobOutcome claimed = outcome(CLAIM, run(CLAIM, assignment.deadlineAt()));
        return claimed instanceof JobOutcome.Succeeded ? claimed() : claimed;
    }

    private JobOutcome verify() throws IOException, InterruptedException {
        provideOutputs();
        return outcome(VERIFY, run(VERIFY, assignment.deadlineAt()));
    }

    /** The reset script may change the outputs, so that the previous user no longer knows them. */
    private JobOutcome recycle() throws IOException, InterruptedException {
        provideOutputs();
        if (!assignment.version().files().containsKey(RESET)) {
            return new JobOutcome.Failed("script_missing", "The version has no " + RESET + ".");
        }
        JobOutcome reset = outcome(RESET, run(RESET, assignment.deadlineAt()));
        if (reset instanceof JobOutcome.Succeeded
                && assignment.version().files().containsKey(VERIFY)) {
            reset = outcome(VERIFY, run(VERIFY, assignment.deadlineAt()));
        }
        return reset instanceof JobOutcome.Succeeded ? withOutputs(RESET, Map.of()) : reset;
    }

    /** Masks the current outputs in the log and writes them for the script. */
    private void provideOutputs() throws IOException {
        masker.add(assignment.workspace().outputs().values(), MASKED_OUTPUT_MIN);
        Outputs.write(folders.outputs(), assignment.workspace().outputs());
    }

    private JobOutcome claimed() throws IOException, InterruptedException {
        return switch (ReplacedResources.of(folders.replaced())) {
            case ReplacedResources.Invalid(var reason) ->
                new JobOutcome.Failed(
                        "replaced_invalid", "What claim.sh wrote as replaced is not usable: " + reason + ".");
            case ReplacedResources.Read(var resources) -> withOutputs(CLAIM, resources);
        };
    }

    private JobOutcome withOutputs(String script, Map<String, List<String>> replaced)
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
            ProcessEnd end = run("ready.sh", last);
            if (end instanceof ProcessEnd.Exited(int code) && code == 0) {
                return started;
            }
            if (!(end instanceof ProcessEnd.Exited) && !(end instanceof ProcessEnd.TimedOut)) {
                return outcome("ready.sh", end);
            }
            if (!clock.instant().plus(settings.readyEvery()).isBefore(last)) {
                return new JobOutcome.Failed("not_ready", "ready.sh did not succeed before the job's deadline.");
            }
            if (stop.isRequestedWithin(settings.readyEvery())) {
                return new JobOutcome.Canceled();
            }
        }
    }

    private JobOutcome optional(String name) throws IOException, InterruptedException {
        return assignment.version().files().containsKey(name)
                ? outcome(name, run(name, assignment.deadlineAt()))
                : DONE;
    }

    /** Keeps the folder of the workspace if the script failed: the next try may need it. */
    private JobOutcome delete() throws IOException, InterruptedException {
        JobOutcome outcome = optional("delete.sh");
        killed("processes of the workspace were killed: ", processes.killWorkspace());
        if (outcome instanceof JobOutcome.Succeeded) {
            FileTrees.delete(folders.workspace());
        }
        return outcome;
    }

    private ProcessEnd run(String name, Instant deadline) throws IOException, InterruptedException {
        List<String> words =
                new ArrayList<>(interpreter(assignment.version().files().getOrDefault(name, "")));
        words.add(folders.files().resolve(name).toString());
        return runner.run(new ProcessCommand(name, words, folders.files(), environment()), deadline, stop);
    }

    /**
     * The interpreter of a script as the kernel reads it: a program and at most one argument, which may contain
     * blanks. It is called by name, because executing a file that was just written can fail while another process
     * starts.
     */
    private static List<String> interpreter(String script) {
        String first = script.lines().findFirst().orElse("");
        if (!first.startsWith("#!") || first.substring(2).isBlank()) {
            return List.of("/bin/sh");
        }
        return List.of(first.substring(2).strip().split("\\s+", 2));
    }

    private JobOutcome outcome(String name, ProcessEnd end) {
        return switch (end) {
            case ProcessEnd.Exited(int code) when code == 0 -> DONE;
            case ProcessEnd.Exited(int code) ->
                new JobOutcome.Failed("script_failed", name + " ended with exit code " + code + lineEnds(name));
            case ProcessEnd.NotStarted(var reason, var hostFull) ->
                new JobOutcome.Failed(
                        hostFull ? UNAVAILABLE : "script_not_started", name + " could not be started: " + reason);
            case ProcessEnd.TimedOut unused ->
                new JobOutcome.Failed("timed_out", name + " was not done by the job's deadline.");
            case ProcessEnd.Canceled unused -> new JobOutcome.Canceled();
        };
    }

    /** An import refuses such line ends today; a version that an older release imported may have them. */
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
        put(environment, "WORKSPACE_NAME", assignment.workspace().name());
        put(environment, "OUTPUTS", folders.outputs().toString());
        put(environment, "REPLACED", folders.replaced().toString());
        put(environment, "ORGANIZATION", assignment.workspace().organizationName());
        put(environment, "OWNER", assignment.workspace().ownerName());
        put(environment, "TEMPLATE", assignment.version().templateName());
        put(environment, "TRANSITION", assignment.transition().word());
        if (assignment.version().presetName() != null) {
            put(environment, "PRESET", assignment.version().presetName());
        }
        assignment
                .parameters()
                .values()
                .forEach((name, value) -> put(environment, "PARAM_" + name.toUpperCase(Locale.ROOT), value));
        return environment;
    }

    private static void put(Map<String, String> environment, String name, String value) {
        environment.put("LARDER_" + name, value);
    }

    /** Masks the values of the outputs file in all output that is logged from now on. */
    private void maskOutputs() {
        try {
            BasicFileAttributes file = Files.readAttributes(folders.outputs(), BasicFileAttributes.class);
            FileState state = new FileState(file.lastModifiedTime(), file.size());
            if (!state.equals(outputsRead) && Outputs.of(folders.outputs()) instanceof Outputs.Read(var values)) {
                masker.add(values.values(), MASKED_OUTPUT_MIN);
            }
            outputsRead = state;
        } catch (IOException notYet) {
            // No outputs yet. The file is read again with the next output.
        }
    }

    /** Tells whether a file has changed. A file that is written in pieces may keep its time while its size grows. */
    private record FileState(FileTime writtenAt, long bytes) {}
}
