package dev.larder.drift;

import dev.larder.model.Assignment;
import dev.larder.observe.LastRead;
import dev.larder.wakeup.Ticker;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter.MeterProvider;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Metrics of checks: how many this process has begun, and how many are open in the whole deployment. */
@Startup
@ApplicationScoped
class DriftMetrics {

    private final MeterProvider<Counter> begun;

    DriftMetrics(
            MeterRegistry registry,
            DriftReads reads,
            Ticker ticker,
            @ConfigProperty(name = "larder.metrics.jobs-every") Duration every) {
        LastRead<Long> open = new LastRead<>("open checks", reads::open);
        begun = Counter.builder("larder.drift.checks")
                .description("Checks of workspaces begun: drift checks, refreshes and changesets")
                .withRegistry(registry);
        var registered = Gauge.builder("larder.drift.checks.open", () -> open.value(Long::doubleValue))
                .description("Workspaces that are checked now, and cannot be claimed meanwhile")
                .register(registry);
        // Registered at start, so that the first check already is an increase.
        Assignment.CHECKS.forEach(check -> begun.withTags("check", check, "by", "request"));
        ticker.keep("count checks", every, open::renew);
    }

    void begunOnRequest(String check) {
        begun.withTags("check", check, "by", "request").increment();
    }

    void begunBySchedule(String check, int count) {
        begun.withTags("check", check, "by", "schedule").increment(count);
    }
}
