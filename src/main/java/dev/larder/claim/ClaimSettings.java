package dev.larder.claim;

import dev.larder.claim.ClaimRequest.Policy;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** Settings of claims. */
@ConfigMapping(prefix = "larder.claim")
public interface ClaimSettings {

    /**
     * Whether claims of one preset that arrive while a statement runs are served together by the next one.
     */
    @WithDefault("true")
    boolean combine();

    /** Claims that one statement serves at most. */
    @WithDefault("64")
    int combineMax();

    /** Whether a scan begins where the last claim of the preset ended. */
    @WithDefault("true")
    boolean watermark();

    /** The interval at which a scan begins at the oldest all the same. */
    @WithDefault("2s")
    Duration fullScanEvery();

    /** Claims of one organization that may wait. */
    @WithDefault("1000")
    int waitingMax();

    /** Claims of one user that may wait. By default a tenth of {@link #waitingMax}, at least one. */
    Optional<Integer> waitingMaxPerUser();

    /** The same with its default. */
    default int waitingMaxOfUser() {
        return waitingMaxPerUser().orElse(Math.max(1, waitingMax() / 10));
    }

    /** How long a call holds for a claim that waits, unless {@code Prefer: wait} says otherwise. */
    @WithDefault("30s")
    Duration hold();

    /** How a claim of this policy waits from now on. */
    default WaitPolicy waitPolicy(Policy.Wait wait, Instant now) {
        return waitPolicy(wait.priority(), now.plus(wait.timeout()), wait.thenCold());
    }

    /** The same with the bounds of waiting claims. */
    default WaitPolicy waitPolicy(int priority, Instant until, boolean thenCold) {
        return new WaitPolicy(priority, until, thenCold, waitingMax(), waitingMaxOfUser());
    }
}
