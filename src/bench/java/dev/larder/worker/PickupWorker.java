package dev.larder.worker;

import dev.larder.database.Direct;
import dev.larder.database.Encryption;
import dev.larder.inventory.InventoryIntake;
import dev.larder.inventory.ListingStore;
import dev.larder.inventory.MissingStore;
import dev.larder.jobs.JobObserver;
import dev.larder.jobs.JobStore;
import dev.larder.jobs.LocalJobSource;
import dev.larder.jobs.WorkerStore;
import dev.larder.lifecycle.EndBuildStore;
import dev.larder.lifecycle.RequeueStore;
import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.Ids;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobStatus;
import dev.larder.model.LogLine;
import dev.larder.model.Transition;
import dev.larder.testing.NoFiles;
import dev.larder.wakeup.Listener;
import dev.larder.wakeup.NotifySender;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.pgclient.PgConnectOptions;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * What a process has of a worker, wired as the application wires it, with a backend that has done everything at
 * once and says when it was given it.
 */
public final class PickupWorker implements AutoCloseable {

    private static final int SLOTS = 8;

    private final Direct direct;
    private final Listener listener;
    private final Worker worker;
    private final BlockingQueue<Given> given = new LinkedBlockingQueue<>();

    /** @param nanos when, by {@link System#nanoTime} */
    public record Given(UUID job, long nanos) {}

    public PickupWorker(Vertx vertx, PgConnectOptions options, Pool pool, Encryption encryption, Duration poll) {
        InstantSource clock = InstantSource.system();
        GivenWorkerSettings settings = new GivenWorkerSettings(SLOTS, poll);
        WakeUps wakeUps = new WakeUps();
        direct = new Direct(vertx, options);
        NotifySender pump = new NotifySender(direct, vertx);
        listener = new Listener(vertx.getDelegate(), direct, wakeUps, pump);
        EndBuildStore ends = new EndBuildStore(pool, encryption, new Ids(clock));
        worker = new Worker(
                new LocalJobSource(
                        new JobStore(pool, encryption, ends),
                        ends,
                        new RequeueStore(pool),
                        new WorkerStore(pool, new Ids(clock)),
                        new InventoryIntake(
                                new ListingStore(pool, new Ids(clock)),
                                new MissingStore(pool, new Ids(clock), Duration.ofMinutes(5)),
                                wakeUps,
                                clock),
                        wakeUps,
                        clock,
                        settings,
                        new Unheard(),
                        new NoFiles()),
                vertx,
                clock,
                settings,
                GivenListingSettings.ON_REQUEST,
                List.of(new AtOnce()));
        pump.start(wakeUps);
        listener.start();
        worker.start().await().indefinitely();
    }

    /** The next one that the worker was given. */
    public Given next() throws InterruptedException {
        return Optional.ofNullable(given.poll(10, TimeUnit.SECONDS)).orElseThrow();
    }

    @Override
    public void close() {
        worker.stop().await().indefinitely();
        listener.stop();
        direct.pool().closeAndAwait();
    }

    private final class AtOnce implements Backend {

        @Override
        public String kind() {
            return "exec";
        }

        @Override
        public Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log) {
            given.add(new Given(assignment.jobId(), System.nanoTime()));
            return Uni.createFrom().item(new JobOutcome.Succeeded(Map.of()));
        }
    }

    private static final class Unheard implements JobObserver {

        @Override
        public void leased(Transition transition, Duration waited) {}

        @Override
        public void finished(Transition transition, JobStatus status, Duration took) {}

        @Override
        public void replaced() {}
    }
}
