package dev.larder.pool;

import java.util.List;
import java.util.UUID;

/** Is told what a cycle saw, so that it can be shown. Must return at once and never fail. */
public interface PoolObserver {

    /**
     * One preset as a cycle saw it (design, section 2.2).
     *
     * @param desired 0 where not active
     * @param backoff whether a creation is being put off
     */
    record Reading(
            UUID presetId,
            String organization,
            String template,
            String preset,
            int desired,
            int actual,
            int eligible,
            int starting,
            int expired,
            boolean backoff,
            boolean hardLimited) {}

    /** All presets there are: those that are not among them have vanished. */
    void observedAll(List<Reading> readings);

    /** Some presets; the others are as they were. */
    void observedSome(List<Reading> readings);

    /** Another process holds the reconciler's lock: it knows, and what was observed here grows old. */
    void observedElsewhere();
}
