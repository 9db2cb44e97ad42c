package dev.larder.reconcile;

import java.util.List;
import java.util.UUID;

/** Receives the state of each preset for the metrics. Must return at once and never fail. */
public interface PoolObserver {

    /**
     * One preset as it was seen (design, section 2.2).
     *
     * @param backoff whether a creation is being put off
     */
    record Reading(UUID presetId, Name name, PoolState pool, boolean backoff, boolean hardLimited) {}

    /** Presets of several versions may have one name. */
    record Name(String organization, String template, String preset) {}

    /** All presets there are: those that are not among them have vanished. */
    void observedAll(List<Reading> readings);

    /** Some presets; the others are unchanged. */
    void observedSome(List<Reading> readings);

    /** The database does not answer: the last state becomes outdated. */
    void observedNothing();
}
