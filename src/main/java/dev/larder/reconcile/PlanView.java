package dev.larder.reconcile;

import dev.larder.model.PresetSnapshot;
import java.time.Instant;

/** What a cycle would do at an instant, without doing it. */
record PlanView(Instant at, PoolView pool) {

    static PlanView of(PresetSnapshot preset, Plan plan) {
        return new PlanView(plan.at(), PoolView.of(preset, plan));
    }
}
