package dev.larder.bench;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Pool;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Larder's queue by {@link dev.larder.jobs.JobStore}, which is all that a worker in the server's process has
 * between it and the tables: 15 connections in as many loops, and one that listens. Its tables are emptied by
 * TRUNCATE, which begins new files.
 */
final class PeerLarder implements Peer {

    private static final int LOOPS = CONNECTIONS - 1;

    private final Scene scene;
    private final UUID worker;
    private final int batch;
    private @Nullable Pool pool;
    private @Nullable PgConnection listener;

    PeerLarder(Scene scene, UUID worker, int batch) {
        this.scene = scene;
        this.worker = worker;
        this.batch = batch;
    }

    @Override
    public String name() {
        return "Larder, batch " + batch;
    }

    @Override
    public String database() {
        return Base.DATABASE;
    }

    @Override
    public void load(int jobs) throws InterruptedException {
        scene.shelf.queue(scene.preset, jobs);
        pool = scene.base.pool(LOOPS);
        listener = PgConnection.connect(scene.base.vertx(), scene.base.options())
                .await()
                .indefinitely();
        var listening = listener.query("LISTEN larder_jobs").executeAndAwait();
    }

    @Override
    public void work(int jobs, Runnable begun) {
        begun.run();
        new JobLoops(opened(), worker, () -> {}).run(LOOPS, batch, ended -> ended == 0);
        long done = scene.base.number("SELECT count(*) FROM jobs WHERE status = 'succeeded'");
        if (done != jobs) {
            throw new IllegalStateException("done " + done + " of " + jobs);
        }
    }

    private Pool opened() {
        if (pool == null) {
            throw new IllegalStateException("not loaded");
        }
        return pool;
    }

    @Override
    public void rest() {
        Uni<Void> closed = listener == null ? Uni.createFrom().voidItem() : listener.close();
        closed.await().indefinitely();
        opened().closeAndAwait();
    }

    @Override
    public void close() {}
}
