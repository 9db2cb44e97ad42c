package dev.larder.observe;

import dev.larder.database.DatabaseClock;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;

/** The skew of this host's clock. Nothing depends on it (decision 0023), but the logs have its times. */
@Startup
@ApplicationScoped
class ClockMetrics {

    ClockMetrics(MeterRegistry registry, DatabaseClock time) {
        var skew = Gauge.builder("larder.clock.skew", time, ClockMetrics::seconds)
                .description("How far this process's own clock is ahead of the database's; negative where it is behind")
                .baseUnit("seconds")
                .register(registry);
    }

    private static double seconds(DatabaseClock time) {
        return time.isRead() ? time.skew().toNanos() / 1e9 : Double.NaN;
    }
}
