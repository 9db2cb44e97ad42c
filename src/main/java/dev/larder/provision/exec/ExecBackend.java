package dev.larder.provision.exec;

import dev.larder.pool.Assignment;
import dev.larder.pool.Inventory;
import dev.larder.pool.JobOutcome;
import dev.larder.pool.LogLine;
import dev.larder.pool.Transition;
import dev.larder.provision.Backend;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashSet;
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
 * again; then {@code verify.sh} and {@code ready.sh}), {@code stop.sh} and {@code delete.sh}.
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
 * is the workspace's and lives on after a success; it must send its output elsewhere. After a failure, a cancel or the
 * deadline everything of the job is killed, on delete everything of the workspace.
 *
 * <p>Sensitive parameters are masked in the log, outputs from the moment they are in the file: a script must not print a
 * secret of its own making before that.
 *
 * <p>Outcomes: {@code script_missing}, {@code script_not_started}, {@code script_failed}, {@code timed_out}, {@code
 * not_ready}, {@code outputs_missing}, {@code outputs_invalid}, {@code replaced_invalid}, {@code backend_unavailable} (the folders cannot be used).
 */
@ApplicationScoped
public class ExecBackend implements Backend {

    private static final Logger LOG = Logger.getLogger(ExecBackend.class);
    private static final Duration CLOSING = Duration.ofSeconds(2);

    private final Settings settings;
    private final InstantSource clock;
    private final Path root;
    private final Premises premises;
    private final Workspaces workspaces = new Workspaces();
    private final Set<Stop> running = ConcurrentHashMap.newKeySet();
    private final ExecutorService threads = Executors.newThreadPerTaskExecutor(
            Thread.ofPlatform().daemon().name("larder-exec-", 0).factory());

    public ExecBackend(Settings settings, InstantSource clock) {
        this.settings = settings;
        this.clock = clock;
        this.root = settings.root().toAbsolutePath().normalize();
        this.premises = new Premises(root);
    }

    @Override
    public String kind() {
        return "exec";
    }

    @Override
    public boolean offered() {
        return settings.enabled();
    }

    @Override
    public Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log) {
        return Uni.createFrom().emitter(emitter -> begin(assignment, log, emitter));
    }

    private void begin(Assignment assignment, Consumer<LogLine> log, UniEmitter<? super JobOutcome> emitter) {
        Stop stop = new Stop();
        running.add(stop);
        UniEmitter<? super JobOutcome> unused = emitter.onTermination(stop::ask);
        threads.execute(() -> perform(assignment, log, emitter, stop));
    }

    private void perform(
            Assignment assignment, Consumer<LogLine> log, UniEmitter<? super JobOutcome> emitter, Stop stop) {
        try {
            emitter.complete(inTurn(assignment, log, stop));
        } catch (InterruptedException ending) {
            emitter.complete(new JobOutcome.Canceled());
        } catch (RuntimeException fault) {
            emitter.fail(fault);
        } finally {
            running.remove(stop);
        }
    }

    private JobOutcome inTurn(Assignment assignment, Consumer<LogLine> log, Stop stop) throws InterruptedException {
        if (!workspaces.enter(assignment.workspaceId(), stop)) {
            return new JobOutcome.Canceled();
        }
        try {
            return new ScriptJob(assignment, log, settings, clock, root, stop).perform();
        } finally {
            workspaces.leave(assignment.workspaceId());
        }
    }

    /** The place is the root folder, by the id it holds. */
    @Override
    public Uni<Optional<Inventory>> inventory() {
        return inBackground(() -> Optional.of(premises.inventory()));
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
        running.forEach(Stop::ask);
        threads.shutdown();
        Duration patience = settings.stopGrace().plus(CLOSING);
        if (!threads.awaitTermination(patience.toMillis(), TimeUnit.MILLISECONDS)) {
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
