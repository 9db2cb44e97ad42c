package dev.larder.inventory;

import dev.larder.inventory.InventoryReads.Count;
import dev.larder.observe.LastRead;
import dev.larder.wakeup.Ticker;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.List;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Gauges of the inventory of the whole deployment; every process has them. */
@Startup
@ApplicationScoped
class InventoryMetrics {

    private static final List<String> BACKENDS = List.of("exec", "postgres");

    InventoryMetrics(
            MeterRegistry registry,
            InventoryReads inventory,
            Ticker pace,
            @ConfigProperty(name = "larder.metrics.inventory-every") Duration every) {
        LastRead<List<Count>> counts = new LastRead<>("inventory", inventory::counts);
        for (String backend : BACKENDS) {
            for (String state : InventoryReads.STATES) {
                var things = Gauge.builder(
                                "larder.inventory.things", () -> counts.value(known -> value(known, backend, state)))
                        .description(
                                "Things that exist where workspaces are built, by state; missing: a claimed workspace that does not exist")
                        .tag("backend", backend)
                        .tag("state", state)
                        .register(registry);
            }
            var suspicious = Gauge.builder(
                            "larder.inventory.suspicious",
                            () -> counts.value(known -> value(known, backend, "suspicious")))
                    .description("Places whose listings miss so many things that nothing is concluded from them")
                    .tag("backend", backend)
                    .register(registry);
        }
        pace.keep("count inventory", every, counts::renew);
    }

    private static double value(List<Count> counts, String backend, String state) {
        return counts.stream()
                .filter(count ->
                        count.backend().equals(backend) && count.state().equals(state))
                .mapToLong(Count::things)
                .sum();
    }
}
