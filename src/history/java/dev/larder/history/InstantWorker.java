package dev.larder.history;

import dev.larder.database.DatabaseFaults;
import dev.larder.database.Encryption;
import dev.larder.history.History.Built;
import dev.larder.jobs.JobStore;
import dev.larder.jobs.JobStore.Taken;
import dev.larder.jobs.WorkerStore;
import dev.larder.lifecycle.Completed;
import dev.larder.lifecycle.EndBuildStore;
import dev.larder.model.Assignment;
import dev.larder.model.Ids;
import dev.larder.model.JobOutcome;
import dev.larder.model.Transition;
import dev.larder.model.WorkerEntry;
import dev.larder.testing.Server;
import dev.larder.testing.Signals;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * A worker whose builds take no time, so that the load is on claims and not on builds. The outputs of each workspace
 * name the workspace.
 */
final class InstantWorker implements Runnable {

    private static final int AT_ONCE = 200;
    private static final int WRITERS = 8;
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(10);
    private static final Duration HEARTBEAT = Duration.ofSeconds(2);

    private final JobStore jobs;
    private final EndBuildStore ends;
    private final WorkerStore workers;
    private final InstantSource clock = InstantSource.system();
    private final Recorder recorder;
    private final List<UUID> left = new ArrayList<>();
    private volatile boolean stopping;

    InstantWorker(Pool pool, Recorder recorder) {
        Encryption encryption = new Encryption(Server.ENCRYPTION_KEY);
        this.ends = new EndBuildStore(pool, encryption, new Ids(clock));
        this.jobs = new JobStore(pool, encryption, ends);
        this.workers = new WorkerStore(pool, new Ids(clock));
        this.recorder = recorder;
    }

    void stop() {
        stopping = true;
    }

    /**
     * Works until it is stopped. When the database fails in the middle, nobody knows which jobs this worker still has:
     * another one enters, and the servers' janitors take back what the first has left.
     */
    @Override
    public void run() {
        while (!stopping) {
            try {
                work();
            } catch (RuntimeException failed) {
                if (!DatabaseFaults.unavailable(failed)) {
                    throw failed;
                }
                Signals.pause(BETWEEN_LOOKS);
            }
        }
    }

    private static <T> T await(Uni<T> uni) {
        return uni.await().atMost(PATIENCE);
    }

    private void work() {
        UUID worker =
                await(workers.register(new WorkerEntry("filler", Map.of(), List.of("exec"), AT_ONCE), clock.instant()));
        left.add(worker);
        while (left.size() > 1) {
            var gone = await(workers.stop(left.getFirst(), clock.instant()));
            left.removeFirst();
        }
        Instant beaten = clock.instant();
        while (!stopping) {
            if (clock.instant().isAfter(beaten.plus(HEARTBEAT))) {
                beaten = clock.instant();
                var pulse = await(workers.heartbeat(worker, beaten));
            }
            List<Taken> taken =
                    await(jobs.take(worker, AT_ONCE, clock.instant())).jobs();
            if (taken.isEmpty()) {
                Signals.pause(BETWEEN_LOOKS);
            } else {
                var done = await(Multi.createFrom()
                        .iterable(taken)
                        .onItem()
                        .transformToUni(one -> complete(one.assignment()))
                        .merge(WRITERS)
                        .collect()
                        .last());
            }
        }
    }

    private Uni<Optional<Completed>> complete(Assignment assignment) {
        String workspace = assignment.workspaceId().toString();
        JobOutcome done = new JobOutcome.Succeeded(Map.of("workspace", workspace));
        return Uni.createFrom().deferred(() -> {
            long called = recorder.now();
            return ends.complete(assignment.lease(), done, clock.instant())
                    .invoke(completed -> completed.ifPresent(status -> record(assignment, called)));
        });
    }

    private void record(Assignment assignment, long called) {
        if (assignment.transition() == Transition.START) {
            recorder.write(new Built(assignment.workspaceId(), called, recorder.now()));
        }
    }
}
