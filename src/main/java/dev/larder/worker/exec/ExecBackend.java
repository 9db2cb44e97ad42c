package dev.larder.worker.exec;

import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
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
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jboss.logging.Logger;

/**
 * Builds workspaces with the scripts of a version: {@code start.sh}, and optionally
 *
 * <ul>
 *   <li>{@code ready.sh}, repeated after a start until it succeeds;
 *   <li>{@code verify.sh}, before a claimed workspace is handed over; it must succeed;
 *   <li>{@code claim.sh}, once after a claim, followed by {@code ready.sh};
 *   <li>{@code reset.sh}, before a returned workspace is reused, followed by {@code verify.sh} and {@code ready.sh};
 *   <li>{@code stop.sh} and {@code delete.sh}.
 * </ul>
 *
 * <p>A script runs in the folder of the version's files. Its environment holds {@code LARDER_WORKSPACE_ID},
 * {@code LARDER_WORKSPACE_NAME}, {@code LARDER_WORKSPACE_DIR} (a folder that is kept while the workspace lives),
 * {@code LARDER_ORGANIZATION}, {@code LARDER_OWNER}, {@code LARDER_TEMPLATE}, {@code LARDER_PRESET},
 * {@code LARDER_TRANSITION}, {@code LARDER_JOB_ID}, {@code LARDER_ATTEMPT} and {@code LARDER_PARAM_<NAME>} for each
 * parameter.
 *
 * <p>{@code start.sh} must write its outputs to the file {@code LARDER_OUTPUTS}: a JSON object of strings, numbers
 * and booleans. {@code claim.sh}, {@code reset.sh} and {@code verify.sh} find the current outputs in that file; the
 * first two may change them. {@code claim.sh} lists resources that it had to replace in the file
 * {@code LARDER_REPLACED}, as {@code {"resource": ["path", ...]}}.
 *
 * <p>When a script ends, the rest of its process group is killed. A process with a session of its own belongs to the
 * workspace: it lives on after a success, and must send its output elsewhere. After a failure, a cancel or the deadline
 * all processes of the job are killed; a delete kills all processes of the workspace. The log names killed processes.
 *
 * <p>A script is stopped by SIGINT, and killed after {@code larder.backend.exec.stop-grace}. Its output until then
 * is in the log. The job ends when its processes have ended.
 *
 * <p>The log masks sensitive parameters. It masks outputs from the moment they are in the file: a script must not
 * print a secret of its own before that.
 *
 * <p>Outcomes. Faults of the template: {@code script_missing}, {@code script_not_started}, {@code script_failed},
 * {@code timed_out}, {@code not_ready}, {@code outputs_missing}, {@code outputs_invalid}, {@code replaced_invalid},
 * {@code files_invalid}. Faults of this host: {@code backend_full} (the disk of the root is full),
 * {@code backend_unavailable} (the folders cannot be used, or no process can be started).
 */
@ApplicationScoped
public class ExecBackend implements Backend {

    private static final Logger LOG = Logger.getLogger(ExecBackend.class);
    private static final Duration CLOSING = Duration.ofSeconds(5);

    private final ExecSettings settings;
    private final InstantSource clock;
    private final RootFolder root;
    private final Cgroups groups;
    private final ExecInventory inventory;
    private final JobFolderCleanup cleanup;
    private final WorkspaceTurns workspaces = new WorkspaceTurns();
    private final Map<UUID, StopRequest> running = new ConcurrentHashMap<>();
    private final ExecutorService threads = Executors.newThreadPerTaskExecutor(
            Thread.ofPlatform().daemon().name("larder-exec-", 0).factory());

    @Inject
    public ExecBackend(ExecSettings settings, InstantSource clock) {
        // The detection starts a process, so it runs only where the backend is enabled.
        this(settings, clock, settings.enabled() ? Cgroups.detect() : Cgroups.none());
    }

