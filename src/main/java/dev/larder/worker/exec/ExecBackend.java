package dev.larder.worker.exec;

import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.model.Transition;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jboss.logging.Logger;

/**
 * A workspace is what the version's scripts make of it: {@code start.sh}, and where there are such, {@code ready.sh}
 * (repeated until it succeeds), {@code verify.sh} (when somebody claims it: it must end well before they are given it),
 * {@code claim.sh} (once, when somebody has it; then {@code ready.sh} again), {@code reset.sh} (when it was given back and may be used
 * again; then {@code verify.sh} and {@code ready.sh}) and {@code delete.sh}.
 *
 * <p>A script is told by its environment: {@code LARDER_WORKSPACE_ID}, {@code LARDER_WORKSPACE_NAME}, {@code
 * LARDER_WORKSPACE_DIR} (kept while the workspace lives), {@code LARDER_ORGANIZATION}, {@code LARDER_OWNER}, {@code
 * LARDER_TEMPLATE}, {@code LARDER_PRESET}, {@code LARDER_TRANSITION}, {@code LARDER_JOB_ID}, {@code LARDER_ATTEMPT}, {@code
 * LARDER_PARAM_<NAME>} for each parameter, and {@code LARDER_OUTPUTS}: where {@code start.sh} must write a JSON object of
 * texts, numbers and truth values. {@code claim.sh}, {@code reset.sh} and {@code verify.sh} find there what was answered so
 * far, and the first two may change it; what {@code claim.sh} had to make anew it says in {@code LARDER_REPLACED}, as {@code {"resource": ["path", ...]}}. Scripts run in the folder of the
 * version's files.
 *
 * <p>When a script has ended, what is left in its process group is killed. A process that gave itself a session of its own
 * belongs to the workspace and lives on after a success; it must send its output elsewhere. After a failure, a cancel or the
 * deadline all processes of the job are killed, on delete all processes of the workspace. The log names what was killed.
 *
 * <p>A script is asked to end by SIGINT, and killed after {@code larder.backend.exec.stop-grace}; what it prints until then is
 * in the log. The job ends when its processes have ended.
 *
 * <p>Sensitive parameters are masked in the log, outputs from the moment they are in the file: a script must not print a
 * secret of its own making before that.
 *
 * <p>Outcomes. The template's: {@code script_missing}, {@code script_not_started}, {@code script_failed}, {@code timed_out},
 * {@code not_ready}, {@code outputs_missing}, {@code outputs_invalid}, {@code replaced_invalid}, {@code files_invalid}. This
 * machine's: {@code backend_full} (the disk of the root is full), {@code backend_unavailable} (its folders cannot be used, or
 * no process can be started).
 */
@ApplicationScoped
public class ExecBackend implements Backend {

    private static final Logger LOG = Logger.getLogger(ExecBackend.class);
    private static final Duration CLOSING = Duration.ofSeconds(5);

    private final ExecSettings settings;
    private final InstantSource clock;
    private final Path root;
    private final Cgroups groups;
    private final Premises premises;
    private final Leftovers leftovers;
    private final Workspaces workspaces = new Workspaces();
    private final Map<UUID, Stop> running = new ConcurrentHashMap<>();
    private final ExecutorService threads = Executors.newThreadPerTaskExecutor(
            Thread.ofPlatform().daemon().name("larder-exec-", 0).factory());

    @Inject
    public ExecBackend(ExecSettings settings, InstantSource clock) {
        // A process of its own tries whether there are groups: only where scripts are run.
        this(settings, clock, settings.enabled() ? Cgroups.here() : Cgroups.none());
    }

    ExecBackend(ExecSettings settings, InstantSource clock, Cgroups groups) {
        this.settings = settings;
        this.clock = clock;
        this.root = settings.root().toAbsolutePath().normalize();
        this.groups = groups;
        this.premises = new Premises(root, groups);
        this.leftovers = new Leftovers(root, groups, clock);
    }

