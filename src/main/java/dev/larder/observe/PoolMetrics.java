package dev.larder.observe;

import dev.larder.pool.PoolObserver;
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
import java.util.function.ToIntFunction;

/**
 * Gauges of each preset, as the last cycle of this process saw it. A preset that vanishes takes its gauges with it, and
 * so does the reconciler's lock when another process has it: of all processes only one shows a preset.
 */
@Startup
@ApplicationScoped
class PoolMetrics implements PoolObserver {

    private record Name(String organization, String template, String preset) {}

    private record Gauge(MultiGauge gauge, ToIntFunction<Reading> value) {}

    private final Map<UUID, Reading> readings = new HashMap<>();
    private final List<Gauge> gauges;

    PoolMetrics(MeterRegistry registry) {
        gauges = List.of(
                gauge(registry, "desired", "Prebuilds wanted now", Reading::desired),
                gauge(registry, "actual", "Prebuilds running, expired ones included", Reading::actual),
                gauge(registry, "eligible", "Prebuilds that a claim may take", Reading::eligible),
                gauge(registry, "starting", "Prebuilds being built", Reading::starting),
                gauge(registry, "expired", "Prebuilds running but too old", Reading::expired),
                gauge(registry, "backoff", "1 while creation is put off after failures", r -> r.backoff() ? 1 : 0),
                gauge(
                        registry,
                        "hard_limited",
                        "1 while creation has stopped for good after failures",
                        r -> r.hardLimited() ? 1 : 0));
    }

    private static Gauge gauge(MeterRegistry registry, String name, String says, ToIntFunction<Reading> value) {
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
    public synchronized void observedElsewhere() {
        if (!readings.isEmpty()) {
            readings.clear();
            show();
        }
    }

    private void show() {
        Map<Name, List<Reading>> byName = new HashMap<>();
        readings.values()
                .forEach(reading -> byName.computeIfAbsent(name(reading), unseen -> new ArrayList<>())
                        .add(reading));
        gauges.forEach(gauge -> gauge.gauge()
                .register(
                        byName.entrySet().stream()
                                .map(named -> row(named.getKey(), named.getValue(), gauge.value()))
                                .toList(),
                        true));
    }

    private static Name name(Reading reading) {
        return new Name(reading.organization(), reading.template(), reading.preset());
    }

    // Presets of an older version keep their name while their last prebuilds go: one series shows the sum of them.
    private static MultiGauge.Row<?> row(Name name, List<Reading> same, ToIntFunction<Reading> value) {
        Tags tags = Tags.of("organization", name.organization(), "template", name.template(), "preset", name.preset());
        return MultiGauge.Row.of(tags, same.stream().mapToInt(value).sum());
    }
}
