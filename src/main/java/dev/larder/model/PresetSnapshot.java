package dev.larder.model;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * All that is known of one preset with prebuilds at one instant; what a plan is decided on.
 *
 * @param active its version is the template's active one, and the template is neither deleted nor deprecated
 * @param instances the base number, where no schedule matches
 * @param ttl age beyond which a prebuild is expired; counted from its creation
 * @param timezone IANA name the schedules are evaluated in; null is UTC
 * @param missingParameters required parameters that neither the preset nor a default gives a value
 * @param attempts how many cycles have created prebuilds of it: a creation is conditional on this number
 * @param pauses of all four levels, ended ones included
 * @param builders whether a living worker takes the jobs of its version
 * @param prebuilds live ones, oldest first by (created, id)
 */
public record PresetSnapshot(
        UUID id,
        String name,
        UUID templateId,
        String templateName,
        UUID organizationId,
        String organizationName,
        UUID versionId,
        boolean active,
        int instances,
        Optional<Duration> ttl,
        @Nullable String timezone,
        List<Schedule> schedules,
        PresetStatus status,
        @Nullable String statusReason,
        @Nullable Instant lastInvalidatedAt,
        int attempts,
        List<String> missingParameters,
        List<Pause> pauses,
        Builders builders,
        Failures failures,
        List<Prebuild> prebuilds) {

    /** Whether a live prebuild was older than the ttl when it was ready. */
    public boolean hasExpiredUnready() {
        return ttl.isPresent() && prebuilds.stream().anyMatch(prebuild -> prebuild.readyAfter(ttl.get()));
    }

    /** The same with what its newest attempts say of its ttl: see {@link Failures}. */
    public PresetSnapshot withExpiredUnready(List<Boolean> newest) {
        return new PresetSnapshot(
                id,
                name,
                templateId,
                templateName,
                organizationId,
                organizationName,
                versionId,
                active,
                instances,
                ttl,
                timezone,
                schedules,
                status,
                statusReason,
                lastInvalidatedAt,
                attempts,
                missingParameters,
                pauses,
                builders,
                failures.withExpiredUnready(newest),
                prebuilds);
    }

    /** Created before the last invalidation, or older than the ttl (design, section 1). */
    public boolean expired(Prebuild prebuild, Instant at) {
        if (lastInvalidatedAt != null && prebuild.createdAt().isBefore(lastInvalidatedAt)) {
            return true;
        }
        return ttl.isPresent() && prebuild.createdAt().plus(ttl.get()).isBefore(at);
    }
}
