package dev.larder.claim;

import java.time.Duration;
import java.util.Optional;

/** ClaimSettings of a test's own. */
record Tuned(boolean combine, int combineMax, boolean watermark, Duration fullScanEvery, int waitingMax, Duration hold)
        implements ClaimSettings {

    /** As they are where nobody says otherwise. */
    static final Tuned DEFAULT = new Tuned(true, 64, true, Duration.ofSeconds(2), 1_000, Duration.ofSeconds(30));

    @Override
    public Optional<Integer> waitingMaxPerUser() {
        return Optional.empty();
    }

    Tuned withCombineMax(int most) {
        return new Tuned(combine, most, watermark, fullScanEvery, waitingMax, hold);
    }

    Tuned withoutCombining() {
        return new Tuned(false, combineMax, watermark, fullScanEvery, waitingMax, hold);
    }

    Tuned withoutWatermark() {
        return new Tuned(combine, combineMax, false, fullScanEvery, waitingMax, hold);
    }

    Tuned withWaitingMax(int most) {
        return new Tuned(combine, combineMax, watermark, fullScanEvery, most, hold);
    }
}
