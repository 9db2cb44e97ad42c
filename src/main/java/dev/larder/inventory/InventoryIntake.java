package dev.larder.inventory;

import dev.larder.http.Problem;
import dev.larder.inventory.InventoryStore.Heard;
import dev.larder.model.Inventory;
import dev.larder.model.Listings;
import dev.larder.model.Verdict;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.UUID;
import org.jboss.logging.Logger;

/** Takes listings, whoever lists: a worker of this process or a remote one. */
@ApplicationScoped
public class InventoryIntake implements Listings {

    private static final Logger LOG = Logger.getLogger(InventoryIntake.class);
    private static final Duration UNHEARD_MAX = Duration.ofDays(30);
    private static final Duration EMPTY_MAX = Duration.ofDays(1);

    private final InventoryStore inventory;
    private final WakeUps bell;
    private final InstantSource clock;

    public InventoryIntake(InventoryStore inventory, WakeUps bell, InstantSource clock) {
        this.inventory = inventory;
        this.bell = bell;
        this.clock = clock;
    }

    @Override
    public Uni<Verdict> report(UUID worker, Inventory.Part part) {
        Instant now = clock.instant();
        return inventory
                .see(worker, part, now)
                .invoke(InventoryIntake::refuseUnlessHeard)
                .chain(() -> part.last()
                        ? conclude(worker, part, now)
                        : Uni.createFrom().item(Verdict.NONE));
    }

    private static void refuseUnlessHeard(Heard heard) {
        switch (heard) {
            case YES -> {}
            case STRANGER -> throw Problem.notFound("worker");
            case TOO_MANY ->
                throw Problem.unprocessable(
                        "too_many_things", "things", "are more than " + InventoryStore.THINGS_MAX + " in one place.");
        }
    }

    private Uni<Verdict> conclude(UUID worker, Inventory.Part part, Instant now) {
        return inventory
                .conclude(worker, part, now)
                .invoke(verdict -> tell(part, verdict))
                .call(() -> inventory.forget(now.minus(UNHEARD_MAX), now.minus(EMPTY_MAX)));
    }

    private void tell(Inventory.Part part, Verdict verdict) {
        if (verdict.suspicious()) {
            LOG.errorf(
                    "suspicious listing, nothing is marked until it is accepted backend=%s location=%s lost=%d",
                    part.backend(), part.location(), verdict.lost());
        } else if (verdict.marked() > 0) {
            LOG.warnf(
                    "workspaces are missing backend=%s location=%s count=%d",
                    part.backend(), part.location(), verdict.marked());
            bell.ring(Channel.RECONCILE);
        }
    }
}
