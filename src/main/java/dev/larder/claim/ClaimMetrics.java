package dev.larder.claim;

import dev.larder.claim.ClaimReads.ClaimCounts;
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
import java.util.function.ToLongFunction;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Metrics of claims: their ends, paths and times, and their present number. The present numbers are of the whole
 * deployment, in every process.
 */
@Startup
@ApplicationScoped
class ClaimMetrics implements ClaimObserver {

    private static final Logger LOG = Logger.getLogger(ClaimMetrics.class);

    private final MeterProvider<Counter> claims;
    private final MeterProvider<Timer> durations;
    private final MeterProvider<Timer> stages;
    private final ClaimReads reads;
    private volatile @Nullable ClaimCounts counts;

    ClaimMetrics(
            MeterRegistry registry,
            ClaimReads reads,
            Ticker pace,
            @ConfigProperty(name = "larder.metrics.jobs-every") Duration every) {
        this.reads = reads;
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
        pace.keep("count claims", every, this::countClaims);
    }

    private void count(MeterRegistry registry, String status, ToLongFunction<ClaimCounts> count) {
        var registered = Gauge.builder("larder.claims.live", () -> valueOf(count))
                .description("Claims that have not ended: with a workspace, or waiting for one")
                .tag("status", status)
                .register(registry);
    }

    private double valueOf(ToLongFunction<ClaimCounts> count) {
        ClaimCounts known = counts;
        return known == null ? Double.NaN : count.applyAsLong(known);
    }

    /** Unknown while the database does not answer: an old number would mislead. */
    Uni<Void> countClaims() {
        return reads.claimCounts()
                .invoke(known -> counts = known)
                .replaceWithVoid()
                .onFailure()
                .recoverWithUni(cause -> {
                    LOG.debugf(cause, "claims not counted");
                    counts = null;
                    return Uni.createFrom().voidItem();
                });
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
