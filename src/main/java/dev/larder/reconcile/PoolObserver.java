package dev.larder.reconcile;

import java.util.List;
import java.util.UUID;

/** Receives the state of each preset for the metrics. Must return at once and never fail. */
public interface PoolObserver {

    /**
     * One preset as it was seen (design, section 2.2).
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

    /** All presets; any other preset no longer exists. */
    void observedAll(List<Reading> readings);

    /** Some presets; the others are unchanged. */
    void observedSome(List<Reading> readings);

    /** The database does not answer: the last state becomes outdated. */
    void observedNothing();
}
