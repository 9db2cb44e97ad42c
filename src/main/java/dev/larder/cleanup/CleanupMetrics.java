package dev.larder.cleanup;

import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import dev.larder.wakeup.Ticker;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter.MeterProvider;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Startup;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** How old the oldest rows are, and whether clean-up keeps up. The ages are the deployment's, in every process. */
@Startup
@ApplicationScoped
class CleanupMetrics implements CleanupObserver {

    private static final Logger LOG = Logger.getLogger(CleanupMetrics.class);

    private final OperationStore store;
    private final CleanupSettings settings;
    private final InstantSource clock;
    private final MeterProvider<Counter> removed;
    private final Map<String, Double> ages = new ConcurrentHashMap<>();
    private volatile @Nullable Map<String, Instant> completed;

    CleanupMetrics(
            MeterRegistry registry,
            OperationStore store,
            CleanupSettings settings,
            InstantSource clock,
            Ticker pace,
            @ConfigProperty(name = "larder.metrics.cleanup-every", defaultValue = "1m") Duration every) {
        this.store = store;
        this.settings = settings;
        this.clock = clock;
        removed = Counter.builder("larder.cleanup.rows.removed")
                .description("Rows that clean-up has removed")
                .withRegistry(registry);
        settings.types().forEach(type -> register(registry, type));
        pace.keep("ages of rows", every, this::look);
    }

    private void register(MeterRegistry registry, CleanupType type) {
        // A rate needs a first value to count from.
        removed(type.name(), 0);
        String table = type.tables().isEmpty() ? type.name() : type.tables().getFirst();
        var oldest = Gauge.builder("larder.oldest.row.age", () -> ages.getOrDefault(type.name(), Double.NaN))
                .description("Age of the oldest row that clean-up will remove, from when it could count as over")
                .baseUnit("seconds")
                .tag("table", table)
                .register(registry);
        Retention keeps = settings.of(type);
        // A table that keeps its newest rows whatever their age has no bound to compare with.
        if (keeps.keepNewest() < 0 && keeps.interval().isPositive()) {
            var bound = Gauge.builder(
                            "larder.row.retention", () -> keeps.keepFor().toSeconds())
                    .description("How long clean-up keeps the rows of a table")
                    .baseUnit("seconds")
                    .tag("table", table)
                    .register(registry);
        }
        if (keeps.interval().isPositive()) {
            var last = Gauge.builder("larder.cleanup.completed.age", () -> sinceCompleted(type.name()))
                    .description("Time since an operation of the type completed; unknown before the first one")
                    .baseUnit("seconds")
                    .tag("type", type.name())
                    .register(registry);
        }
    }

    private double sinceCompleted(String type) {
        Map<String, Instant> known = completed;
        Instant last = known == null ? null : known.get(type);
        return last == null ? Double.NaN : seconds(last, clock.instant());
    }

    private static double seconds(Instant from, Instant to) {
        return Math.max(0, Duration.between(from, to).toMillis() / 1000.0);
    }

    @Override
    public void removed(String type, long rows) {
        removed.withTags("type", type).increment(rows);
    }

    /** An old age would mislead, so it is unknown while the database does not answer. */
    Uni<Void> look() {
        return Multi.createFrom()
                .iterable(settings.types())
                .onItem()
                .transformToUniAndConcatenate(this::look)
                .onItem()
                .ignoreAsUni()
                .chain(store::lastCompleted)
                .invoke(known -> completed = known)
                .replaceWithVoid()
                .onFailure()
                .recoverWithUni(this::unknown);
    }

    private Uni<Void> look(CleanupType type) {
        return store.oldest(type).invoke(at -> ages.put(type.name(), age(at))).replaceWithVoid();
    }

    private double age(Optional<Instant> oldest) {
        return oldest.map(at -> seconds(at, clock.instant())).orElse(0.0);
    }

    private Uni<Void> unknown(Throwable cause) {
        LOG.debugf(cause, "ages of rows not read");
        ages.clear();
        completed = null;
        return Uni.createFrom().voidItem();
    }
}
