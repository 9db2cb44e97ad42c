package dev.larder.reconcile;

import java.time.Instant;

/** What a cycle would do at an instant, without doing it. */
record PlanView(Instant at, PoolView pool) {

    static PlanView of(Planned planned, LinePlan line) {
        return new PlanView(planned.plan().at(), PoolView.of(planned, line));
    }
}
