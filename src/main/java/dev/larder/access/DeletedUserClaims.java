package dev.larder.access;

import dev.larder.wakeup.Change;
import dev.larder.wakeup.Ticker;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.Startup;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import org.jboss.logging.Logger;

/**
 * Ends claims that were being made while their user was deleted. Every process does so; row locks keep them
 * apart.
 */
@Startup
@ApplicationScoped
class DeletedUserClaims {

    private static final Logger LOG = Logger.getLogger(DeletedUserClaims.class);

    private static final Duration EVERY = Duration.ofSeconds(30);

    private final UserStore users;
    private final WakeUps wakeUps;

    DeletedUserClaims(UserStore users, Ticker pace, WakeUps wakeUps) {
        this.users = users;
        this.wakeUps = wakeUps;
        pace.keep("late claims of deleted users", EVERY, this::endLateClaims);
    }

    private Uni<Void> endLateClaims() {
        return users.endLateClaims().invoke(this::tell).replaceWithVoid();
    }

    private void tell(int ended) {
        if (ended > 0) {
            LOG.infof("claims of deleted users ended count=%d", ended);
            wakeUps.changed(Change.DEMAND);
        }
    }
}
