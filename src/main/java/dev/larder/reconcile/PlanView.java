package dev.larder.reconcile;

import dev.larder.model.Forecast;
import java.time.Instant;

/**
 * What a cycle would do at an instant, without doing it.
 *
 * @param forecast what that cycle and the ones after it do to all presets of the line
 */
record PlanView(Instant at, PoolView pool, Forecast forecast) {

    static PlanView of(Planned planned, LinePlan line, Forecast forecast) {
        return new PlanView(planned.plan().at(), PoolView.of(planned, line), forecast);
    }
}