    @Override
    public String kind() {
        return "exec";
    }

    @Override
    public boolean offered() {
        return settings.enabled();
    }

    /** Removes what a killed worker left at this root, where it can be used. */
    @Override
    public Optional<String> unusable() {
        Optional<String> why = new Trial(root).unusable();
        if (why.isEmpty()) {
            leftovers.remove();
        }
        return why;
    }

    @Override
    public Duration endsWithin() {
        return settings.stopGrace().plus(CLOSING);
    }

    @Override
    public boolean stop(Assignment assignment) {
        Stop stop = running.get(assignment.lease().token());
        if (stop != null) {
            stop.ask();
        }
        return stop != null;
    }

    @Override
    public Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log) {
        return Uni.createFrom().emitter(emitter -> begin(assignment, log, emitter));
    }

    private void begin(Assignment assignment, Consumer<LogLine> log, UniEmitter<? super JobOutcome> emitter) {
        Stop stop = new Stop();
        running.put(assignment.lease().token(), stop);
        UniEmitter<? super JobOutcome> unused = emitter.onTermination(stop::ask);
        threads.execute(() -> perform(assignment, log, emitter, stop));
    }

    private void perform(
            Assignment assignment, Consumer<LogLine> log, UniEmitter<? super JobOutcome> emitter, Stop stop) {
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

    private JobOutcome inTurn(Assignment assignment, Consumer<LogLine> log, Stop stop) throws InterruptedException {
        if (!workspaces.enter(assignment.workspaceId(), stop)) {
            return new JobOutcome.Canceled();
        }
        try {
            return new ScriptJob(assignment, log, settings, clock, root, groups, stop).perform();
        } finally {
            workspaces.leave(assignment.workspaceId());
        }
    }

    /** The place is the root folder, by the id it holds. What is there and was not made by Larder is listed too. */
    @Override
    public Uni<Optional<Inventory>> inventory() {
        return inBackground(() -> {
            leftovers.remove();
            return Optional.of(premises.inventory());
        });
    }

    /** Fails while a job of the workspace runs here. */
    @Override
    public Uni<Void> remove(UUID workspace) {
        return inBackground(() -> {
                    removeUnlessBusy(workspace);
                    return true;
                })
                .replaceWithVoid();
    }

    private void removeUnlessBusy(UUID workspace) throws IOException {
        if (!workspaces.enterNow(workspace)) {
            throw new IOException("a job of this workspace is running");
        }
        try {
            premises.remove(workspace);
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

    /** A job that was cancelled is still ending its processes when the next one of its workspace may begin. */
    private static final class Workspaces {

        private static final long LOOK_MILLIS = 50;

        private final Set<UUID> busy = new HashSet<>();

        /** @return false where a stop was asked for meanwhile */
        synchronized boolean enter(UUID workspace, Stop stop) throws InterruptedException {
            while (!busy.add(workspace)) {
                if (stop.isAsked()) {
                    return false;
                }
                wait(LOOK_MILLIS);
            }
            return true;
        }

        synchronized boolean enterNow(UUID workspace) {
            return busy.add(workspace);
        }

        synchronized void leave(UUID workspace) {
            busy.remove(workspace);
            notifyAll();
        }
    }

    /** Asks all running scripts to end and waits for it, a little longer than the grace they have. */
    @PreDestroy
    void close() throws InterruptedException {
        running.values().forEach(Stop::ask);
        threads.shutdown();
        if (!threads.awaitTermination(endsWithin().toMillis(), TimeUnit.MILLISECONDS)) {
            LOG.warnf("scripts are still ending jobs=%d", running.size());
        }
    }

    /** The script that performs a transition. */
    static String script(Transition transition) {
        return switch (transition) {
            case START -> "start.sh";
            case STOP -> "stop.sh";
            case DELETE -> "delete.sh";
        };
    }
}
