package dev.larder.catalog;

import dev.larder.model.Forecast;
import java.util.List;
import java.util.function.Supplier;

/**
 * The answer of a promotion that was rolled back.
 *
 * @param forecasts of the template's presets; none where it was refused. To decide them may take a second
 */
public record PromotionPreview(Promoted promoted, Supplier<List<Forecast.OfPreset>> forecasts) {

    static PromotionPreview refused(Promoted promoted) {
        return new PromotionPreview(promoted, List::of);
    }
}
