package dev.larder.reconcile;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.function.ToIntFunction;

/**
 * Gauges of each preset, as this process last read it, in a cycle or for the metrics. All processes show the same.
 * A preset that no longer exists loses its gauges. While the database does not answer there are none.
 */
@Startup
@ApplicationScoped
class PoolMetrics implements PoolObserver {

    private record Gauge(MultiGauge gauge, ToIntFunction<List<Reading>> value) {}

    /**
     * The presets of one name. Those of an older version keep their name while a rollout replaces their prebuilds, or
     * the last ones are deleted: one series shows the sum.
     */
    private static final class Shown {

        private volatile List<Reading> same = List.of();

        int value(ToIntFunction<List<Reading>> value) {
            return value.applyAsInt(same);
        }
    }

    private final Map<Name, Shown> shown = new HashMap<>();
    private final Map<UUID, Reading> readings = new HashMap<>();
    private final List<Gauge> gauges;

    PoolMetrics(MeterRegistry registry) {
        gauges = List.of(
                gauge(registry, "desired", "Prebuilds wanted now", sum(PoolState::desired)),
                gauge(registry, "actual", "Prebuilds running, expired ones included", sum(PoolState::actual)),
                gauge(registry, "eligible", "Prebuilds that a claim may take", sum(PoolState::eligible)),
                gauge(registry, "starting", "Prebuilds being built", sum(PoolState::starting)),
                gauge(registry, "expired", "Prebuilds running but too old", sum(PoolState::expired)),
                gauge(registry, "backoff", "1 while creation is put off after failures", any(Reading::backoff)),
                gauge(
                        registry,
                        "hard_limited",
                        "1 while creation has stopped for good after failures",
                        any(Reading::hardLimited)));
    }

    private static ToIntFunction<List<Reading>> sum(ToIntFunction<PoolState> count) {
        return same -> same.stream()
                .mapToInt(reading -> count.applyAsInt(reading.pool()))
                .sum();
    }

    /** 1, however many of the versions it is true of. */
    private static ToIntFunction<List<Reading>> any(Predicate<Reading> flag) {
        return same -> same.stream().anyMatch(flag) ? 1 : 0;
    }

    private static Gauge gauge(MeterRegistry registry, String name, String says, ToIntFunction<List<Reading>> value) {
        return new Gauge(
                MultiGauge.builder("larder.preset." + name).description(says).register(registry), value);
    }

    @Override
    public synchronized void observedAll(List<Reading> all) {
        readings.clear();
        observedSome(all);
    }

    @Override
    public synchronized void observedSome(List<Reading> some) {
        some.forEach(reading -> readings.put(reading.presetId(), reading));
        show();
    }

    @Override
    public synchronized void observedNothing() {
        if (!readings.isEmpty()) {
            readings.clear();
            show();
        }
    }

    private void show() {
        Map<Name, List<Reading>> byName = new HashMap<>();
        readings.values()
                .forEach(reading -> byName.computeIfAbsent(reading.name(), unseen -> new ArrayList<>())
                        .add(reading));
        boolean others = !shown.keySet().equals(byName.keySet());
        shown.keySet().retainAll(byName.keySet());
        byName.forEach((name, same) -> shown.computeIfAbsent(name, unseen -> new Shown()).same = same);
        if (others) {
            gauges.forEach(this::register);
        }
    }

    /** Only if names were added or removed: a gauge that is registered again is missing for a moment. */
    private void register(Gauge gauge) {
        gauge.gauge()
                .register(
                        shown.entrySet().stream()
                                .map(named -> row(named.getKey(), named.getValue(), gauge.value()))
                                .toList(),
                        false);
    }

    private static MultiGauge.Row<?> row(Name name, Shown shown, ToIntFunction<List<Reading>> value) {
        Tags tags = Tags.of("organization", name.organization(), "template", name.template(), "preset", name.preset());
        return MultiGauge.Row.of(tags, shown, now -> now.value(value));
    }
}
