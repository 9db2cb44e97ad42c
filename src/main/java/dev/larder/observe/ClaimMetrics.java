package dev.larder.observe;

import dev.larder.pool.ClaimObserver;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Meter.MeterProvider;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;

/** How many claims ended how, by which path, and how long they took. */
@Startup
@ApplicationScoped
class ClaimMetrics implements ClaimObserver {

    private final MeterProvider<Counter> claims;
    private final MeterProvider<Timer> durations;
    private final MeterProvider<Timer> stages;

    ClaimMetrics(MeterRegistry registry) {
        claims = Counter.builder("larder.claims")
                .description("Claims answered, by path and outcome")
                .withRegistry(registry);
        durations = Timer.builder("larder.claim")
                .description("Time from a claim's request to its commit")
                .serviceLevelObjectives(Buckets.millis(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 30_000))
                .withRegistry(registry);
        stages = Timer.builder("larder.claim.stage")
                .description("Stages of claims from stock: queued until the statement, picked until the commit")
                .serviceLevelObjectives(Buckets.millis(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000))
                .withRegistry(registry);
        // There from the start, so that the first claim already is an increase.
        var warm = claims.withTags("path", "warm", "outcome", "claimed");
        var none = claims.withTags("path", "none", "outcome", "no_claimable_workspace");
    }

    @Override
    public void answered(String path, String outcome, Duration took) {
        claims.withTags("path", path, "outcome", outcome).increment();
        durations.withTags("path", path).record(took);
    }

    @Override
    public void took(Duration queued, Duration picked) {
        stages.withTags("stage", "queued").record(queued);
        stages.withTags("stage", "picked").record(picked);
    }
}
