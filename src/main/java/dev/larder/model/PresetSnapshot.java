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
 * @param pauses of all four levels, ended ones included
 * @param builders whether a living worker takes the jobs of its version
 * @param prebuilds live ones, oldest first by (created, id)
 */
public record PresetSnapshot(
        Identity identity,
        Service service,
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
            UUID versionId,
            int version) {}

    /**
     * Whether its stock is wanted.
     *
     * @param active its version is the template's active one, and the template is neither deleted nor deprecated
     * @param served its stock is handed out ({@code lifecycle.Rules.served})
     * @param membership in an open rollout; empty where it is in none
     */
    public record Service(boolean active, boolean served, Optional<Membership> membership) {

        /** In no rollout. */
        public static Service alone(boolean active) {
            return new Service(active, active, Optional.empty());
        }
    }

    /**
     * What it is in its rollout.
     *
     * @param newestReadyAt when a prebuild of it became ready last, one that was claimed since included
     * @param canaries what is known of the prebuilds that it was given as a canary, oldest first
     * @param origin whether the rollout began from it: a rollback makes it active again, and it is refilled meanwhile
     */
    public record Membership(
            RolloutRole role,
            Rollout rollout,
            @Nullable Instant newestReadyAt,
            List<CanaryEvidence> canaries,
            boolean origin) {

        public Membership(
                RolloutRole role, Rollout rollout, @Nullable Instant newestReadyAt, List<CanaryEvidence> canaries) {
            this(role, rollout, newestReadyAt, canaries, false);
        }

        /** The same rollout in another state, or another role in it. */
        public Membership with(RolloutRole role, Rollout rollout) {
            return new Membership(role, rollout, newestReadyAt, canaries, origin);
        }
    }

    /**
     * What its version declares.
     *
     * @param instances the base number, where no schedule matches
     * @param ttl age beyond which a prebuild is expired; counted from its creation
     * @param timezone IANA name the schedules are evaluated in; null is UTC
     * @param missingParameters required parameters that neither the preset nor a default gives a value
     * @param rollout how its stock is replaced
     */
    public record Declared(
            int instances,
            Optional<Duration> ttl,
            @Nullable String timezone,
            List<Schedule> schedules,
            List<String> missingParameters,
            RolloutPolicy rollout) {}

    /**
     * What Larder has recorded of it.
     *
     * @param lastInvalidatedAt prebuilds that were created before it have expired
     * @param staleFrom prebuilds that were created before it are to be replaced, and are handed out until then
     * @param attempts how many cycles have created prebuilds of it: a creation is conditional on this number
     * @param usualBuild what nine of ten of its last builds took at most, or of those of the version before; read only
     *     where no live prebuild tells it, and null where there are none
     */
    public record State(
            PresetStatus status,
            @Nullable String statusReason,
            @Nullable Instant lastInvalidatedAt,
            @Nullable Instant staleFrom,
            int attempts,
            @Nullable Duration usualBuild) {

        /** Without a look at past builds. */
        public State(
                PresetStatus status,
                @Nullable String statusReason,
                @Nullable Instant lastInvalidatedAt,
                @Nullable Instant staleFrom,
                int attempts) {
            this(status, statusReason, lastInvalidatedAt, staleFrom, attempts, null);
        }
    }

    public UUID id() {
        return identity.id();
    }

    public String name() {
        return identity.name();
    }

    public boolean active() {
        return service.active();
    }

    public boolean served() {
        return service.served();
    }

    public Optional<Membership> membership() {
        return service.membership();
    }

    public boolean is(RolloutRole role) {
        return membership().filter(member -> member.role() == role).isPresent();
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

    public RolloutPolicy rollout() {
        return declared.rollout();
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
                identity, service, declared, state, pauses, builders, failures.withExpiredUnready(newest), prebuilds);
    }

    /** The same preset, with what its past builds took. */
    public PresetSnapshot withUsualBuild(Duration time) {
        State known = new State(
                state.status, state.statusReason, state.lastInvalidatedAt, state.staleFrom, state.attempts, time);
        return new PresetSnapshot(identity, service, declared, known, pauses, builders, failures, prebuilds);
    }

    /** The same preset, in or out of service. */
    public PresetSnapshot with(Service changed) {
        return new PresetSnapshot(identity, changed, declared, state, pauses, builders, failures, prebuilds);
    }

    /** The same preset, with other prebuilds. */
    public PresetSnapshot withPrebuilds(List<Prebuild> live) {
        return new PresetSnapshot(identity, service, declared, state, pauses, builders, failures, live);
    }

    /** The same preset, of which something else is recorded. */
    public PresetSnapshot with(State recorded) {
        return new PresetSnapshot(identity, service, declared, recorded, pauses, builders, failures, prebuilds);
    }

    /** The same preset, with other workers and other failures of their builds. */
    public PresetSnapshot with(WorkerSupply workers, Failures remembered) {
        return new PresetSnapshot(identity, service, declared, state, pauses, workers, remembered, prebuilds);
    }

    /** The same preset, with what is known of its canaries. */
    public PresetSnapshot withCanaries(List<CanaryEvidence> canaries) {
        return with(new Service(
                active(),
                served(),
                membership()
                        .map(known -> new Membership(
                                known.role(), known.rollout(), known.newestReadyAt(), canaries, known.origin()))));
    }

    /** Created before the last invalidation, or its time in stock has ended (design, section 1). */
    public boolean expired(Prebuild prebuild, Instant at) {
        Instant invalidated = state.lastInvalidatedAt();
        if (invalidated != null && prebuild.createdAt().isBefore(invalidated)) {
            return true;
        }
        return expiresAt(prebuild).filter(end -> end.isBefore(at)).isPresent();
    }

    /** Running, its state not lost, and not expired. */
    public boolean isSound(Prebuild prebuild, Instant at) {
        return prebuild.running() && !prebuild.lost() && !expired(prebuild, at);
    }

    /** When its time in stock ends, that instant included: with the ttl, or before it. Empty for one without an end. */
    public Optional<Instant> expiresAt(Prebuild prebuild) {
        Optional<Instant> byTtl = ttl().map(time -> prebuild.createdAt().plus(time));
        Instant until = prebuild.times().stockUntil();
        return until == null
                ? byTtl
                : Optional.of(byTtl.filter(end -> end.isBefore(until)).orElse(until));
    }

    /** Created before the last invalidation that leaves stock in service until it is replaced. */
    public boolean outdated(Prebuild prebuild) {
        Instant from = state.staleFrom();
        return from != null && prebuild.createdAt().isBefore(from);
    }
}
