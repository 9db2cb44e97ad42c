package dev.larder.reconcile;

import dev.larder.observe.Buckets;
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
import java.util.Locale;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Metrics of cycles: their times and actions in this process, and the time since a cycle last finished in any
 * process. The latter is the same everywhere, so an alert notices a reconciler that has stopped.
 */
@Startup
@ApplicationScoped
class CycleMetrics implements CycleObserver {

    private static final Logger LOG = Logger.getLogger(CycleMetrics.class);

    private final SnapshotStore snapshots;
    private final InstantSource clock;
    private final MeterProvider<Timer> cycles;
    private final MeterProvider<Counter> actions;
    private volatile @Nullable Instant lastFinished;

    CycleMetrics(
            MeterRegistry registry,
            SnapshotStore snapshots,
            InstantSource clock,
            Ticker pace,
            @ConfigProperty(name = "larder.metrics.jobs-every") Duration every) {
        this.snapshots = snapshots;
        this.clock = clock;
        cycles = Timer.builder("larder.reconcile")
                .description("Time of a cycle, by how it ended")
                .serviceLevelObjectives(Buckets.millis(5, 10, 50, 100, 500, 1000, 5000, 30_000))
                .withRegistry(registry);
        actions = Counter.builder("larder.reconcile.actions")
                .description("Workspaces and presets that cycles touched, by action")
                .withRegistry(registry);
        var age = Gauge.builder("larder.reconcile.last.finished.age", this::age)
                .description("Time since a cycle that looked at every preset finished, in whichever process")
                .baseUnit("seconds")
                .register(registry);
        pace.keep("read when a cycle last finished", every, this::readLastFinished);
    }

    /** The last value keeps growing while the database does not answer: nothing is reconciled then. */
    private double age() {
        Instant finished = lastFinished;
        return finished == null
                ? Double.NaN
                : Math.max(0, Duration.between(finished, clock.instant()).toMillis() / 1e3);
    }

    private Uni<Void> readLastFinished() {
        return snapshots
                .lastFinishedAt()
                .invoke(finished -> lastFinished = finished)
                .replaceWithVoid()
                .onFailure()
                .invoke(cause -> LOG.debugf(cause, "last finished cycle not read"))
                .onFailure()
                .recoverWithNull();
    }

    @Override
    public void ended(Outcome outcome, Duration took) {
        cycles.withTags("outcome", outcome.name().toLowerCase(Locale.ROOT)).record(took);
    }

    @Override
    public void acted(String action, int count) {
        actions.withTags("action", action).increment(count);
    }
}
