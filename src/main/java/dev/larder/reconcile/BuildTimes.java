package dev.larder.reconcile;

import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * How long first builds of a preset take, from their creation until they were ready.
 *
 * @param sorted those of its live prebuilds, shortest first
 * @param past what nine of ten past builds took at most, where no live one tells it
 */
record BuildTimes(List<Duration> sorted, Optional<Duration> past) {

    /** Nine of ten builds take as long, or less. */
    static final double MOST_BUILDS = 0.9;

    static BuildTimes of(PresetSnapshot preset) {
        return new BuildTimes(
                preset.prebuilds().stream()
                        .flatMap(prebuild -> prebuild.buildTime().stream())
                        .sorted()
                        .toList(),
                Optional.ofNullable(preset.state().usualBuild()));
    }

    /** Whether prebuilds of it expire, and none of them tells how long a build takes: past builds may. */
    static boolean asksForPastBuilds(PresetSnapshot preset) {
        return preset.active()
                && preset.rollout().isRolling()
                && preset.ttl().isPresent()
                && preset.prebuilds().stream().anyMatch(Prebuild::running)
                && of(preset).sorted().isEmpty();
    }

    /** Of how many live prebuilds it is known. */
    int builds() {
        return sorted.size();
    }

    /** By the live prebuilds, else by past builds. Empty where neither tells it. */
    Optional<Duration> usual() {
        return sorted.isEmpty() ? past : Optional.of(sorted.get((int) Math.ceil(MOST_BUILDS * sorted.size()) - 1));
    }
}
