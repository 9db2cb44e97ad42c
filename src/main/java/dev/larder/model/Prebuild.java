package dev.larder.model;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * An unclaimed workspace in a snapshot. Its latest build decides what it counts as.
 *
 * @param buildNumber of the latest build; 1 is the first start
 * @param state how far what is known of its infrastructure can be trusted
 */
public record Prebuild(
        UUID id,
        UUID presetId,
        Times times,
        int buildNumber,
        Transition transition,
        JobStatus status,
        StateStatus state) {

    /**
     * @param readyAt when its readiness was met; null before that
     * @param stockUntil when its time in stock ends, where that is before the ttl's end; null for one without
     * @param builtAt when its first start ended, of one that has had further builds; null where that is not known
     */
    public record Times(
            Instant createdAt,
            @Nullable Instant readyAt,
            @Nullable Instant stockUntil,
            @Nullable Instant builtAt) {

        /** Of one that has had no further build. */
        public Times(Instant createdAt, @Nullable Instant readyAt, @Nullable Instant stockUntil) {
            this(createdAt, readyAt, stockUntil, null);
        }
    }

    /** A prebuild whose state is reliable, and whose time in stock the ttl alone ends. */
    public Prebuild(
            UUID id,
            UUID presetId,
            Instant createdAt,
            int buildNumber,
            Transition transition,
            JobStatus status,
            @Nullable Instant readyAt) {
        this(id, presetId, new Times(createdAt, readyAt, null), buildNumber, transition, status, StateStatus.RELIABLE);
    }

    public Instant createdAt() {
        return times.createdAt();
    }

    public @Nullable Instant readyAt() {
        return times.readyAt();
    }

    /** Latest build is start and succeeded (design, section 1). */
    public boolean running() {
        return transition == Transition.START && status == JobStatus.SUCCEEDED;
    }

    /** Running, readiness met, and its state reliable. */
    public boolean ready() {
        return running() && readyAt() != null && state == StateStatus.RELIABLE;
    }

    /** Running, and what is known of it cannot be trusted: it is to be replaced. */
    public boolean lost() {
        return running() && state.isLost();
    }

    /** From its creation until its first start had ended. A check or a reset that follows does not change it. */
    public Optional<Duration> buildTime() {
        Instant built = buildNumber == 1 ? readyAt() : times.builtAt();
        return Optional.ofNullable(built).map(at -> Duration.between(createdAt(), at));
    }

    /** Whether it became ready later than this time after its creation. */
    boolean readyAfter(Duration time) {
        Instant ready = readyAt();
        return running()
                && buildNumber == 1
                && ready != null
                && ready.isAfter(createdAt().plus(time));
    }

    /** Stopped for good: it is no stock, and no build of it is under way. */
    public boolean stopped() {
        return transition == Transition.STOP && status == JobStatus.SUCCEEDED;
    }

    /**
     * A first start that no worker has begun: the only build that a cycle may cancel (design, section 2.3.1).
     */
    public boolean neverStarted() {
        return transition == Transition.START && status == JobStatus.PENDING && buildNumber == 1;
    }

    /** Latest build is this transition and is waiting for a worker or with one. Canceling is neither. */
    public boolean underWay(Transition wanted) {
        return transition == wanted && (status == JobStatus.PENDING || status == JobStatus.RUNNING);
    }
}
