package dev.larder.observe;

import dev.larder.pool.CycleObserver;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Meter.MeterProvider;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.Locale;

/** How long the reconciler's cycles take and what they do. */
@Startup
@ApplicationScoped
class CycleMetrics implements CycleObserver {

    private final MeterProvider<Timer> cycles;
    private final MeterProvider<Counter> actions;

    CycleMetrics(MeterRegistry registry) {
        cycles = Timer.builder("larder.reconcile")
                .description("Time of a cycle, by how it ended")
                .serviceLevelObjectives(Buckets.millis(5, 10, 50, 100, 500, 1000, 5000, 30_000))
                .withRegistry(registry);
        actions = Counter.builder("larder.reconcile.actions")
                .description("Workspaces and presets that cycles touched, by action")
                .withRegistry(registry);
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
