package dev.larder.reconcile;

import java.time.Duration;

/** Receives the result of each cycle. Must return at once and never fail. */
public interface CycleObserver {

    /** How a cycle may end. */
    enum Outcome {
        DONE,
        /** Paused for the whole deployment: it did nothing but report so. */
        PAUSED,
        /** Another process holds the lock. */
        ELSEWHERE,
        FAILED
    }

    void ended(Outcome outcome, Duration took);

    /**
     * @param action {@code create}, {@code delete}, {@code cancel}, {@code hard_limit}: one of few
     * @param count how many workspaces or presets it touched
     */
    void acted(String action, int count);
}
