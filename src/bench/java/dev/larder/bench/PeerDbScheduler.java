package dev.larder.bench;

import com.github.kagkarlsson.scheduler.Scheduler;
import com.github.kagkarlsson.scheduler.SchedulerBuilder;
import com.github.kagkarlsson.scheduler.task.TaskInstance;
import com.github.kagkarlsson.scheduler.task.helper.OneTimeTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import com.zaxxer.hikari.HikariDataSource;
import java.time.Instant;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * db-scheduler with HikariCP, 16 threads; either with its defaults or with the polling that its documentation calls
 * faster.
 */
final class PeerDbScheduler implements Peer {

    // The table as its documentation wants it on PostgreSQL.
    private static final String[] TABLE = {
        """
            CREATE TABLE scheduled_tasks (
                task_name text NOT NULL, task_instance text NOT NULL, task_data bytea, execution_time timestamptz NOT NULL,
                picked boolean NOT NULL, picked_by text, last_success timestamptz, last_failure timestamptz,
                consecutive_failures integer, last_heartbeat timestamptz, version bigint NOT NULL, priority smallint,
                PRIMARY KEY (task_name, task_instance))""",
        "CREATE INDEX execution_time_idx ON scheduled_tasks (execution_time)",
        "CREATE INDEX last_heartbeat_idx ON scheduled_tasks (last_heartbeat)",
        "CREATE INDEX priority_execution_time_idx ON scheduled_tasks (priority DESC, execution_time)"
    };

    private final PeerBase base;
    private final String name;
    private final UnaryOperator<SchedulerBuilder> settings;
    private final OneTimeTask<String> task = Tasks.oneTime("noop", String.class)
            .execute((instance, context) -> handled().one());
    private volatile PeerBase.@Nullable Handled handled;
    private @Nullable HikariDataSource source;
    private @Nullable Scheduler scheduler;

    private PeerDbScheduler(PeerBase base, String name, UnaryOperator<SchedulerBuilder> settings) {
        this.base = base;
        this.name = name;
        this.settings = settings;
    }

    static Peer byDefault(PeerBase base) {
        return new PeerDbScheduler(base, "db-scheduler, defaults", builder -> builder);
    }

    static Peer lockAndFetch(PeerBase base) {
        return new PeerDbScheduler(
                base, "db-scheduler, lock-and-fetch", builder -> builder.pollUsingLockAndFetch(4.0, 20.0));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String database() {
        return PeerBase.DATABASE;
    }

    private PeerBase.Handled handled() {
        return present(handled);
    }

    private static <T> T present(@Nullable T wanted) {
        if (wanted == null) {
            throw new IllegalStateException("not loaded");
        }
        return wanted;
    }

    @Override
    public void load(int jobs) throws InterruptedException {
        base.fresh();
        base.run(TABLE);
        String payload = "x".repeat(PAYLOAD_CHARACTERS);
        try (HikariDataSource filling = base.dataSource()) {
            Stream<TaskInstance<?>> instances =
                    IntStream.range(0, jobs).mapToObj(job -> task.instance("job-" + job, payload));
            scheduler(filling).scheduleBatch(instances, Instant.now());
        }
        base.settle();
        source = base.dataSource();
        scheduler = scheduler(present(source));
    }

    private Scheduler scheduler(HikariDataSource on) {
        return settings.apply(Scheduler.create(on, task).threads(CONNECTIONS)).build();
    }

    @Override
    public void work(int jobs, Runnable begun) throws InterruptedException {
        PeerBase.Handled counting = new PeerBase.Handled(jobs, begun);
        handled = counting;
        present(scheduler).start();
        counting.awaitAll();
        base.await("SELECT NOT EXISTS (SELECT FROM scheduled_tasks)");
    }

    @Override
    public void rest() {
        present(scheduler).stop();
        present(source).close();
    }

    @Override
    public void close() {}
}
