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

/** What exists and what should, of the whole deployment, in every process. */
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
                                "What exists of workspaces, by who owns it; missing: somebody's that should and does not")
                        .tag("backend", backend)
                        .tag("state", state)
                        .register(registry);
            }
            var suspicious = Gauge.builder("larder.inventory.suspicious", () -> value(backend, "suspicious"))
                    .description("Places of which so much is missing that it is not believed")
                    .tag("backend", backend)
                    .register(registry);
        }
        pace.keep("count inventory", every, this::countInventory);
    }

    /** Unknown where nothing is known, 0 of what there is none. */
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

    /** An old count would mislead, so it is unknown while the database does not answer. */
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
