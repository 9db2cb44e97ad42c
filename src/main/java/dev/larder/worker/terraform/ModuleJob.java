package dev.larder.worker.terraform;

import dev.larder.model.Assignment;
import dev.larder.model.Findings;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.model.StateAccess;
import dev.larder.model.ToolEnd;
import dev.larder.model.Transition;
import dev.larder.model.module.TerraformModule;
import dev.larder.worker.process.FileTrees;
import dev.larder.worker.process.JobFolder;
import dev.larder.worker.process.JobProcesses;
import dev.larder.worker.process.KilledProcesses;
import dev.larder.worker.process.OutputLog;
import dev.larder.worker.process.ProcessRunner;
import dev.larder.worker.process.SecretMasker;
import dev.larder.worker.process.StopRequest;
import dev.larder.worker.process.VersionFiles;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Performs one attempt of one job, from its folder to its outcome, on a thread that may wait. */
final class ModuleJob {

    private static final Logger LOG = Logger.getLogger(ModuleJob.class);
    private static final Duration QUICK = Duration.ofSeconds(5);
    private static final int LINE_BYTES_MAX = 65_536;
    private static final int LOG_BYTES_MAX = 1_048_576;
    private static final int MASKED_PARAMETER_MIN = 1;
    private static final int MASKED_CREDENTIAL_MIN = 6;
    private static final String NEVER_WRITTEN = "no state was ever written, so there is nothing to destroy;"
            + " if an apply was cut before its first upload, what it had made may be left";
    private static final JobOutcome DONE = new JobOutcome.Succeeded(Map.of());

    private final Assignment assignment;
    private final Workbench bench;
    private final ToolBinary tool;
    private final StopRequest stop;
    private final ModuleFolder folder;
    private final JobProcesses processes;
    private final SecretMasker masker = new SecretMasker();
    private final ToolEvents events = new ToolEvents();
    private final OutputLog log;
    private @Nullable JobFolder created;
    private ToolEnd end = ToolEnd.NOT_STARTED;

    ModuleJob(Assignment assignment, Consumer<LogLine> log, Workbench bench, ToolBinary tool, StopRequest stop) {
        this.assignment = assignment;
        this.bench = bench;
        this.tool = tool;
        this.stop = stop;
        this.folder = ModuleFolder.of(bench.root(), assignment);
        this.processes = new JobProcesses(
                bench.groups(),
                assignment.workspaceId(),
                bench.root().workspace(assignment.workspaceId()),
                assignment.jobId(),
                assignment.attempt());
        this.log = new OutputLog(log, bench.clock(), masker, events::line, LINE_BYTES_MAX, LOG_BYTES_MAX);
    }

    /** The log is complete when this returns. A fault after the tool began to change something is an outcome too. */
    JobOutcome perform() throws InterruptedException {
        Optional<StateAccess> access = assignment.target().state();
        if (access.isEmpty()) {
            return failed("state_access_missing", "The server gave no access to the workspace's state.");
        }
        if (hasNothingToDo(access.get())) {
            if (assignment.transition() == Transition.DELETE) {
                log.note(NEVER_WRITTEN);
                log.close();
            }
            return DONE;
        }
        JobOutcome outcome = new JobOutcome.Canceled(ToolEnd.UNKNOWN);
        try {
            outcome = told(performed(access.get()));
        } finally {
            clear(outcome);
        }
        return outcome;
    }

    private JobOutcome performed(StateAccess access) throws InterruptedException {
        try {
            return steps(access);
        } catch (ModuleSteps.EndedException ended) {
            return ended.outcome();
        } catch (VersionFiles.InvalidFileException invalid) {
            return failed("files_invalid", invalid.getMessage() + ".");
        } catch (IOException unusable) {
            LOG.warnf("terraform folders unusable job=%s cause=%s", assignment.jobId(), unusable);
            return failed(
                    ModuleSteps.UNAVAILABLE,
                    "The folders for modules cannot be used: " + FileTrees.reason(unusable) + ".");
        }
    }

    /** From any thread: kills what the job has started. */
    void kill() {
        KilledProcesses killed = processes.killAttempt();
        LOG.warnf("tool killed job=%s processes=%s", assignment.jobId(), killed);
    }

    /** Stopping is not for modules; a state that was never written has nothing to destroy. */
    private boolean hasNothingToDo(StateAccess access) {
        return switch (assignment.transition()) {
            case START -> assignment.isLaterStart() && !assignment.reason().equals(Assignment.CLAIM);
            case STOP -> true;
            case DELETE -> access.version() == 0;
        };
    }

    private JobOutcome steps(StateAccess access) throws IOException, InterruptedException, ModuleSteps.EndedException {
        killed("processes of an earlier attempt were killed: ", processes.killEarlierAttempts());
        TerraformModule module = TerraformModule.of(assignment.version().files());
        ModuleVariables variables = ModuleVariables.of(assignment, module);
        bench.root().createPrivate();
        created = JobFolder.create(bench.root(), assignment.jobId(), assignment.attempt());
        folder.write(assignment.version().contents(), variables.json(), ToolConfiguration.of(bench.settings()));
        ModuleSteps steps = new ModuleSteps(run(access), folder, tool, events, bench.cacheTurns(), bench.settings());
        log.note("runs with " + tool.version());
        steps.init();
        if (variables.undeclared().isPresent()) {
            // After init: in a module that does not parse, the variable may only not have been found.
            return failed(
                    "parameter_undeclared",
                    "The module has no variable for the parameter "
                            + variables.undeclared().get() + ".");
        }
        return assignment.transition() == Transition.DELETE ? destroy(steps, access) : start(steps, access);
    }

