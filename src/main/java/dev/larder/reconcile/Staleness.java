package dev.larder.reconcile;

import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.RolloutCause;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Which of a preset's running prebuilds are to be replaced while they are still handed out: those created before
 * the last soft invalidation, and those that expire soon (decision 0046).
 *
 * @param cause why; empty where none is stale
 * @param nextDue when the next one is to be replaced because it expires
 */
record Staleness(Set<UUID> stale, Optional<RolloutCause> cause, Optional<Instant> nextDue) {

    /** Nine of ten builds take as long, or less. */
    static final double MOST_BUILDS = 0.9;

    /** Without surge nothing is begun ahead of its expiry. */
    static Staleness of(PresetSnapshot preset, Instant at) {
        int wanted = Desired.declared(preset, at).instances();
        int surge = wanted == 0 ? 0 : preset.rollout().bounds().surgeOf(wanted);
        List<Prebuild> sound = preset.prebuilds().stream()
                .filter(prebuild -> preset.isSound(prebuild, at))
                .toList();
        List<Due> due = due(preset, sound, surge);
        Set<UUID> stale = new HashSet<>();
        sound.stream().filter(preset::outdated).map(Prebuild::id).forEach(stale::add);
        boolean invalidated = !stale.isEmpty();
        due.stream().filter(one -> !one.from().isAfter(at)).map(Due::id).forEach(stale::add);
        Optional<RolloutCause> cause = stale.isEmpty()
                ? Optional.empty()
                : Optional.of(invalidated ? RolloutCause.INVALIDATION : RolloutCause.EXPIRY);
        Optional<Instant> next =
                due.stream().map(Due::from).filter(from -> from.isAfter(at)).min(Instant::compareTo);
        return new Staleness(stale, cause, next);
    }

    boolean includes(Prebuild prebuild) {
        return stale.contains(prebuild.id());
    }

    /** @param from when its replacement is begun */
    private record Due(UUID id, Instant from) {}

    /**
     * A replacement is ready when its predecessor expires. Only {@code surge} are built at a time, so the n-th before
     * it is begun a build earlier. At least half of its time in stock is over.
     */
    private static List<Due> due(PresetSnapshot preset, List<Prebuild> sound, int surge) {
        Optional<Duration> build = usualBuildTime(preset);
        if (surge == 0 || build.isEmpty()) {
            return List.of();
        }
        List<Prebuild> ending = sound.stream()
                .filter(prebuild ->
                        !preset.outdated(prebuild) && preset.expiresAt(prebuild).isPresent())
                .sorted(Comparator.comparing((Prebuild prebuild) -> endOf(preset, prebuild)))
                .toList();
        Instant[] start = new Instant[ending.size()];
        for (int i = ending.size() - 1; i >= 0; i--) {
            Instant end = endOf(preset, ending.get(i));
            Instant before = i + surge < start.length && start[i + surge].isBefore(end) ? start[i + surge] : end;
            start[i] = before.minus(build.get());
        }
        return Stream.iterate(0, i -> i < start.length, i -> i + 1)
                .map(i -> new Due(ending.get(i).id(), later(start[i], halfOver(preset, ending.get(i)))))
                .toList();
    }

    private static Instant endOf(PresetSnapshot preset, Prebuild prebuild) {
        return preset.expiresAt(prebuild).orElseThrow();
    }

    private static Instant halfOver(PresetSnapshot preset, Prebuild prebuild) {
        Instant created = prebuild.createdAt();
        return created.plus(Duration.between(created, endOf(preset, prebuild)).dividedBy(2));
    }

    private static Instant later(Instant one, Instant other) {
        return one.isAfter(other) ? one : other;
    }

    /** Whether prebuilds of it expire, and none of them tells how long a build takes: past builds may. */
    static boolean asksForPastBuilds(PresetSnapshot preset) {
        return preset.active()
                && preset.rollout().isRolling()
                && preset.ttl().isPresent()
                && preset.prebuilds().stream().anyMatch(Prebuild::running)
                && buildTimes(preset).isEmpty();
    }

    /** By the live prebuilds, else by past builds. Empty where neither tells it. */
    private static Optional<Duration> usualBuildTime(PresetSnapshot preset) {
        List<Duration> times = buildTimes(preset);
        return times.isEmpty()
                ? Optional.ofNullable(preset.state().usualBuild())
                : Optional.of(times.get((int) Math.ceil(MOST_BUILDS * times.size()) - 1));
    }

    private static List<Duration> buildTimes(PresetSnapshot preset) {
        return preset.prebuilds().stream()
                .flatMap(prebuild -> prebuild.buildTime().stream())
                .sorted()
                .toList();
    }
}
