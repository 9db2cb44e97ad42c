package dev.larder.bench;

import com.zaxxer.hikari.HikariDataSource;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.jobrunr.configuration.JobRunr;
import org.jobrunr.configuration.JobRunrConfiguration.JobRunrConfigurationResult;
import org.jobrunr.jobs.lambdas.JobRequest;
import org.jobrunr.jobs.lambdas.JobRequestHandler;
import org.jobrunr.server.BackgroundJobServerConfiguration;
import org.jobrunr.storage.sql.postgres.PostgresStorageProvider;
import org.jspecify.annotations.Nullable;

/** JobRunr, its free edition, with HikariCP and 16 workers; all else as it is by default. */
final class PeerJobRunr implements Peer {

    // Jobs are made by the library, by reflection: there is no other way to them.
    private static final AtomicReference<PeerBase.@Nullable Handled> HANDLED = new AtomicReference<>();

    private final PeerBase base;
    private @Nullable HikariDataSource source;
    private @Nullable JobRunrConfigurationResult running;

    PeerJobRunr(PeerBase base) {
        this.base = base;
    }

    /** What does nothing. */
    public record Noop(UUID id, String payload) implements JobRequest {

        @Override
        public Class<NoopHandler> getJobRequestHandler() {
            return NoopHandler.class;
        }
    }

    /** Does it. */
    public static final class NoopHandler implements JobRequestHandler<Noop> {

        @Override
        public void run(Noop noop) {
            PeerBase.Handled handled = HANDLED.get();
            if (handled != null) {
                handled.one();
            }
        }
    }

    @Override
    public String name() {
        return "JobRunr";
    }

    @Override
    public String database() {
        return PeerBase.DATABASE;
    }

    @Override
    public void load(int jobs) throws InterruptedException {
        base.fresh();
        String payload = "x".repeat(PAYLOAD_CHARACTERS);
        try (HikariDataSource filling = base.dataSource()) {
            configured(filling)
                    .getJobRequestScheduler()
                    .enqueue(IntStream.range(0, jobs).mapToObj(job -> new Noop(UUID.randomUUID(), payload)));
            var filled = JobRunr.destroy();
        }
        base.settle();
        source = base.dataSource();
        running = configured(source);
    }

    private static JobRunrConfigurationResult configured(HikariDataSource on) {
        return JobRunr.configure()
                .useStorageProvider(new PostgresStorageProvider(on))
                .useBackgroundJobServer(
                        BackgroundJobServerConfiguration.usingStandardBackgroundJobServerConfiguration()
                                .andWorkerCount(CONNECTIONS),
                        false)
                .initialize();
    }

    @Override
    public void work(int jobs, Runnable begun) throws InterruptedException {
        if (running == null) {
            throw new IllegalStateException("not loaded");
        }
        PeerBase.Handled counting = new PeerBase.Handled(jobs, begun);
        HANDLED.set(counting);
        running.getBackgroundJobServer().start();
        counting.awaitAll();
        base.await("SELECT count(*) = " + jobs + " FROM jobrunr_jobs WHERE state = 'SUCCEEDED'");
    }

    @Override
    public void rest() {
        var ended = JobRunr.destroy();
        if (source != null) {
            source.close();
        }
    }

    @Override
    public void close() {}
}
