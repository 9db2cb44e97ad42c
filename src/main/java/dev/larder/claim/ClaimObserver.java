package dev.larder.claim;

import java.time.Duration;

/** Receives the result of each claim. Must return at once and never fail. */
public interface ClaimObserver {

    /**
     * @param path {@code warm}, {@code waited}, {@code cold}, or {@code none} where nothing was handed out
     * @param outcome {@code claimed}, or the code of the problem: {@code no_claimable_workspace}; one of
     *     few, never the caller's text
     * @param took from the request to the commit
     */
    void answered(String path, String outcome, Duration took);

    /**
     * The stages of a claim from stock.
     *
     * @param queued until its statement began
     * @param picked from there to the commit
     */
    void took(Duration queued, Duration picked);
}
