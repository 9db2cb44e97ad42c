package dev.larder.reconcile;

import dev.larder.model.CreationStatus;
import dev.larder.model.CreationStatus.Reason;
import dev.larder.model.CreationStatuses;
import dev.larder.model.PresetSnapshot;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

/** Reports to claims what a plan knows: its blockers, and that no prebuilds are wanted. */
@ApplicationScoped
class PlannedStatuses implements CreationStatuses {

    private final Reconciler reconciler;

    PlannedStatuses(Reconciler reconciler) {
        this.reconciler = reconciler;
    }

    @Override
    public Uni<Map<UUID, CreationStatus>> of(Set<UUID> presets, Instant at) {
        return reconciler
                .plans(presets, at)
                .map(plans -> plans.stream()
                        .collect(Collectors.toMap(one -> one.preset().id(), PlannedStatuses::standing)));
    }

    private static CreationStatus standing(Planned planned) {
        CreationStatus status = standing(planned.plan());
        PresetSnapshot preset = planned.preset();
        return preset.membership().isEmpty()
                ? status
                : new CreationStatus(status.stops().stream()
                        .map(stop -> of(preset.identity().version(), stop))
                        .toList());
    }

    /** While a rollout runs, a claim is told of several versions. */
    private static Reason of(int version, Reason stop) {
        return new Reason(stop.why(), stop.until(), "version " + version + ": " + stop.detail());
    }

    static CreationStatus standing(Plan plan) {
        if (plan.holds().isEmpty() && plan.desired().instances() == 0) {
            return new CreationStatus(
                    List.of(new Reason("none_wanted", null, "the preset wants no prebuilds at present")));
        }
        return new CreationStatus(plan.holds().stream()
                .map(HoldView::of)
                .map(hold -> new Reason(hold.kind(), hold.until(), hold.detail()))
                .toList());
    }
}
