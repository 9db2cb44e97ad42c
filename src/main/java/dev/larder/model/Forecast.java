package dev.larder.model;

import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * What the next cycles do to the presets of one name in a template, where builds succeed, take the usual time and no
 * client claims. Durations are in the short form of {@link Durations}.
 *
 * @param outcome {@code done}: nothing is left to do; {@code held} or {@code rolled_back}: the rollout does not come to
 *     its end; {@code waits}: for a person or a worker; {@code cut}: it goes on for longer than a forecast does
 * @param detail of {@code waits}: what it waits for
 * @param duration until the last step, or until the last prebuild is ready
 * @param steps in order
 */
public record Forecast(
        @Schema(enumeration = {"done", "held", "rolled_back", "waits", "cut"})
        String outcome,

        @Nullable String detail,
        String duration,
        Lowest lowestReady,
        Measured measuredFrom,
        List<Step> steps) {

    public Forecast {
        steps = List.copyOf(steps);
    }

    /**
     * The fewest prebuilds that claims can take on the way.
     *
     * @param after when it is reached first
     */
    @Schema(name = "ForecastLowest")
    public record Lowest(int ready, String after) {}

    /**
     * Where the time of a build comes from.
     *
     * @param buildTime from the creation of a prebuild until it is ready; nine of ten take as long, or less
     * @param builds how many prebuilds it was measured of; 0: none, and one minute is assumed
     * @param version of those prebuilds; null where none was measured
     */
    @Schema(name = "ForecastMeasured")
    public record Measured(
            String buildTime, int builds, @Nullable Integer version) {}

    /**
     * What one or more cycles do at one time, to the preset of one version.
     *
     * @param after since the begin of the forecast
     * @param kind as {@code next} of a pool calls it, or {@code hand_out}: from here on claims get this version first
     * @param version the number of the template's version
     * @param count of prebuilds; null where the step is not about any
     * @param reason of a deletion, a mark or a step of the rollout
     * @param ready how many claims can take then
     */
    @Schema(name = "ForecastStep")
    public record Step(
            String after,
            String kind,
            int version,
            @Nullable Integer count,
            @Nullable String reason,
            int ready) {}

    /**
     * What a promotion does to the presets of one name.
     *
     * @param change {@code canary} or {@code rolling}: a rollout replaces the stock; {@code replace}: the stock goes
     *     first; {@code add}: there is no stock to replace; {@code remove}: none is wanted any more; {@code none}: the
     *     version is the active one already
     * @param because why it is no rollout: {@code strategy}, {@code serve_old}, {@code new_preset},
     *     {@code not_in_version}, {@code deprecated} (the template) or {@code already_active}; null for a rollout
     * @param supersedes whether a rollout of these presets is open, which the promotion ends
     */
    @Schema(name = "PromotionForecast")
    public record OfPreset(
            String preset,

            @Schema(enumeration = {"canary", "rolling", "replace", "add", "remove", "none"})
            String change,

            @Nullable String because,
            boolean supersedes,
            Forecast forecast) {}
}
