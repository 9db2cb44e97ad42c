package dev.larder.inventory;

import dev.larder.inventory.InventoryReads.Count;
import dev.larder.wakeup.Ticker;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Startup;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.List;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Gauges of the inventory of the whole deployment; every process has them. */
@Startup
@ApplicationScoped
class InventoryMetrics {

    private static final Logger LOG = Logger.getLogger(InventoryMetrics.class);

    private static final List<String> BACKENDS = List.of("exec", "postgres");

    private final InventoryReads inventory;
    private volatile @Nullable List<Count> counts;

    InventoryMetrics(
            MeterRegistry registry,
            InventoryReads inventory,
            Ticker pace,
            @ConfigProperty(name = "larder.metrics.inventory-every") Duration every) {
        this.inventory = inventory;
        for (String backend : BACKENDS) {
            for (String state : InventoryReads.STATES) {
                var things = Gauge.builder("larder.inventory.things", () -> value(backend, state))
                        .description(
                                "Things that exist where workspaces are built, by state; missing: a claimed workspace that does not exist")
                        .tag("backend", backend)
                        .tag("state", state)
                        .register(registry);
            }
            var suspicious = Gauge.builder("larder.inventory.suspicious", () -> value(backend, "suspicious"))
                    .description("Places whose listings miss so many things that nothing is concluded from them")
                    .tag("backend", backend)
                    .register(registry);
        }
        pace.keep("count inventory", every, this::countInventory);
    }

    /** NaN while the counts are unknown. */
    private double value(String backend, String state) {
        List<Count> known = counts;
        return known == null
                ? Double.NaN
                : known.stream()
                        .filter(count ->
                                count.backend().equals(backend) && count.state().equals(state))
                        .mapToLong(Count::things)
                        .sum();
    }

    /** While the database does not answer the counts are unknown: old ones would mislead. */
    Uni<Void> countInventory() {
        return inventory
                .counts()
                .invoke(known -> counts = known)
                .replaceWithVoid()
                .onFailure()
                .recoverWithUni(this::unknown);
    }

    private Uni<Void> unknown(Throwable cause) {
        LOG.debugf(cause, "inventory not counted");
        counts = null;
        return Uni.createFrom().voidItem();
    }
}
