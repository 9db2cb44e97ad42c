package dev.larder.model;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/**
 * How the stock of a preset is replaced, as its version declares (decision 0046).
 *
 * @param strategy how old and new stand beside each other
 * @param bounds how many may be too many and too few meanwhile
 * @param canary how a new version is tried before it is served; empty: it is not
 * @param onFailure what happens where the verdict is against the new version
 * @param serveOld whether stock of the version before is handed out until it is replaced
 * @param jitterPercent by how much of the ttl a prebuild may expire early, drawn for each one; 0 to 50
 * @param deadline the rollout is held where no new prebuild became ready for so long
 */
public record RolloutPolicy(
        Strategy strategy,
        Bounds bounds,
        Optional<Canary> canary,
        OnFailure onFailure,
        boolean serveOld,
        int jitterPercent,
        Duration deadline) {

    /** What a preset has that declares nothing. */
    public static final RolloutPolicy DEFAULT = new RolloutPolicy(
            Strategy.ROLLING, Bounds.DEFAULT, Optional.empty(), OnFailure.HOLD, true, 0, Duration.ofHours(1));

    /** How old and new stand beside each other. */
    public enum Strategy {
        /** A replacement is ready before its predecessor goes. */
        ROLLING,
        /** All goes at once, and is built anew. */
        REPLACE;

        /** The word of a declaration, the database and the API. */
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        public static Strategy of(String word) {
            return valueOf(word.toUpperCase(Locale.ROOT));
        }
    }

    /** What happens where the verdict is against the new version. */
    public enum OnFailure {
        HOLD,
        ROLLBACK;

        /** The word of a declaration, the database and the API. */
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        public static OnFailure of(String word) {
            return valueOf(word.toUpperCase(Locale.ROOT));
        }
    }

    /**
     * How many prebuilds may be too many and too few while some are replaced.
     *
     * @param surge how many more than the wanted ones may exist
     * @param unavailable how many fewer than the wanted ones may be ready by the rollout's doing
     */
    public record Bounds(Share surge, Share unavailable) {

        public static final Bounds DEFAULT = new Bounds(Share.percent(25), Share.of(0));

        /** Of so many wanted. At least 1, unless 0 is declared: a percentage of few counts as one. */
        public int surgeOf(int wanted) {
            return surge.isZero() ? 0 : Math.max(surge.roundedUp(wanted), 1);
        }

        public int unavailableOf(int wanted) {
            return Math.min(unavailable.roundedDown(wanted), wanted);
        }
    }

    /**
     * How a new version is tried before it is served.
     *
     * @param instances so many are built
     * @param verify whether each is verified by the version's verification
     * @param trialClaim whether one is claimed by the system user, with its claim step, and released
     * @param deadline it is held where it has not passed by then
     */
    public record Canary(int instances, boolean verify, boolean trialClaim, Duration deadline) {}

    public boolean isRolling() {
        return strategy == Strategy.ROLLING;
    }
}
