package dev.larder.cleanup;

import dev.larder.cleanup.OperationStore.EndedException;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Batch;
import dev.larder.database.CleanupType.Retention;
import dev.larder.database.CleanupType.Slice;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.wakeup.Loop;
import dev.larder.wakeup.Ticker;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Runs clean-up operations (decision 0036). The database keeps two of one type from running at once. A process works on
 * one batch at a time for all of its operations, and rests after each for as long as the batch took, so
 * that clean-up takes at most half of one connection's time.
 */
@ApplicationScoped
public class Cleanups {

    private static final Logger LOG = Logger.getLogger(Cleanups.class);
    private static final Duration STOP_WITHIN = Duration.ofSeconds(10);

    static final int ROWS = 1_000;
    private static final int ROWS_MIN = 10;
    private static final int FAILURES_MAX = 5;
    private static final Duration REST_MIN = Duration.ofMillis(5);
    private static final Duration REST_MAX = Duration.ofSeconds(5);

    private final OperationStore store;
    private final CleanupSettings settings;
    private final InstantSource clock;
    private final CleanupObserver observer;
    private final Loop loop = new Loop("clean-up", this::step);
    private final Deque<Run> runs = new ArrayDeque<>();
    private volatile boolean stopped;

    public Cleanups(OperationStore store, CleanupSettings settings, InstantSource clock, CleanupObserver observer) {
        this.store = store;
        this.settings = settings;
        this.clock = clock;
        this.observer = observer;
    }

    @Inject
    void keepPace(Ticker pace, @ConfigProperty(name = "larder.cleanup.every", defaultValue = "1m") Duration every) {
        pace.keep("clean-up", every, this::look);
    }

    /** An operation that this process works on. */
    private static final class Run {

        private final UUID id;
        private final CleanupType type;
        private final Retention keeps;
        private @Nullable String position;
        private int rows = ROWS;
        private int failures;

        Run(UUID id, CleanupType type, Retention keeps) {
            this.id = id;
            this.type = type;
            this.keeps = keeps;
        }

        Slice slice(Instant now) {
            return new Slice(now, now.minus(keeps.keepFor()), keeps.keepNewest(), position, rows);
        }
    }

    /** How a request for an operation ended. */
    sealed interface Begun {

        record Running(Operation operation) implements Begun {}

        /** @param running null where it ended just now */
        record Busy(@Nullable Operation running) implements Begun {}

        record UnknownType() implements Begun {}
    }

    /** Begins an operation for a user. Its batches run in the background. */
    Uni<Begun> begin(String name, UUID user) {
        Optional<CleanupType> type = settings.type(name);
        return type.isEmpty()
                ? Uni.createFrom().item(new Begun.UnknownType())
                : abandon()
                        .chain(() -> store.begin(name, user, clock.instant()))
                        .chain(begun -> begun(type.get(), begun));
    }

    private Uni<Begun> begun(CleanupType type, Optional<Operation> begun) {
        begun.ifPresent(operation -> add(type, operation));
        return begun.isPresent()
                ? Uni.createFrom().item(new Begun.Running(begun.get()))
                : store.running(type.name()).map(running -> new Begun.Busy(running.orElse(null)));
    }

    private void add(CleanupType type, Operation operation) {
        synchronized (runs) {
            runs.add(new Run(operation.id(), type, settings.of(type)));
        }
        loop.wake();
    }

    Uni<Optional<Operation>> cancel(UUID operation, UUID user) {
        return store.cancel(operation, user, clock.instant());
    }

    Uni<Optional<Operation>> find(UUID operation) {
        return store.find(operation);
    }

    /** Newest first. */
    Uni<Page<Operation>> list(Optional<String> type, PageRequest page) {
        return store.list(type, page.after(), page.rows()).map(rows -> Page.of(page, rows, Operation::id));
    }

    List<String> types() {
        return settings.names();
    }

