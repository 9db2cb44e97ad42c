package dev.larder.model;

import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * An unclaimed workspace in a snapshot. Its latest build decides what it counts as.
 *
 * @param buildNumber of the latest build; 1 is the first start
 * @param readyAt when its readiness was met; null before that
 */
public record Prebuild(
        UUID id,
        UUID presetId,
        Instant createdAt,
        int buildNumber,
        Transition transition,
        JobStatus status,
        @Nullable Instant readyAt) {

    /** Latest build is start and succeeded (design, section 1). */
    public boolean running() {
        return transition == Transition.START && status == JobStatus.SUCCEEDED;
    }

    /** Running, and readiness met. */
    public boolean ready() {
        return running() && readyAt != null;
    }

    /** Whether it became ready later than this time after its creation. */
    boolean readyAfter(Duration time) {
        return running() && buildNumber == 1 && readyAt != null && readyAt.isAfter(createdAt.plus(time));
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
