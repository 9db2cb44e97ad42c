package dev.larder.reconcile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.reconcile.PoolObserver.Reading;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class PoolMetricsTest {

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final PoolMetrics metrics = new PoolMetrics(registry);

    @Test
    void gauges_follow_the_last_reading() {
        Reading small = reading("small", 3, 2);

        metrics.observedAll(List.of(small));
        metrics.observedSome(List.of(new Reading(small.presetId(), small.name(), pool(3, 3), true, false)));

        assertThat(value("actual", "small")).isEqualTo(3);
        assertThat(value("backoff", "small")).isEqualTo(1);
    }

    @Test
    void a_gauge_is_never_away_while_its_value_changes() {
        Reading small = reading("small", 3, 2);
        metrics.observedAll(List.of(small));
        Gauge before =
                registry.get("larder.preset.actual").tag("preset", "small").gauge();

        metrics.observedAll(List.of(new Reading(small.presetId(), small.name(), pool(3, 1), false, false)));
        metrics.observedSome(List.of(reading("large", 1, 1)));

        assertThat(registry.get("larder.preset.actual").tag("preset", "small").gauge())
                .isSameAs(before);
        assertThat(before.value()).isEqualTo(1);
        assertThat(value("actual", "large")).isEqualTo(1);
    }

    @Test
    void a_preset_that_comes_back_is_shown_as_it_is_now() {
        metrics.observedAll(List.of(reading("small", 3, 2)));
        metrics.observedAll(List.of());
        metrics.observedAll(List.of(reading("small", 3, 1)));

        assertThat(value("actual", "small")).isEqualTo(1);
    }

    @Test
    void gauges_of_a_preset_that_vanishes_vanish() {
        metrics.observedAll(List.of(reading("small", 3, 2), reading("large", 1, 1)));
        metrics.observedAll(List.of(reading("large", 1, 1)));

        assertThat(registry.find("larder.preset.desired").tag("preset", "small").gauge())
                .isNull();
        assertThat(value("desired", "large")).isEqualTo(1);
    }

    @Test
    void gauges_go_while_the_database_does_not_answer() {
        metrics.observedAll(List.of(reading("small", 3, 2)));
        metrics.observedNothing();

        assertThat(registry.find("larder.preset.desired").gauges()).isEmpty();
    }

    @Test
    void an_older_versions_preset_of_the_same_name_is_added_to_it() {
        metrics.observedAll(List.of(reading("small", 3, 2), reading("small", 0, 1)));

        assertThat(value("desired", "small")).isEqualTo(3 + 0);
        assertThat(value("actual", "small")).isEqualTo(2 + 1);
    }

    @Test
    void a_flag_is_one_however_many_versions_have_it() {
        metrics.observedAll(List.of(stopped("small"), stopped("small"), reading("small", 3, 3)));

        assertThat(value("backoff", "small")).isEqualTo(1);
        assertThat(value("hard_limited", "small")).isEqualTo(1);
    }

    private static Reading stopped(String preset) {
        return new Reading(UUID.randomUUID(), new PoolObserver.Name("acme", "db", preset), pool(0, 0), true, true);
    }

    private double value(String gauge, String preset) {
        Gauge found =
                registry.get("larder.preset." + gauge).tag("preset", preset).gauge();
        return found.value();
    }

    private static Reading reading(String preset, int desired, int actual) {
        return new Reading(
                UUID.randomUUID(), new PoolObserver.Name("acme", "db", preset), pool(desired, actual), false, false);
    }

    private static PoolState pool(int desired, int actual) {
        return new PoolState(desired, actual, 0, actual, 0, 0, 0, 0);
    }
}
