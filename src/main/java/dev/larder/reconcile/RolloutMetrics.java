package dev.larder.reconcile;

import dev.larder.model.RolloutState;
import dev.larder.reconcile.RolloutReads.Open;
import dev.larder.wakeup.Ticker;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Startup;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Open rollouts of the whole deployment, by state; every process has the same. Steps that cycles take are among the
 * actions of {@link CycleMetrics}.
 */
@Startup
@ApplicationScoped
class RolloutMetrics {

    private static final Logger LOG = Logger.getLogger(RolloutMetrics.class);

    private final RolloutReads reads;
    private final InstantSource clock;
    private volatile @Nullable Map<RolloutState, Open> open;

    RolloutMetrics(
            MeterRegistry registry,
            RolloutReads reads,
            InstantSource clock,
            Ticker pace,
            @ConfigProperty(name = "larder.metrics.jobs-every") Duration every) {
        this.reads = reads;
        this.clock = clock;
        Stream.of(RolloutState.values()).filter(state -> !state.ended()).forEach(state -> register(registry, state));
        pace.keep("count rollouts", every, this::count);
    }

    private void register(MeterRegistry registry, RolloutState state) {
        var count = Gauge.builder("larder.rollouts.open", () -> value(state, Open::count))
                .description("Rollouts that have not ended")
                .tag("state", state.word())
                .register(registry);
        var age = Gauge.builder("larder.rollouts.oldest.age", () -> value(state, this::age))
                .description("Time since the oldest state of an open rollout began; 0 where there is none")
                .baseUnit("seconds")
                .tag("state", state.word())
                .register(registry);
        if (state != RolloutState.HELD) {
            var overdue = Gauge.builder("larder.rollouts.overdue", () -> value(state, Open::overdue))
                    .description("Rollouts that are past the deadline of their state, and in no pause of any level")
                    .tag("state", state.word())
                    .register(registry);
        }
    }

    private double age(Open one) {
        return Math.max(
                0, Duration.between(one.oldestPhaseAt(), clock.instant()).toMillis() / 1e3);
    }

    /** NaN while the counts are unknown. */
    private double value(RolloutState state, ToDoubleFunction<Open> value) {
        Map<RolloutState, Open> known = open;
        if (known == null) {
            return Double.NaN;
        }
        Open one = known.get(state);
        return one == null ? 0 : value.applyAsDouble(one);
    }

    /** While the database does not answer the counts are unknown: old ones would mislead. */
    Uni<Void> count() {
        return reads.open(clock.instant())
                .invoke(known -> open = known)
                .replaceWithVoid()
                .onFailure()
                .recoverWithUni(this::unknown);
    }

    private Uni<Void> unknown(Throwable cause) {
        LOG.debugf(cause, "rollouts not counted");
        open = null;
        return Uni.createFrom().voidItem();
    }
}
