package dev.larder.reconcile;

import dev.larder.model.PresetSnapshot;

/** A preset's snapshot and its plan. */
record Planned(PresetSnapshot preset, Plan plan) {

    /** The numbers for the metrics. Those of a canary are all 0: the metrics of rollouts tell of it. */
    PoolObserver.Reading reading() {
        var names = preset.identity();
        return new PoolObserver.Reading(
                preset.id(),
                new PoolObserver.Name(names.organizationName(), names.templateName(), preset.name()),
                plan.stock(),
                isHeldBy(Blocker.Backoff.class),
                isHeldBy(Blocker.HardLimited.class));
    }

    private boolean isHeldBy(Class<? extends Blocker> kind) {
        return !plan.isTrial() && plan.holds().stream().anyMatch(kind::isInstance);
    }
}
