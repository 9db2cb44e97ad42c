package dev.larder.bench;

import dev.larder.database.Encryption;
import dev.larder.jobs.JobStore;
import dev.larder.jobs.JobStore.Batch;
import dev.larder.jobs.JobStore.Taken;
import dev.larder.jobs.WorkerStore;
import dev.larder.lifecycle.EndBuildStore;
import dev.larder.model.Ids;
import dev.larder.model.JobOutcome;
import dev.larder.model.WorkerEntry;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** A worker that leases jobs and ends each at once, as the product does it, in as many loops as are wanted. */
final class JobLoops {

    private static final JobOutcome DONE = new JobOutcome.Succeeded(Map.of("url", "test://x"));

    private final JobStore store;
    private final EndBuildStore ends;
    private final UUID worker;
    private final Runnable ended;

    /** @param ended is run after each job that was ended */
    JobLoops(Pool pool, UUID worker, Runnable ended) {
        Encryption encryption = new Encryption(Shelf.ENCRYPTION_KEY);
        this.ends = new EndBuildStore(pool, encryption, new Ids(InstantSource.system()));
        this.store = new JobStore(pool, encryption, ends);
        this.worker = worker;
        this.ended = ended;
    }

    /** A worker that any job of the shelf's fits. */
    static UUID register(Pool pool) {
        return new WorkerStore(pool, new Ids(InstantSource.system()))
                .register(
                        new WorkerEntry("bench", Map.of(), List.of("exec"), 1_000_000),
                        InstantSource.system().instant())
                .await()
                .indefinitely();
    }

    /**
     * Returns when every loop has made its last turn.
     *
     * @param last whether a turn that ended so many jobs is its loop's last
     */
    void run(int loops, int batch, IntPredicate last) {
        List<Uni<Void>> all = IntStream.range(0, loops)
                .mapToObj(loop -> Uni.createFrom()
                        .deferred(() -> turn(batch))
                        .repeat()
                        .until(last::test)
                        .collect()
                        .last()
                        .replaceWithVoid())
                .toList();
        var done = Uni.join().all(all).andFailFast().await().indefinitely();
    }

    private Uni<Integer> turn(int batch) {
        return store.take(worker, batch, InstantSource.system().instant())
                .map(Batch::jobs)
                .chain(this::endAll);
    }

    private Uni<Integer> endAll(List<Taken> taken) {
        if (taken.isEmpty()) {
            return Uni.createFrom().item(0);
        }
        List<Uni<Boolean>> all = taken.stream().map(this::end).toList();
        return Uni.join().all(all).andFailFast().map(List::size);
    }

    private Uni<Boolean> end(Taken taken) {
        return ends.complete(
                        taken.assignment().lease(), DONE, InstantSource.system().instant())
                .map(Optional::isPresent)
                .invoke(ended);
    }
}