    ExecBackend(ExecSettings settings, InstantSource clock, Cgroups groups) {
        this.settings = settings;
        this.clock = clock;
        this.root = new RootFolder(settings.root().toAbsolutePath().normalize());
        this.groups = groups;
        this.inventory = new ExecInventory(root, groups);
        this.cleanup = new JobFolderCleanup(root, groups, clock);
    }

    @Override
    public String kind() {
        return "exec";
    }

    @Override
    public boolean offered() {
        return settings.enabled();
    }

    /** Checks the root folder. If it can be used, removes the folders and processes that killed workers left. */
    @Override
    public Optional<String> unusable() {
        Optional<String> problem = new RootCheck(root, "larder.backend.exec.root").problem();
        if (problem.isEmpty()) {
            cleanup.run();
        }
        return problem.map(text -> "Scripts cannot be run: " + text + ".");
    }

    @Override
    public Duration endsWithin() {
        return settings.stopGrace().plus(CLOSING);
    }

    @Override
    public boolean stop(Assignment assignment) {
        StopRequest stop = running.get(assignment.lease().token());
        if (stop != null) {
            stop.request();
        }
        return stop != null;
    }

    @Override
    public Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log) {
        return Uni.createFrom().emitter(emitter -> begin(assignment, log, emitter));
    }

    private void begin(Assignment assignment, Consumer<LogLine> log, UniEmitter<? super JobOutcome> emitter) {
        StopRequest stop = new StopRequest();
        running.put(assignment.lease().token(), stop);
        UniEmitter<? super JobOutcome> unused = emitter.onTermination(stop::request);
        threads.execute(() -> perform(assignment, log, emitter, stop));
    }

    private void perform(
            Assignment assignment, Consumer<LogLine> log, UniEmitter<? super JobOutcome> emitter, StopRequest stop) {
        try {
            JobOutcome outcome = inTurn(assignment, log, stop);
            running.remove(assignment.lease().token(), stop);
            emitter.complete(outcome);
        } catch (InterruptedException ending) {
            emitter.complete(new JobOutcome.Canceled());
        } catch (RuntimeException fault) {
            emitter.fail(fault);
        } finally {
            running.remove(assignment.lease().token(), stop);
        }
    }

    private JobOutcome inTurn(Assignment assignment, Consumer<LogLine> log, StopRequest stop)
            throws InterruptedException {
        if (!workspaces.enter(assignment.workspaceId(), stop)) {
            return new JobOutcome.Canceled();
        }
        try {
            return new ScriptJob(assignment, log, settings, clock, root, groups, stop).perform();
        } finally {
            workspaces.leave(assignment.workspaceId());
        }
    }

    /** The place is the root folder with its id. Entries that Larder did not make are listed too. */
    @Override
    public Uni<Optional<Inventory>> inventory() {
        return inBackground(() -> {
            cleanup.run();
            return Optional.of(inventory.list());
        });
    }

    /** Fails while a job of the workspace runs in this process. */
    @Override
    public Uni<Void> remove(UUID workspace) {
        return inBackground(() -> {
                    removeUnlessBusy(workspace);
                    return true;
                })
                .replaceWithVoid();
    }

    private void removeUnlessBusy(UUID workspace) throws IOException {
        if (!workspaces.tryEnter(workspace)) {
            throw new IOException("a job of this workspace is running");
        }
        try {
            inventory.remove(workspace);
        } finally {
            workspaces.leave(workspace);
        }
    }

    private <T> Uni<T> inBackground(Callable<T> work) {
        return Uni.createFrom()
                .emitter(emitter -> threads.execute(() -> {
                    try {
                        emitter.complete(work.call());
                    } catch (Exception failed) {
                        emitter.fail(failed);
                    }
                }));
    }

    /** Stops all running scripts and waits for their end, a little longer than their grace. */
    @PreDestroy
    void close() throws InterruptedException {
        running.values().forEach(StopRequest::request);
        threads.shutdown();
        if (!threads.awaitTermination(endsWithin().toMillis(), TimeUnit.MILLISECONDS)) {
            LOG.warnf("scripts are still ending jobs=%d", running.size());
        }
    }
}
