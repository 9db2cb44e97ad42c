package dev.larder.inventory;

import dev.larder.http.Problem;
import dev.larder.inventory.ListingStore.Recorded;
import dev.larder.model.Inventory;
import dev.larder.model.InventoryReports;
import dev.larder.model.ReportOutcome;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.UUID;
import org.jboss.logging.Logger;

/** Takes the listings of all workers, of this process and remote ones. */
@ApplicationScoped
public class InventoryIntake implements InventoryReports {

    private static final Logger LOG = Logger.getLogger(InventoryIntake.class);
    private static final Duration UNHEARD_MAX = Duration.ofDays(30);
    private static final Duration EMPTY_MAX = Duration.ofDays(1);

    private final ListingStore listings;
    private final MissingStore missing;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    public InventoryIntake(ListingStore listings, MissingStore missing, WakeUps wakeUps, InstantSource clock) {
        this.listings = listings;
        this.missing = missing;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    @Override
    public Uni<ReportOutcome> report(UUID worker, Inventory.Part part) {
        Instant now = clock.instant();
        return listings.record(worker, part, now)
                .invoke(InventoryIntake::refuseUnlessRecorded)
                .chain(() -> part.last()
                        ? conclude(worker, part, now)
                        : Uni.createFrom().item(ReportOutcome.NONE));
    }

    private static void refuseUnlessRecorded(Recorded recorded) {
        switch (recorded) {
            case YES -> {}
            case UNKNOWN_WORKER -> throw Problem.notFound("worker");
            case TOO_MANY ->
                throw Problem.unprocessable(
                        "too_many_things", "things", "are more than " + ListingStore.THINGS_MAX + " in one place.");
        }
    }

    private Uni<ReportOutcome> conclude(UUID worker, Inventory.Part part, Instant now) {
        return missing.conclude(worker, part, now)
                .invoke(verdict -> logAndWake(part, verdict))
                .call(() -> listings.forget(now.minus(UNHEARD_MAX), now.minus(EMPTY_MAX)));
    }

    private void logAndWake(Inventory.Part part, ReportOutcome verdict) {
        if (verdict.suspicious()) {
            LOG.errorf(
                    "suspicious listing: no workspace is marked as missing until an owner accepts it backend=%s location=%s lost=%d",
                    part.backend(), part.location(), verdict.lost());
        } else if (verdict.marked() > 0) {
            LOG.warnf(
                    "workspaces are missing backend=%s location=%s count=%d",
                    part.backend(), part.location(), verdict.marked());
            wakeUps.changed(Change.DEMAND);
        }
    }
}
