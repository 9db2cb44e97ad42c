package dev.larder.state;

import dev.larder.wakeup.Change;
import dev.larder.wakeup.Ticker;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.Startup;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.InstantSource;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/**
 * What a server does for states without a call: it ends overdue mutations of people, and goes on with rotations of
 * keys whose server was lost. Every server does so; row locks keep them apart.
 */
@Startup
@ApplicationScoped
class StateUpkeep {

    private static final Logger LOG = Logger.getLogger(StateUpkeep.class);

    private final MutationStore mutations;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    StateUpkeep(
            MutationStore mutations,
            KeyRotations rotations,
            WakeUps wakeUps,
            InstantSource clock,
            Ticker pace,
            @ConfigProperty(name = "larder.janitor.interval", defaultValue = "5s") Duration interval,
            @ConfigProperty(name = "larder.state.rotation-interval", defaultValue = "30s") Duration rotationInterval) {
        this.mutations = mutations;
        this.wakeUps = wakeUps;
        this.clock = clock;
        pace.keep("overdue mutations", interval, this::expire);
        // Not a method reference: the bean needs a key, which a remote worker does not have.
        pace.keep("key rotation", rotationInterval, () -> rotations.look());
    }

    private Uni<Void> expire() {
        return mutations.expireOverdue(clock.instant()).invoke(this::tell).replaceWithVoid();
    }

    private void tell(int ended) {
        if (ended > 0) {
            LOG.infof("overdue mutations of people ended count=%d", ended);
            wakeUps.changed(Change.LEASES_RELEASED);
        }
    }
}
