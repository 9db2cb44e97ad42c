package dev.larder.claim;

import dev.larder.claim.ClaimReads.ClaimCounts;
import dev.larder.observe.Buckets;
import dev.larder.observe.LastRead;
import dev.larder.wakeup.Ticker;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter.MeterProvider;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.function.ToDoubleFunction;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Metrics of claims: their ends, paths and times, and their present number. The present numbers are of the whole
 * deployment, in every process.
 */
@Startup
@ApplicationScoped
class ClaimMetrics implements ClaimObserver {

    private final MeterProvider<Counter> claims;
    private final MeterProvider<Timer> durations;
    private final MeterProvider<Timer> stages;
    private final LastRead<ClaimCounts> counts;

    ClaimMetrics(
            MeterRegistry registry,
            ClaimReads reads,
            Ticker pace,
            @ConfigProperty(name = "larder.metrics.jobs-every") Duration every) {
        counts = new LastRead<>("claims", reads::claimCounts);
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
        count(registry, "held", ClaimCounts::held);
        count(registry, "waiting", ClaimCounts::waiting);
        // Registered at start, so that the first claim already is an increase.
        var warm = claims.withTags("path", "warm", "outcome", "claimed");
        var none = claims.withTags("path", "none", "outcome", "no_claimable_workspace");
        pace.keep("count claims", every, counts::renew);
    }

    private void count(MeterRegistry registry, String status, ToDoubleFunction<ClaimCounts> count) {
        var registered = Gauge.builder("larder.claims.live", () -> counts.value(count))
                .description("Claims that have not ended: with a workspace, or waiting for one")
                .tag("status", status)
                .register(registry);
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
