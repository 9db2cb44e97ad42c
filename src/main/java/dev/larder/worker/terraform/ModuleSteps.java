package dev.larder.worker.terraform;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.model.Findings;
import dev.larder.model.JobOutcome;
import dev.larder.model.ToolEnd;
import dev.larder.worker.process.ProcessEnd;
import dev.larder.worker.process.WorkspaceTurns;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The commands of a job, one after the other: init, plan and apply, or init and destroy. A step that does not succeed
 * ends the job.
 */
final class ModuleSteps {

    static final String UNAVAILABLE = "backend_unavailable";

    private static final UUID CACHE = new UUID(0, 0);
    private static final int NAMED_MAX = 10;
    private static final int ERRORS_MAX = 3;
    private static final int DETAIL_CHARACTERS_MAX = 2_000;

    // The state's mutation is the job's own, so that no other client holds the lock for long.
    private static final String LOCK_TIMEOUT = "-lock-timeout=5s";
    private static final Pattern LOCKED = Pattern.compile("acquiring the state lock|locking state");
    private static final Pattern UNREACHABLE = Pattern.compile(
            "no such host|connection refused|i/o timeout|connection reset|Client\\.Timeout|TLS handshake|"
                    + "network is unreachable|giving up after|failed to (request|retrieve|query)|"
                    + "[cC]ould not connect|\\b(50[0234]|429)\\b");

    private final ToolRun run;
    private final ModuleFolder folder;
    private final ToolBinary tool;
    private final ToolEvents events;
    private final WorkspaceTurns cacheTurns;
    private final TerraformSettings settings;

    ModuleSteps(
            ToolRun run,
            ModuleFolder folder,
            ToolBinary tool,
            ToolEvents events,
            WorkspaceTurns cacheTurns,
            TerraformSettings settings) {
        this.run = run;
        this.folder = folder;
        this.tool = tool;
        this.events = events;
        this.cacheTurns = cacheTurns;
        this.settings = settings;
    }

    /** The job ends with this outcome. */
    static final class EndedException extends Exception {

        private static final long serialVersionUID = 1;

        private final transient JobOutcome outcome;

        EndedException(JobOutcome outcome) {
            super(null, null, false, false);
            this.outcome = outcome;
        }

        JobOutcome outcome() {
            return outcome;
        }
    }

    /** Prepares the folder: the backend, the sub-modules, the providers. Changes nothing elsewhere. */
    void init() throws IOException, InterruptedException, EndedException {
        if (settings.pluginCache().isEmpty()) {
            initNow();
            return;
        }
        if (!cacheTurns.enter(CACHE, run.stop())) {
            throw new EndedException(new JobOutcome.Canceled(ToolEnd.NOT_STARTED));
        }
        try {
            initNow();
        } finally {
            cacheTurns.leave(CACHE);
        }
    }

    private void initNow() throws IOException, InterruptedException, EndedException {
        events.begin();
        List<String> arguments =
                new ArrayList<>(List.of("init", "-input=false", tool.jsonInit() ? "-json" : "-no-color"));
        check(run.look(arguments), "init_failed", ToolEnd.NOT_STARTED);
    }

    /** Saves what is to be done, and refuses it where it would delete what stands. Changes nothing. */
    ModulePlan plan() throws IOException, InterruptedException, EndedException {
        ModulePlan plan = ModulePlan.of(planned(List.of()));
        if (!plan.deletes().isEmpty()) {
            throw new EndedException(new JobOutcome.Failed(
                    "plan_deletes",
                    "The plan deletes resources and does not make them anew: " + named(plan.deletes().stream()) + ".",
                    ToolEnd.NOT_STARTED));
        }
        return plan;
    }

    /** Saves what an apply would change, and tells it. Changes nothing. */
    Findings changeset() throws IOException, InterruptedException, EndedException {
        return ModuleFindings.ofChangeset(planned(List.of()));
    }

    /**
     * Saves the plan of a changeset again. Refuses it where something else has changed the infrastructure since, or
     * where the plan is not the one that was staged. Changes nothing.
     *
     * @param staged the digest of the plan that was staged
     */
    void planAsStaged(Optional<String> staged) throws IOException, InterruptedException, EndedException {
        Findings now = changeset();
        if (!now.drift().isEmpty()) {
            throw new EndedException(new JobOutcome.Failed(
                    "drift_detected",
                    "Something else has changed the infrastructure since the changeset was staged: "
                            + named(now.drift().stream().map(Findings.Change::address)) + ".",
                    ToolEnd.NOT_STARTED));
        }
        if (!now.plan().equals(staged)) {
            throw new EndedException(new JobOutcome.Failed(
                    "plan_changed",
                    "The plan is no longer the one that was staged. Nothing was changed.",
                    ToolEnd.NOT_STARTED));
        }
    }

    private static String named(Stream<String> addresses) {
        return addresses.limit(NAMED_MAX).collect(Collectors.joining(", "));
    }

