package dev.larder.model;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * All that is known of one preset with prebuilds at one instant. A plan is decided on it.
 *
 * @param active its version is the template's active one, and the template is neither deleted nor deprecated
 * @param pauses of all four levels, ended ones included
 * @param builders whether a living worker takes the jobs of its version
 * @param prebuilds live ones, oldest first by (created, id)
 */
public record PresetSnapshot(
        Identity identity,
        boolean active,
        Declared declared,
        State state,
        List<Pause> pauses,
        WorkerSupply builders,
        Failures failures,
        List<Prebuild> prebuilds) {

    /** Which preset it is. A preset keeps all of this for life. */
    public record Identity(
            UUID id,
            String name,
            UUID templateId,
            String templateName,
            UUID organizationId,
            String organizationName,
            UUID versionId) {}

    /**
     * What its version declares.
     *
     * @param instances the base number, where no schedule matches
     * @param ttl age beyond which a prebuild is expired; counted from its creation
     * @param timezone IANA name the schedules are evaluated in; null is UTC
     * @param missingParameters required parameters that neither the preset nor a default gives a value
     */
    public record Declared(
            int instances,
            Optional<Duration> ttl,
            @Nullable String timezone,
            List<Schedule> schedules,
            List<String> missingParameters) {}

    /**
     * What Larder has recorded of it.
     *
     * @param attempts how many cycles have created prebuilds of it: a creation is conditional on this number
     */
    public record State(
            PresetStatus status,
            @Nullable String statusReason,
            @Nullable Instant lastInvalidatedAt,
            int attempts) {}

    public UUID id() {
        return identity.id();
    }

    public String name() {
        return identity.name();
    }

    public int instances() {
        return declared.instances();
    }

    public Optional<Duration> ttl() {
        return declared.ttl();
    }

    public @Nullable String timezone() {
        return declared.timezone();
    }

    public List<Schedule> schedules() {
        return declared.schedules();
    }

    public List<String> missingParameters() {
        return declared.missingParameters();
    }

    public PresetStatus status() {
        return state.status();
    }

    public @Nullable String statusReason() {
        return state.statusReason();
    }

    public int attempts() {
        return state.attempts();
    }

    /** Whether a live prebuild was older than the ttl when it was ready. */
    public boolean hasExpiredUnready() {
        return ttl().isPresent() && prebuilds.stream().anyMatch(prebuild -> prebuild.readyAfter(ttl().get()));
    }

    /** The same preset, with what its newest attempts say of its ttl: see {@link Failures}. */
    public PresetSnapshot withExpiredUnready(List<Boolean> newest) {
        return new PresetSnapshot(
                identity, active, declared, state, pauses, builders, failures.withExpiredUnready(newest), prebuilds);
    }

    /** Created before the last invalidation, or older than the ttl (design, section 1). */
    public boolean expired(Prebuild prebuild, Instant at) {
        Instant invalidated = state.lastInvalidatedAt();
        if (invalidated != null && prebuild.createdAt().isBefore(invalidated)) {
            return true;
        }
        return ttl().isPresent() && prebuild.createdAt().plus(ttl().get()).isBefore(at);
    }
}
