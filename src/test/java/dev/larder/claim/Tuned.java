package dev.larder.claim;

import dev.larder.model.CreationStatuses;
import dev.larder.testing.Stock;
import dev.larder.wakeup.WakeUps;
import io.vertx.mutiny.sqlclient.Pool;
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

    /** Claims by version, as a server on this pool makes them. */
    static ExactClaims exact(Stock stock, Pool pool) {
        return new ExactClaims(
                new ExactClaimStore(pool, new ClaimQuotaStore(pool)),
                new AvailabilityReads(pool),
                new EarlierClaims(new ClaimReads(pool, stock.encryption)),
                stock.newClaims,
                new WakeUps(),
                stock.clock);
    }

    /** The way of a claim on this stock. */
    Claims claims(Stock stock, CreationStatuses outlook) {
        return claims(stock, outlook, stock.presetReads, stock.availability);
    }

    /** The same with these reads. */
    Claims claims(Stock stock, CreationStatuses outlook, PresetReads presets, AvailabilityReads availability) {
        WakeUps wakeUps = new WakeUps();
        EarlierClaims earlier = new EarlierClaims(stock.claimReads);
        PresetFinder finder = new PresetFinder(presets);
        return new Claims(
                stock.newClaims,
                new StockClaims(
                        stock.newClaims,
                        stock.lines,
                        finder,
                        new Combiner(stock.claims, wakeUps, stock.clock, this),
                        earlier,
                        wakeUps,
                        stock.clock),
                exact(stock, stock.pool),
                finder,
                earlier,
                new OutOfStock(
                        stock.coldClaims,
                        stock.waitingClaims,
                        availability,
                        earlier,
                        new WaitEstimates(outlook, stock.clock),
                        wakeUps,
                        stock.clock,
                        this),
                stock.clock,
                this);
    }
}
