package dev.larder.claim;

import dev.larder.lifecycle.EndClaimStore;
import dev.larder.lifecycle.StartBuildStore;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.InstantSource;
import java.util.OptionalInt;
import java.util.UUID;

/** Ends claims for their holders: a waiting one is canceled, the workspace of another is destroyed or reset. */
@ApplicationScoped
class Releases {

    private final EndClaimStore leases;
    private final StartBuildStore builds;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    Releases(EndClaimStore leases, StartBuildStore builds, WakeUps wakeUps, InstantSource clock) {
        this.leases = leases;
        this.builds = builds;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    /**
     * Ends the claim. Idempotent.
     *
     * @param generation the holding that is to end; where it is another one, nothing is released
     */
    Uni<Void> end(UUID claim, OptionalInt generation) {
        return leases.cancel(claim, clock.instant())
                .chain(canceled -> canceled ? gaveUp() : giveBack(claim, generation));
    }

    private Uni<Void> gaveUp() {
        wakeUps.changed(Change.WAITING_CLAIM);
        return Uni.createFrom().voidItem();
    }

    /** The same for a claim that does not wait. */
    Uni<Void> giveBack(UUID claim, OptionalInt generation) {
        return leases.release(claim, generation, clock.instant())
                .chain(given -> goOn(claim, given))
                .invoke(() -> wakeUps.changed(Change.JOB_QUEUED))
                .replaceWithVoid();
    }

    private Uni<?> goOn(UUID claim, EndClaimStore.Return given) {
        Instant now = clock.instant();
        return switch (given) {
            // What it was given may have proved unfit in this moment, and then it waits again.
            case NONE -> leases.cancel(claim, now).chain(() -> builds.deleteUsedUp(now));
            case TO_DELETE -> builds.deleteUsedUp(now);
            case TO_RESET -> builds.recycle(now).chain(() -> builds.deleteWanted(now));
        };
    }
}
