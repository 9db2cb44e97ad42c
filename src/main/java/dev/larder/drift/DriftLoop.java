package dev.larder.drift;

import dev.larder.lifecycle.CheckStore;
import dev.larder.lifecycle.CheckStore.Pace;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.Ticker;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.Startup;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.InstantSource;
import org.jboss.logging.Logger;

/**
 * Begins the checks of prebuilds that are due, and the refreshes of those whose state cannot be trusted and whose
 * preset wants one. Every server does so; locks keep them apart.
 */
@Startup
@ApplicationScoped
class DriftLoop {

    private static final Logger LOG = Logger.getLogger(DriftLoop.class);

    /** A refresh writes, so it has the version's own time. */
    static final Duration REFRESH_MAX = Duration.ofDays(1);

    private final CheckStore checks;
    private final WakeUps wakeUps;
    private final InstantSource clock;
    private final DriftSettings settings;

    DriftLoop(CheckStore checks, WakeUps wakeUps, InstantSource clock, DriftSettings settings, Ticker ticker) {
        this.checks = checks;
        this.wakeUps = wakeUps;
        this.clock = clock;
        this.settings = settings;
        ticker.keep("drift", settings.round(), this::round);
    }

    /** Refreshes first: their prebuilds are in no stock. */
    private Uni<Void> round() {
        return checks.beginRefreshes(REFRESH_MAX, clock.instant())
                .invoke(count -> tell("refreshes begun", count))
                .chain(() -> checks.beginDue(pace(), clock.instant()))
                .invoke(count -> tell("drift checks begun", count))
                .replaceWithVoid();
    }

    private Pace pace() {
        return new Pace(settings.interval(), settings.timeout(), settings.atOnce());
    }

    private void tell(String what, int count) {
        if (count > 0) {
            LOG.infof("%s count=%d", what, count);
            wakeUps.changed(Change.JOB_QUEUED);
        }
    }
}
