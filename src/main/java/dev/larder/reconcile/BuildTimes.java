package dev.larder.reconcile;

import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** How long first builds of a preset take, from the creation of its live prebuilds until they were ready. */
record BuildTimes(List<Duration> sorted) {

    /** Nine of ten builds take as long, or less. */
    private static final double MOST_BUILDS = 0.9;

    static BuildTimes of(PresetSnapshot preset) {
        return new BuildTimes(preset.prebuilds().stream()
                .filter(prebuild -> prebuild.buildNumber() == 1)
                .flatMap(BuildTimes::taken)
                .sorted()
                .toList());
    }

    private static Stream<Duration> taken(Prebuild prebuild) {
        return Stream.ofNullable(prebuild.readyAt()).map(ready -> Duration.between(prebuild.createdAt(), ready));
    }

    int builds() {
        return sorted.size();
    }

    /** Empty where none was built. */
    Optional<Duration> usual() {
        return sorted.isEmpty()
                ? Optional.empty()
                : Optional.of(sorted.get((int) Math.ceil(MOST_BUILDS * sorted.size()) - 1));
    }
}
