package dev.larder.reconcile;

import dev.larder.model.Outlook;
import dev.larder.model.Standing;
import dev.larder.model.Standing.Stop;
import dev.larder.reconcile.PoolView.HoldView;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

/** Tells claims what a plan knows: its holds, and that no prebuilds are wanted. */
@ApplicationScoped
class PlannedOutlook implements Outlook {

    private final Reconciler reconciler;

    PlannedOutlook(Reconciler reconciler) {
        this.reconciler = reconciler;
    }

    @Override
    public Uni<Map<UUID, Standing>> of(Set<UUID> presets, Instant at) {
        return reconciler
                .plans(presets, at)
                .map(plans -> plans.stream()
                        .collect(Collectors.toMap(one -> one.preset().id(), one -> standing(one.plan()))));
    }

    static Standing standing(Plan plan) {
        if (plan.holds().isEmpty() && plan.desired().instances() == 0) {
            return new Standing(List.of(new Stop("none_wanted", null, "the preset wants no prebuilds at present")));
        }
        return new Standing(plan.holds().stream()
                .map(HoldView::of)
                .map(hold -> new Stop(hold.kind(), hold.until(), hold.detail()))
                .toList());
    }
}