    /** Ends operations that were abandoned, and begins those that are due. */
    Uni<Void> look() {
        if (stopped) {
            return Uni.createFrom().voidItem();
        }
        loop.wake();
        return abandon()
                .chain(() -> store.due(settings.intervals(), clock.instant()))
                .chain(this::beginDue);
    }

    private Uni<Void> abandon() {
        return store.abandon(clock.instant())
                .invoke(count -> {
                    if (count > 0) {
                        LOG.warnf("clean-up operations were abandoned count=%d", count);
                    }
                })
                .replaceWithVoid();
    }

    private Uni<Void> beginDue(List<String> due) {
        return Multi.createFrom()
                .iterable(due)
                .onItem()
                .transformToUniAndConcatenate(this::beginOne)
                .onItem()
                .ignoreAsUni();
    }

    private Uni<Void> beginOne(String name) {
        return store.begin(name, clock.instant())
                .invoke(begun ->
                        begun.ifPresent(operation -> add(settings.type(name).orElseThrow(), operation)))
                .replaceWithVoid();
    }

    /** One batch of the operation whose turn it is. Answers whether there is more to do. */
    private Uni<Boolean> step() {
        Run run = next();
        if (run == null || stopped) {
            return Uni.createFrom().item(false);
        }
        long began = System.nanoTime();
        return batch(run).chain(() -> rest(Duration.ofNanos(System.nanoTime() - began)));
    }

    private @Nullable Run next() {
        synchronized (runs) {
            return runs.peek();
        }
    }

    private Uni<Boolean> rest(Duration took) {
        Duration rest = took.compareTo(REST_MIN) < 0 ? REST_MIN : took.compareTo(REST_MAX) > 0 ? REST_MAX : took;
        return Uni.createFrom().item(true).onItem().delayIt().by(rest);
    }

    private Uni<Void> batch(Run run) {
        return store.batch(run.id, run.type, run.slice(clock.instant()))
                .chain(done -> goOn(run, done))
                .onFailure(EndedException.class)
                .recoverWithUni(() -> leave(run))
                .onFailure()
                .recoverWithUni(cause -> failed(run, cause));
    }

    private Uni<Void> goOn(Run run, Batch done) {
        observer.removed(run.type.name(), done.deleted());
        run.failures = 0;
        run.position = done.position();
        if (run.position == null) {
            return leave(run).chain(() -> end(run, null));
        }
        synchronized (runs) {
            // The next operation of this process has its turn.
            if (runs.remove(run)) {
                runs.add(run);
            }
        }
        return Uni.createFrom().voidItem();
    }

    // A batch that met a time limit is tried again with fewer rows.
    private Uni<Void> failed(Run run, Throwable cause) {
        run.failures++;
        run.rows = Math.max(ROWS_MIN, run.rows / 4);
        LOG.warnf("batch of a clean-up failed type=%s failures=%d cause=%s", run.type.name(), run.failures, cause);
        return run.failures < FAILURES_MAX
                ? Uni.createFrom().voidItem()
                : leave(run).chain(() -> end(run, "batches_failed"));
    }

    private Uni<Void> leave(Run run) {
        synchronized (runs) {
            runs.remove(run);
        }
        return Uni.createFrom().voidItem();
    }

    /** An operation that cannot be ended now is abandoned later. */
    private Uni<Void> end(Run run, @Nullable String code) {
        return store.end(List.of(run.id), code, clock.instant())
                .onFailure()
                .invoke(cause -> LOG.warnf("clean-up not ended type=%s cause=%s", run.type.name(), cause))
                .onFailure()
                .recoverWithNull();
    }

    /** No further batch. The operations of this process end as interrupted, so that another one begins them anew. */
    public Uni<Void> stop() {
        stopped = true;
        return loop.stop(STOP_WITHIN).chain(this::interrupt);
    }

    private Uni<Void> interrupt() {
        List<UUID> left = new ArrayList<>();
        synchronized (runs) {
            runs.forEach(run -> left.add(run.id));
            runs.clear();
        }
        return left.isEmpty()
                ? Uni.createFrom().voidItem()
                : store.end(left, OperationStore.INTERRUPTED, clock.instant());
    }
}
