package dev.larder.jobs;

import static java.util.function.Function.identity;
import static java.util.stream.Collectors.toUnmodifiableMap;

import dev.larder.jobs.QueueReads.Ages;
import dev.larder.jobs.QueueReads.Capacity;
import dev.larder.model.JobStatus;
import dev.larder.model.Transition;
import dev.larder.observe.Buckets;
import dev.larder.observe.LastRead;
import dev.larder.wakeup.Ticker;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter.MeterProvider;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.quarkus.runtime.Startup;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** How long jobs wait and run, and how many there are. The counts are of the whole deployment, in every process. */
@Startup
@ApplicationScoped
class JobMetrics implements JobObserver {

    private static final List<String> STATUSES = List.of("pending", "running", "canceling");

    private record Known(Map<String, Ages> ages, Capacity capacity) {}

    private final QueueReads queue;
    private final InstantSource clock;
    private final MeterProvider<Timer> builds;
    private final MeterProvider<Timer> waits;
    private final Counter replaced;
    private final LastRead<Known> last = new LastRead<>("jobs", this::read);

    JobMetrics(
            MeterRegistry registry,
            QueueReads queue,
            InstantSource clock,
            Ticker pace,
            @ConfigProperty(name = "larder.metrics.jobs-every") Duration every) {
        this.queue = queue;
        this.clock = clock;
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
        STATUSES.forEach(status -> register(registry, status));
        register(registry, "larder.workers", "Workers heard of in the last minute", Capacity::workers);
        register(registry, "larder.worker.slots", "How many jobs they can work on at once", Capacity::slots);
        register(registry, "larder.places.held", "Places in trouble, where nothing is built", Capacity::heldPlaces);
        register(
                registry,
                "larder.jobs.unserved",
                "Kinds of jobs that wait and that no worker takes",
                Capacity::unserved);
        pace.keep("count jobs", every, last::renew);
    }

    private void register(MeterRegistry registry, String status) {
        var jobs = Gauge.builder("larder.jobs", () -> valueOf(status, Ages::jobs))
                .description("Jobs that are not over")
                .tag("status", status)
                .register(registry);
        var oldest = Gauge.builder("larder.jobs.oldest", () -> valueOf(status, Ages::oldestSeconds))
                .description("For how long the oldest job is in this state")
                .baseUnit("seconds")
                .tag("status", status)
                .register(registry);
        older(registry, status, "1m", Ages::over1m);
        older(registry, status, "10m", Ages::over10m);
        older(registry, status, "1h", Ages::over1h);
    }

    private void older(MeterRegistry registry, String status, String than, ToDoubleFunction<Ages> count) {
        var older = Gauge.builder("larder.jobs.older", () -> valueOf(status, count))
                .description("Jobs that are in this state for longer than that")
                .tag("status", status)
                .tag("than", than)
                .register(registry);
    }

    private void register(MeterRegistry registry, String name, String says, ToDoubleFunction<Capacity> count) {
        var registered = Gauge.builder(name, () -> last.value(known -> count.applyAsDouble(known.capacity())))
                .description(says)
                .register(registry);
    }

    /** 0 of a state in which there are none. */
    private double valueOf(String status, ToDoubleFunction<Ages> value) {
        return last.value(known -> {
            Ages its = known.ages().get(status);
            return its == null ? 0 : value.applyAsDouble(its);
        });
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

    private Uni<Known> read() {
        return Uni.createFrom().item(clock::instant).chain(this::readAt);
    }

    private Uni<Known> readAt(Instant now) {
        return queue.ages(now)
                .map(ages -> ages.stream().collect(toUnmodifiableMap(Ages::status, identity())))
                .chain(ages -> queue.capacity(now).map(capacity -> new Known(ages, capacity)));
    }
}
