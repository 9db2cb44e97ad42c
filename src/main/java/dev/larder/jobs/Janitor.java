package dev.larder.jobs;

import dev.larder.lifecycle.CancelStore;
import dev.larder.lifecycle.RequeueStore;
import dev.larder.lifecycle.StartBuildStore;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.Loop;
import dev.larder.wakeup.Ticker;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/**
 * Takes jobs back from lost workers, withdraws starts that waited too long, recycles or deletes returned
 * workspaces, and begins claim builds that were not begun, and verifications of canaries (design, sections 4.4, 3.6
 * and 3.5). Every process has one; row locks keep them apart.
 */
@ApplicationScoped
public class Janitor {

    private static final Logger LOG = Logger.getLogger(Janitor.class);
    private static final Duration FORGOTTEN_AFTER = Duration.ofHours(1);
    private static final Duration STOP_WITHIN = Duration.ofSeconds(5);

    private final RequeueStore requeues;
    private final CancelStore cancels;
    private final StartBuildStore builds;
    private final WorkerStore workers;
    private final WakeUps wakeUps;
    private final InstantSource clock;
    private final QueueSettings settings;
    private final Loop rounds = new Loop("janitor", () -> runOnce().replaceWith(false));
    private final Loop steps = new Loop("claim steps", this::nextSteps);
    private volatile boolean working;

    public Janitor(
            RequeueStore requeues,
            CancelStore cancels,
            StartBuildStore builds,
            WorkerStore workers,
            WakeUps wakeUps,
            InstantSource clock,
            QueueSettings settings) {
        this.requeues = requeues;
        this.cancels = cancels;
        this.builds = builds;
        this.workers = workers;
        this.wakeUps = wakeUps;
        this.clock = clock;
        this.settings = settings;
    }

    @Inject
    void keepPace(
            Ticker pace, @ConfigProperty(name = "larder.janitor.interval", defaultValue = "5s") Duration interval) {
        pace.keep("janitor", interval, this::tick);
    }

    public void start() {
        working = true;
        wakeUps.onChange(Channel.STEPS, steps::wake);
    }

    /** Stops the rounds. Completes when the running one has ended. */
    public Uni<Void> stop() {
        working = false;
        return rounds.stop(STOP_WITHIN).chain(() -> steps.stop(STOP_WITHIN));
    }

    private Uni<Void> tick() {
        if (working) {
            rounds.wake();
        }
        return Uni.createFrom().voidItem();
    }

    /** One round. Work beyond its bounds is left for the next round. */
    Uni<Void> runOnce() {
        return reap().chain(this::refuse)
                .chain(this::forgetWorkers)
                .chain(this::withdraw)
                .chain(this::recycle)
                .chain(this::deleteWanted)
                .chain(this::beginClaimSteps)
                .chain(this::verifyCanaries)
                .replaceWithVoid()
                .onFailure()
                .invoke(cause -> LOG.warnf("janitor failed, will try again cause=%s", cause))
                .onFailure()
                .recoverWithNull();
    }

    private Uni<Void> reap() {
        Instant now = clock.instant();
        return requeues.requeueLost(
                        now,
                        WorkerStore.silentSince(now, settings.heartbeat()),
                        now.minus(settings.overrun()),
                        settings.maxAttempts())
                .invoke(count -> tell("jobs taken back from lost workers", count))
                .replaceWithVoid();
    }

    private Uni<Void> refuse() {
        return cancels.failUnreliable(clock.instant())
                .invoke(count -> tell("jobs refused whose state cannot be trusted", count))
                .replaceWithVoid();
    }

    private Uni<Integer> forgetWorkers() {
        Instant now = clock.instant();
        return workers.stopSilent(now, now.minus(FORGOTTEN_AFTER));
    }

    private Uni<Void> withdraw() {
        Instant now = clock.instant();
        return cancels.withdraw(now, now.minus(settings.patience()))
                .invoke(count -> tell("jobs withdrawn that waited too long", count))
                .replaceWithVoid();
    }

    private Uni<Void> recycle() {
        return builds.recycle(clock.instant())
                .invoke(count -> tell("workspaces to be reset for somebody else", count))
                .replaceWithVoid();
    }

    private Uni<Void> deleteWanted() {
        return builds.giveUpEvidence(clock.instant())
                .chain(() -> builds.destroyUnreliable(clock.instant()))
                .chain(() -> builds.deleteWanted(clock.instant()))
                .invoke(count -> tell("deletions begun of what was given back", count))
                .replaceWithVoid();
    }

    private Uni<Boolean> nextSteps() {
        return working ? beginClaimSteps() : Uni.createFrom().item(false);
    }

    /** @return whether there may be more work */
    private Uni<Boolean> beginClaimSteps() {
        return builds.beginClaimSteps(clock.instant())
                .invoke(count -> tell("claim builds begun", count))
                .map(count -> count > 0);
    }

    private Uni<Integer> verifyCanaries() {
        return builds.verifyCanaries(clock.instant()).invoke(count -> tell("verifications of canaries begun", count));
    }

    private void tell(String what, int count) {
        if (count > 0) {
            LOG.infof("%s count=%d", what, count);
            wakeUps.changed(Change.JOBS_REAPED);
        }
    }
}
