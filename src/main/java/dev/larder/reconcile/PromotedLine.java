package dev.larder.reconcile;

import dev.larder.lifecycle.PromotionOutlook.Performed;
import dev.larder.model.Forecast;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.RolloutRole;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a promotion does to a line, by what the line is after it. Pure.
 *
 * @param change and {@code because}: as {@link Forecast.OfPreset} says
 */
record PromotedLine(String preset, String change, @Nullable String because) {

    static PromotedLine of(Line line, Performed promotion) {
        Optional<PresetSnapshot> promoted = line.members().stream()
                .filter(member -> member.identity().versionId().equals(promotion.after()))
                .findFirst();
        if (promoted.isEmpty()) {
            return new PromotedLine(line.name(), "remove", "not_in_version");
        }
        PresetSnapshot target = promoted.get();
        if (!target.active()) {
            return new PromotedLine(line.name(), "remove", "deprecated");
        }
        if (promotion.after().equals(promotion.before())) {
            return new PromotedLine(line.name(), "none", "already_active");
        }
        if (line.rollout().isPresent()) {
            return new PromotedLine(line.name(), target.is(RolloutRole.CANARY) ? "canary" : "rolling", null);
        }
        return withoutRollout(line, target, promotion);
    }

    private static PromotedLine withoutRollout(Line line, PresetSnapshot target, Performed promotion) {
        boolean isNew = line.members().stream()
                .filter(member -> !member.equals(target))
                .allMatch(member -> !member.identity().versionId().equals(promotion.before())
                        && member.prebuilds().isEmpty());
        boolean rolls = target.rollout().isRolling() && target.rollout().serveOld();
        if (isNew || rolls) {
            return new PromotedLine(line.name(), "add", "new_preset");
        }
        return new PromotedLine(line.name(), "replace", target.rollout().isRolling() ? "serve_old" : "strategy");
    }

    Forecast.OfPreset forecast(boolean supersedes, Forecast forecast) {
        return new Forecast.OfPreset(preset, change, because, supersedes, forecast);
    }
}
