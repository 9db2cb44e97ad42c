package dev.larder.access;

import dev.larder.wakeup.Channel;
import dev.larder.wakeup.Ticker;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.Startup;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import org.jboss.logging.Logger;

/** Ends claims that were being made when their user was deleted. Every process looks; row locks keep them apart. */
@Startup
@ApplicationScoped
class Leavers {

    private static final Logger LOG = Logger.getLogger(Leavers.class);

    private static final Duration EVERY = Duration.ofSeconds(30);

    private final PeopleStore people;
    private final WakeUps bell;

    Leavers(PeopleStore people, Ticker pace, WakeUps bell) {
        this.people = people;
        this.bell = bell;
        pace.keep("late claims of deleted users", EVERY, this::endLateClaims);
    }

    private Uni<Void> endLateClaims() {
        return people.endLateClaims().invoke(this::tell).replaceWithVoid();
    }

    private void tell(int ended) {
        if (ended > 0) {
            LOG.infof("claims of deleted users ended count=%d", ended);
            bell.ring(Channel.RECONCILE);
        }
    }
}
