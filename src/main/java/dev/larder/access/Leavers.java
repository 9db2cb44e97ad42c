package dev.larder.access;

import dev.larder.store.Migrator;
import dev.larder.store.PeopleStore;
import dev.larder.wake.Bell;
import dev.larder.wake.Topic;
import io.quarkus.scheduler.Scheduled;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import org.jboss.logging.Logger;

/** Ends claims that were being made in the moment in which their user was deleted. Every process looks; row locks keep them apart. */
@ApplicationScoped
class Leavers {

    private static final Logger LOG = Logger.getLogger(Leavers.class);

    private final PeopleStore people;
    private final Migrator migrator;
    private final Bell bell;

    Leavers(PeopleStore people, Migrator migrator, Bell bell) {
        this.people = people;
        this.migrator = migrator;
        this.bell = bell;
    }

    @Scheduled(every = "30s", delayed = "30s", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
    Uni<Void> tick() {
        return migrator.up() ? endLateClaims() : Uni.createFrom().voidItem();
    }

    private Uni<Void> endLateClaims() {
        return people.endLateClaims()
                .invoke(this::tell)
                .onFailure()
                .invoke(cause -> LOG.warnf("claims of deleted users not ended, will try again cause=%s", cause))
                .onFailure()
                .recoverWithItem(0)
                .replaceWithVoid();
    }

    private void tell(int ended) {
        if (ended > 0) {
            LOG.infof("claims of deleted users ended count=%d", ended);
            bell.ring(Topic.RECONCILE);
        }
    }
}
