package dev.larder.cli.client;

import dev.larder.model.Assignment;
import dev.larder.model.Declaration;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.JobOutcome;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import dev.larder.model.Parameter;
import dev.larder.model.Target;
import dev.larder.model.Transition;
import dev.larder.model.UploadedFile;
import dev.larder.worker.exec.ExecBackend;
import dev.larder.worker.exec.ExecSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;

/**
 * Runs the scripts of a declaration of backend exec in this process, as a worker would: those that build a workspace,
 * those of a claim, and those that remove it.
 */
final class LocalTry {

    private static final UUID NONE = new UUID(0, 0);

    private final Tried tried;
    private final Consumer<LogLine> log;
    private final ExecBackend backend;
    private final InstantSource clock;
    private final UUID workspace = UUID.randomUUID();
    private Map<String, String> outputs = Map.of();
    private int builds;

    /**
     * What is tried.
     *
     * @param uploads the files that the declaration gives by digest, at hand
     * @param given parameters that win over the preset's
     */
    record Tried(
            Declaration declaration,
            PresetDeclaration preset,
            Map<String, UploadedFile> uploads,
            Map<String, String> given) {

        boolean has(String script) {
            return declaration.files().containsKey(script);
        }
    }

    /**
     * @param root an empty folder
     * @param clock only differences count
     */
    LocalTry(Tried tried, Path root, InstantSource clock, Consumer<LogLine> log) {
        this.tried = tried;
        this.clock = clock;
        this.log = log;
        this.backend = new ExecBackend(new Settings(root), clock);
    }

    /** The settings of a worker that has none of its own. */
    private record Settings(Path root) implements ExecSettings {

        @Override
        public boolean enabled() {
            return true;
        }

        @Override
        public Duration stopGrace() {
            return Duration.ofSeconds(5);
        }

        @Override
        public Duration readyEvery() {
            return Duration.ofSeconds(1);
        }

        @Override
        public int lineLimit() {
            return 8192;
        }

        @Override
        public int logLimit() {
            return 1 << 20;
        }
    }

    /**
     * Builds the workspace and runs the scripts of a claim, as far as the declaration has them.
     *
     * @return the outputs that a claimer would get
     */
    Map<String, String> build() throws InterruptedException {
        perform("start", Transition.START, "prebuild");
        if (tried.has("verify.sh")) {
            perform("verify", Transition.START, Assignment.VERIFY);
        }
        if (tried.has("claim.sh")) {
            perform("claim", Transition.START, Assignment.CLAIM);
        }
        Map<String, String> claimed = outputs;
        if (tried.preset().handOut().maxUses() > 1) {
            perform("reset", Transition.START, Assignment.RECYCLE);
        }
        return claimed;
    }

    /** Removes the workspace, also what a failed build has left. */
    void remove() throws InterruptedException {
        perform("delete", Transition.DELETE, "removed");
    }

    private void perform(String what, Transition transition, String reason) throws InterruptedException {
        switch (outcome(assignment(transition, reason))) {
            case JobOutcome.Succeeded done -> {
                if (!done.outputs().isEmpty()) {
                    outputs = done.outputs();
                }
            }
            case JobOutcome.Failed failed ->
                throw Failure.of(
                        ExitCode.FAILED,
                        failed.code(),
                        what + " failed: " + failed.detail() + " [" + failed.code() + "]");
            case JobOutcome.Canceled canceled -> throw new InterruptedException();
        }
    }

    /** An interrupt stops the scripts, and waits until they have ended. */
    private JobOutcome outcome(Assignment assignment) throws InterruptedException {
        CompletableFuture<JobOutcome> outcome = backend.perform(assignment, log).subscribeAsCompletionStage();
        try {
            return outcome.get();
        } catch (InterruptedException stopping) {
            boolean unused = backend.stop(assignment);
            JobOutcome stopped = outcome.join();
            throw stopping;
        } catch (ExecutionException fault) {
            throw new IllegalStateException(fault.getCause());
        }
    }

    private Assignment assignment(Transition transition, String reason) {
        Lease lease = new Lease(UUID.randomUUID(), UUID.randomUUID(), 1, workspace, transition, reason, false);
        Instant deadline = clock.instant().plus(tried.declaration().startTimeout());
        Target.Workspace target =
                new Target.Workspace("try", NONE, "try", NONE, System.getProperty("user.name"), true, outputs);
        Target.Version version = new Target.Version(
                NONE, "exec", "try", tried.preset().name(), tried.declaration().files(), tried.uploads());
        builds++;
        return new Assignment(lease, deadline, builds, target, version, parameters());
    }

    private Target.Parameters parameters() {
        Map<String, String> values = new HashMap<>();
        Map<String, String> types = new HashMap<>();
        Set<String> sensitive = new LinkedHashSet<>();
        for (Parameter parameter : tried.declaration().parameters()) {
            types.put(parameter.name(), parameter.type());
            if (parameter.defaultValue() != null) {
                values.put(parameter.name(), parameter.defaultValue());
            }
            if (parameter.sensitive()) {
                sensitive.add(parameter.name());
            }
        }
        values.putAll(tried.preset().parameters());
        values.putAll(tried.given());
        return new Target.Parameters(values, sensitive, types);
    }
}
