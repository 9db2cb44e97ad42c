package dev.larder.claim;

import dev.larder.lifecycle.StartBuildStore;
import dev.larder.lifecycle.TrialStore;
import dev.larder.lifecycle.TrialStore.Due;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import dev.larder.model.SystemUser;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.Loop;
import dev.larder.wakeup.Ticker;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/**
 * Claims one canary of each version that asks for it, for the system user, and gives it back when its last step has
 * ended (decision 0046). Every process has one; row locks keep them apart.
 */
@ApplicationScoped
public class TrialClaims {

    private static final Logger LOG = Logger.getLogger(TrialClaims.class);
    private static final Duration STOP_WITHIN = Duration.ofSeconds(5);

    /** A token would need a user that can log in. The role is that of the users who see what is tried. */
    private static final Caller SYSTEM = new Caller(SystemUser.ID, "system", Role.TEMPLATE_ADMIN, Optional.empty());

    private final TrialStore trials;
    private final TrialClaimStore store;
    private final NewClaims newClaims;
    private final StartBuildStore builds;
    private final WakeUps wakeUps;
    private final InstantSource clock;
    private final Loop rounds = new Loop("trial claims", () -> runOnce().replaceWith(false));
    private volatile boolean working;

    public TrialClaims(
            TrialStore trials,
            TrialClaimStore store,
            NewClaims newClaims,
            StartBuildStore builds,
            WakeUps wakeUps,
            InstantSource clock) {
        this.trials = trials;
        this.store = store;
        this.newClaims = newClaims;
        this.builds = builds;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    @Inject
    void keepPace(
            Ticker pace, @ConfigProperty(name = "larder.janitor.interval", defaultValue = "5s") Duration interval) {
        pace.keep("trial claims", interval, this::tick);
    }

    public void start() {
        working = true;
    }

    /** Stops the rounds. Completes when the running one has ended. */
    public Uni<Void> stop() {
        working = false;
        return rounds.stop(STOP_WITHIN);
    }

    private Uni<Void> tick() {
        if (working) {
            rounds.wake();
        }
        return Uni.createFrom().voidItem();
    }

    /** One round. Work beyond its bounds is left for the next round. */
    public Uni<Void> runOnce() {
        Instant now = clock.instant();
        return end(now).chain(() -> trials.due(now))
                .chain(due -> begin(due, now))
                .onFailure()
                .invoke(cause -> LOG.warnf("trial claims failed, will try again cause=%s", cause))
                .onFailure()
                .recoverWithNull();
    }

    private Uni<Void> end(Instant now) {
        return trials.end(now)
                .chain(ended -> ended == 0
                        ? Uni.createFrom().voidItem()
                        : builds.deleteWanted(now)
                                .invoke(begun -> wakeUps.changed(Change.DELETION_WANTED))
                                .replaceWithVoid());
    }

    private Uni<Void> begin(List<Due> due, Instant now) {
        return Multi.createFrom()
                .iterable(due)
                .onItem()
                .transformToUniAndConcatenate(one -> begin(one, now))
                .collect()
                .asList()
                .replaceWithVoid();
    }

    private Uni<Boolean> begin(Due due, Instant now) {
        return store.take(due, newClaims.one(SYSTEM, Optional.empty(), Optional.of(due.ttl())), now)
                .invoke(taken -> tell(due, taken));
    }

    private void tell(Due due, boolean taken) {
        if (taken) {
            LOG.infof("canary claimed to try its version rollout=%s workspace=%s", due.rollout(), due.workspace());
            wakeUps.changed(Change.STOCK_TAKEN);
            wakeUps.changed(Change.STEP_WANTED);
        }
    }
}
