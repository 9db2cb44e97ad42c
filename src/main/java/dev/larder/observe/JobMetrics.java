package dev.larder.observe;

import dev.larder.pool.JobObserver;
import dev.larder.pool.JobStatus;
import dev.larder.pool.Transition;
import dev.larder.store.JournalStore;
import dev.larder.store.JournalStore.JobCounts;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter.MeterProvider;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.quarkus.runtime.Startup;
import io.quarkus.scheduler.Scheduled;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.function.ToLongFunction;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** How long jobs wait and run, and how many there are. The counts are of the whole deployment, in every process. */
@Startup
@ApplicationScoped
class JobMetrics implements JobObserver {

    private static final Logger LOG = Logger.getLogger(JobMetrics.class);

    private final JournalStore journal;
    private final MeterProvider<Timer> builds;
    private final MeterProvider<Timer> waits;
    private final Counter replaced;
    private volatile @Nullable JobCounts counts;

    JobMetrics(MeterRegistry registry, JournalStore journal) {
        this.journal = journal;
        builds = Timer.builder("larder.build")
                .description("Time from a job's lease to its end")
                .serviceLevelObjectives(Buckets.builds())
                .withRegistry(registry);
        waits = Timer.builder("larder.job.queue.wait")
                .description("Time from when a job could be taken to its lease")
                .serviceLevelObjectives(Buckets.builds())
                .withRegistry(registry);
        replaced = Counter.builder("larder.claim.resources.replaced")
                .description("Claim builds that replaced resources which the prebuild had")
                .register(registry);
        count(registry, "pending", JobCounts::pending);
        count(registry, "running", JobCounts::running);
        count(registry, "canceling", JobCounts::canceling);
    }

    private void count(MeterRegistry registry, String status, ToLongFunction<JobCounts> count) {
        var registered = Gauge.builder("larder.jobs", () -> valueOf(count))
                .description("Jobs that are not over")
                .tag("status", status)
                .register(registry);
    }

    private double valueOf(ToLongFunction<JobCounts> count) {
        JobCounts known = counts;
        return known == null ? Double.NaN : count.applyAsLong(known);
    }

    @Override
    public void leased(Transition transition, Duration waited) {
        waits.withTags("transition", transition.word()).record(waited);
    }

    @Override
    public void finished(Transition transition, JobStatus status, Duration took) {
        builds.withTags("transition", transition.word(), "status", status.word())
                .record(took);
    }

    @Override
    public void replaced() {
        replaced.increment();
    }

    /** An old count would mislead, so it is unknown while the database does not answer. */
    @Scheduled(
            identity = "count-jobs",
            every = "{larder.metrics.jobs-every}",
            concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    Uni<Void> countJobs() {
        return journal.jobCounts()
                .invoke(known -> counts = known)
                .replaceWithVoid()
                .onFailure()
                .recoverWithUni(cause -> {
                    LOG.debugf(cause, "jobs not counted");
                    counts = null;
                    return Uni.createFrom().voidItem();
                });
    }
}