    private JobOutcome start(ModuleSteps steps, StateAccess access)
            throws IOException, InterruptedException, ModuleSteps.EndedException {
        return switch (assignment.reason()) {
            case Assignment.DRIFT_CHECK -> found(Map.of(), steps.drift());
            case Assignment.CHANGESET -> found(Map.of(), steps.changeset());
            case Assignment.REFRESH -> refresh(steps, access);
            default -> build(steps, access);
        };
    }

    private static JobOutcome found(Map<String, String> outputs, Findings findings) {
        return new JobOutcome.Succeeded(outputs, Map.of(), findings);
    }

    private JobOutcome refresh(ModuleSteps steps, StateAccess access)
            throws IOException, InterruptedException, ModuleSteps.EndedException {
        Findings drift = steps.drift();
        end = ToolEnd.UNKNOWN;
        rescued(steps::apply, access);
        end = ToolEnd.EXITED;
        return found(steps.outputs(), drift);
    }

    private JobOutcome build(ModuleSteps steps, StateAccess access)
            throws IOException, InterruptedException, ModuleSteps.EndedException {
        ModulePlan plan = steps.plan();
        end = ToolEnd.UNKNOWN;
        rescued(steps::apply, access);
        end = ToolEnd.EXITED;
        Map<String, String> outputs = steps.outputs();
        boolean claimed = assignment.reason().equals(Assignment.CLAIM);
        return new JobOutcome.Succeeded(outputs, claimed ? plan.replaces() : Map.of());
    }

    private JobOutcome destroy(ModuleSteps steps, StateAccess access)
            throws IOException, InterruptedException, ModuleSteps.EndedException {
        end = ToolEnd.UNKNOWN;
        rescued(steps::destroy, access);
        end = ToolEnd.EXITED;
        return DONE;
    }

    private interface Change {
        void run() throws IOException, InterruptedException, ModuleSteps.EndedException;
    }

    /** However a change ended: a state that the tool could not upload is uploaded, or kept. */
    private void rescued(Change change, StateAccess access)
            throws IOException, InterruptedException, ModuleSteps.EndedException {
        try {
            change.run();
        } finally {
            if (folder.hasErroredState()) {
                rescue(access);
            }
        }
    }

    private void rescue(StateAccess access) throws IOException, InterruptedException {
        String address = bench.address().ofState(assignment.workspaceId());
        switch (new StateRescue(address, access).upload(folder.erroredState())) {
            case StateRescue.Result.Accepted() -> log.note("the state that the tool could not upload was uploaded");
            case StateRescue.Result.NotAccepted(var why) -> {
                var kept = folder.keepErroredState(bench.root(), assignment);
                log.note("the state that the tool could not upload was not accepted (" + why
                        + "); the worker has kept it in " + kept);
                LOG.errorf(
                        "state not accepted, kept in a file job=%s workspace=%s file=%s cause=%s",
                        assignment.jobId(), assignment.workspaceId(), kept, why);
            }
        }
    }

    private ToolRun run(StateAccess access) {
        Map<String, String> environment = ToolRun.environment(
                bench.settings(), System.getenv(), folder, bench.address().ofState(assignment.workspaceId()), access);
        masker.add(ModuleVariables.secrets(assignment.parameters()), MASKED_PARAMETER_MIN);
        masker.add(ToolRun.credentials(environment), MASKED_CREDENTIAL_MIN);
        return new ToolRun(
                tool.path(),
                folder.module(),
                runner(QUICK),
                runner(bench.settings().drain()),
                environment,
                assignment.deadlineAt(),
                stop);
    }

    private ProcessRunner runner(Duration grace) {
        return new ProcessRunner(processes, folder.pipes(), log, () -> {}, grace, bench.clock());
    }

    private JobOutcome failed(String code, String detail) {
        return new JobOutcome.Failed(code, detail, end);
    }

    /** Masks what a failure says. A tool that fails on a full disk fails because of the disk. */
    private JobOutcome told(JobOutcome outcome) {
        if (!(outcome instanceof JobOutcome.Failed(var code, var detail, var tool))) {
            return outcome;
        }
        String masked = masker.mask(detail);
        return bench.root().isFull()
                ? new JobOutcome.Failed("backend_full", "The disk for modules is full. " + code + ": " + masked, tool)
                : new JobOutcome.Failed(code, masked, tool);
    }

    private void killed(String what, KilledProcesses killed) {
        if (!killed.isEmpty()) {
            log.note(what + killed);
        }
    }

    private void clear(JobOutcome outcome) {
        if (!(outcome instanceof JobOutcome.Succeeded)) {
            killed("processes that had detached themselves were killed: ", processes.killAttempt());
        }
        processes.releaseGroup();
        log.close();
        // A folder that cannot be deleted now is deleted by JobFolderCleanup.
        try (JobFolder held = created) {
            if (held != null) {
                held.delete(outcome instanceof JobOutcome.Succeeded);
            }
        } catch (IOException left) {
            LOG.warnf("job folder not deleted, will be tried again job=%s cause=%s", assignment.jobId(), left);
        }
    }
}
