package dev.larder.worker.terraform;

import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.model.ToolEnd;
import dev.larder.worker.process.Cgroups;
import dev.larder.worker.process.JobFolderCleanup;
import dev.larder.worker.process.RootCheck;
import dev.larder.worker.process.RootFolder;
import dev.larder.worker.process.StopRequest;
import dev.larder.worker.process.WorkspaceTurns;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Builds workspaces with a Terraform module: the files of a version. A start plans and applies it, a delete destroys
 * what its state lists, and the outputs of the module are the outputs of the workspace, sensitive ones too.
 *
 * <p>The module's variables get the parameters of the same names, with their types. It may declare
 * {@code larder_workspace_id}, {@code larder_workspace_name}, {@code larder_organization}, {@code larder_owner} and
 * {@code larder_claimed}. A module with the last one is applied again when its workspace is claimed, with the value
 * true; what that makes anew is reported.
 *
 * <p>A plan that deletes a resource without making it anew is refused, at the start and at the claim.
 *
 * <p>The tool is asked to stop by SIGINT: by a cancel, by the deadline of its job, by the end of the worker. It then
 * ends what it has begun and uploads its state; after {@code larder.backend.terraform.drain} it is killed.
 *
 * <p>Outcomes. Faults of the template: {@code module_invalid}, {@code init_failed}, {@code plan_failed},
 * {@code plan_deletes}, {@code apply_failed}, {@code destroy_failed}, {@code outputs_missing},
 * {@code outputs_invalid}, {@code parameter_undeclared}, {@code files_invalid}, {@code timed_out}. Faults of this
 * host or of what surrounds it: {@code backend_full}, {@code backend_unavailable} (no process can be started, the
 * providers cannot be reached). Passing ones: {@code state_locked}, {@code state_not_kept} (the tool could not upload
 * its state), {@code state_access_missing}.
 */
@ApplicationScoped
public class TerraformBackend implements Backend {

    private static final Logger LOG = Logger.getLogger(TerraformBackend.class);
    // A state that the tool could not upload is uploaded after its end.
    private static final Duration RESCUE = Duration.ofMinutes(2);
    private static final Duration KILLED_WITHIN = Duration.ofSeconds(5);
    private static final String NONE = "Terraform modules cannot be built: ";

    private final TerraformSettings settings;
    private final Workbench bench;
    private final JobFolderCleanup cleanup;
    private final WorkspaceTurns workspaces = new WorkspaceTurns();
    private final Map<UUID, Running> running = new ConcurrentHashMap<>();
    private final ExecutorService threads = Executors.newThreadPerTaskExecutor(
            Thread.ofPlatform().daemon().name("larder-terraform-", 0).factory());
    private volatile @Nullable ToolBinary tool;

    @Inject
    public TerraformBackend(TerraformSettings settings, InstantSource clock, ServerAddress address) {
        // The detection starts a process, so it runs only where the backend is enabled.
        this(settings, clock, address, settings.enabled() ? Cgroups.detect() : Cgroups.none());
    }

    private TerraformBackend(TerraformSettings settings, InstantSource clock, ServerAddress address, Cgroups groups) {
        RootFolder root = new RootFolder(settings.root().toAbsolutePath().normalize());
        this.settings = settings;
        this.bench = new Workbench(settings, clock, root, groups, address, new WorkspaceTurns());
        this.cleanup = new JobFolderCleanup(root, groups, clock);
    }

    @Override
    public String kind() {
        return "terraform";
    }

    @Override
    public List<String> jobKinds() {
        return List.of(kind(), "terraform_check");
    }

    @Override
    public boolean offered() {
        return settings.enabled();
    }

    /** Finds the tool and checks the root folder; removes the folders and processes that killed workers left. */
    @Override
    public Optional<String> unusable() {
        Optional<Path> found =
                ToolBinary.find(settings.binary(), System.getenv().getOrDefault("PATH", ""));
        if (found.isEmpty()) {
            return Optional.of(
                    NONE
                            + settings.binary()
                                    .map(path -> "larder.backend.terraform.binary " + path + " cannot be executed.")
                                    .orElse(
                                            "neither terraform nor tofu is on the path; larder.backend.terraform.binary names it."));
        }
        try {
            tool = ToolBinary.of(found.get());
        } catch (IOException failed) {
            return Optional.of(NONE + found.get() + " " + failed.getMessage() + ".");
        }
        Optional<String> problem = new RootCheck(bench.root(), "larder.backend.terraform.root").problem();
        if (problem.isEmpty()) {
            cleanup.run();
        }
        return problem.map(text -> NONE + text + ".");
    }

    @Override
    public Duration endsWithin() {
        return settings.drain().plus(RESCUE);
    }

    @Override
    public boolean endsBeforeHandedBack() {
        return true;
    }

    @Override
    public boolean stop(Assignment assignment) {
        Running job = running.get(assignment.lease().token());
        if (job != null) {
            job.stop().request();
        }
        return job != null;
    }

    @Override
    public Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log) {
        return Uni.createFrom().emitter(emitter -> begin(assignment, log, emitter));
    }

    private void begin(Assignment assignment, Consumer<LogLine> log, UniEmitter<? super JobOutcome> emitter) {
        ToolBinary found = tool;
        if (found == null) {
            emitter.complete(
                    new JobOutcome.Failed("backend_missing", "This worker has no such tool.", ToolEnd.NOT_STARTED));
            return;
        }
        StopRequest stop = new StopRequest();
        Running job = new Running(stop, new ModuleJob(assignment, log, bench, found, stop));
        running.put(assignment.lease().token(), job);
        UniEmitter<? super JobOutcome> unused = emitter.onTermination(stop::request);
        threads.execute(() -> perform(assignment, job, emitter));
    }

    private void perform(Assignment assignment, Running job, UniEmitter<? super JobOutcome> emitter) {
        try {
            JobOutcome outcome = inTurn(assignment, job);
            running.remove(assignment.lease().token(), job);
            emitter.complete(outcome);
        } catch (InterruptedException ending) {
            emitter.complete(new JobOutcome.Canceled(ToolEnd.UNKNOWN));
        } catch (RuntimeException fault) {
            emitter.fail(fault);
        } finally {
            running.remove(assignment.lease().token(), job);
        }
    }

    private JobOutcome inTurn(Assignment assignment, Running job) throws InterruptedException {
        if (!workspaces.enter(assignment.workspaceId(), job.stop())) {
            return new JobOutcome.Canceled(ToolEnd.NOT_STARTED);
        }
        try {
            return job.job().perform();
        } finally {
            workspaces.leave(assignment.workspaceId());
        }
    }

    /** A worker has waited for its tools before it ends: a tool that still runs is killed. */
    @PreDestroy
    void close() throws InterruptedException {
        running.values().forEach(Running::kill);
        threads.shutdown();
        if (!threads.awaitTermination(KILLED_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
            LOG.warnf("tools are still ending jobs=%d", running.size());
        }
    }

    /** A job that runs here. */
    private record Running(StopRequest stop, ModuleJob job) {

        void kill() {
            stop.request();
            job.kill();
        }
    }
}
