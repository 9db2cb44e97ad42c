package dev.larder.drift;

import dev.larder.model.Assignment;
import dev.larder.wakeup.Ticker;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter.MeterProvider;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Startup;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/** Metrics of checks: how many this process has begun, and how many are open in the whole deployment. */
@Startup
@ApplicationScoped
class DriftMetrics {

    private static final Logger LOG = Logger.getLogger(DriftMetrics.class);

    private final MeterProvider<Counter> begun;
    private final DriftReads reads;
    private volatile double open = Double.NaN;

    DriftMetrics(
            MeterRegistry registry,
            DriftReads reads,
            Ticker ticker,
            @ConfigProperty(name = "larder.metrics.jobs-every") Duration every) {
        this.reads = reads;
        begun = Counter.builder("larder.drift.checks")
                .description("Checks of workspaces begun: drift checks, refreshes and changesets")
                .withRegistry(registry);
        var registered = Gauge.builder("larder.drift.checks.open", () -> open)
                .description("Workspaces that are checked now, and cannot be claimed meanwhile")
                .register(registry);
        // Registered at start, so that the first check already is an increase.
        Assignment.CHECKS.forEach(check -> begun.withTags("check", check, "by", "request"));
        ticker.keep("count checks", every, this::countOpen);
    }

    void begunOnRequest(String check) {
        begun.withTags("check", check, "by", "request").increment();
    }

    void begunBySchedule(String check, int count) {
        begun.withTags("check", check, "by", "schedule").increment(count);
    }

    /** Unknown while the database does not answer: an old number would mislead. */
    Uni<Void> countOpen() {
        return reads.open()
                .invoke(known -> open = known)
                .replaceWithVoid()
                .onFailure()
                .recoverWithUni(cause -> {
                    LOG.debugf(cause, "checks not counted");
                    open = Double.NaN;
                    return Uni.createFrom().voidItem();
                });
    }
}