    /**
     * Compares what exists with the state, and saves a plan that reads the one into the other. Changes nothing.
     */
    Findings drift() throws IOException, InterruptedException, EndedException {
        return new Findings(ModuleFindings.of(planned(List.of("-refresh-only"))).drift(), List.of());
    }

    private JsonNode planned(List<String> options) throws IOException, InterruptedException, EndedException {
        events.begin();
        List<String> arguments =
                new ArrayList<>(List.of("plan", "-input=false", "-json", LOCK_TIMEOUT, "-out=" + folder.plan()));
        arguments.addAll(options);
        check(run.look(arguments), "plan_failed", ToolEnd.NOT_STARTED);
        check(
                run.ask(List.of("show", "-json", folder.plan().toString()), folder.answer()),
                "plan_failed",
                ToolEnd.NOT_STARTED);
        if (Files.size(folder.answer()) > ModulePlan.BYTES_MAX) {
            throw new EndedException(
                    new JobOutcome.Failed("plan_failed", "The plan has more than 64 MiB.", ToolEnd.NOT_STARTED));
        }
        return ModulePlan.read(folder.answer());
    }

    /** Does what was planned. */
    void apply() throws IOException, InterruptedException, EndedException {
        change(
                List.of(
                        "apply",
                        "-input=false",
                        "-json",
                        LOCK_TIMEOUT,
                        folder.plan().toString()),
                "apply_failed");
    }

    /** Deletes everything that the state lists. */
    void destroy() throws IOException, InterruptedException, EndedException {
        change(List.of("apply", "-destroy", "-auto-approve", "-input=false", "-json", LOCK_TIMEOUT), "destroy_failed");
    }

    private void change(List<String> arguments, String code) throws IOException, InterruptedException, EndedException {
        events.begin();
        ProcessEnd ended = run.change(arguments);
        check(ended, code, end(ended));
    }

    /** The tool ends with 0 or 1. With anything else it was killed, or it crashed. */
    private static ToolEnd end(ProcessEnd ended) {
        return switch (ended) {
            case ProcessEnd.Exited(int code) -> code == 0 || code == 1 ? ToolEnd.EXITED : ToolEnd.UNKNOWN;
            case ProcessEnd.NotStarted unused -> ToolEnd.NOT_STARTED;
            case ProcessEnd.TimedOut(boolean killed) -> killed ? ToolEnd.UNKNOWN : ToolEnd.EXITED;
            case ProcessEnd.Canceled(boolean killed) -> killed ? ToolEnd.UNKNOWN : ToolEnd.EXITED;
        };
    }

    /** What the module answers with, after an apply. */
    Map<String, String> outputs() throws IOException, InterruptedException, EndedException {
        events.begin();
        check(run.ask(List.of("output", "-json"), folder.answer()), "outputs_missing", ToolEnd.EXITED);
        try {
            return ModuleOutputs.of(folder.answer());
        } catch (ModuleOutputs.TooLargeException tooLarge) {
            throw new EndedException(
                    new JobOutcome.Failed("outputs_invalid", tooLarge.getMessage() + ".", ToolEnd.EXITED));
        }
    }

    /** @param end how far the record of the infrastructure can be trusted where the command did not succeed */
    private void check(ProcessEnd ended, String code, ToolEnd end) throws EndedException {
        switch (ended) {
            case ProcessEnd.Exited(int exit) when exit == 0 -> {}
            case ProcessEnd.Exited(int exit) ->
                throw new EndedException(new JobOutcome.Failed(because(code), why(exit), end));
            case ProcessEnd.NotStarted(var reason, var unused) ->
                throw new EndedException(new JobOutcome.Failed(
                        UNAVAILABLE, tool.path().getFileName() + " could not be started: " + reason, end));
            case ProcessEnd.TimedOut unused ->
                throw new EndedException(
                        new JobOutcome.Failed("timed_out", "The job was not done by its deadline.", end));
            case ProcessEnd.Canceled unused -> throw new EndedException(new JobOutcome.Canceled(end));
        }
    }

    /** A failure that is not the module's has a code of its own. */
    private String because(String code) {
        List<ToolEvents.Problem> errors = events.errors();
        if (errors.stream().anyMatch(error -> LOCKED.matcher(error.text()).find())) {
            return "state_locked";
        }
        if (!code.equals("init_failed")) {
            return folder.hasErroredState() ? "state_not_kept" : code;
        }
        if (errors.stream().anyMatch(ToolEvents.Problem::inModule)) {
            return "module_invalid";
        }
        return errors.stream()
                        .anyMatch(error -> UNREACHABLE.matcher(error.text()).find())
                ? UNAVAILABLE
                : code;
    }

    private String why(int exit) {
        String errors = events.errors().stream()
                .limit(ERRORS_MAX)
                .map(ToolEvents.Problem::text)
                .collect(Collectors.joining(" | "));
        String why = errors.isEmpty() ? "The tool ended with exit code " + exit + "; the log says more." : errors;
        return why.length() <= DETAIL_CHARACTERS_MAX ? why : why.substring(0, DETAIL_CHARACTERS_MAX) + " …";
    }
}
