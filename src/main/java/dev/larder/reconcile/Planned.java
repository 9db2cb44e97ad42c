package dev.larder.reconcile;

import dev.larder.model.PresetSnapshot;

/** A preset's snapshot and its plan. */
record Planned(PresetSnapshot preset, Plan plan) {

    /** The numbers for the metrics. */
    PoolObserver.Reading reading() {
        var names = preset.identity();
        return new PoolObserver.Reading(
                preset.id(),
                new PoolObserver.Name(names.organizationName(), names.templateName(), preset.name()),
                plan.state(),
                plan.holds().stream().anyMatch(Blocker.Backoff.class::isInstance),
                plan.holds().stream().anyMatch(Blocker.HardLimited.class::isInstance));
    }
}
