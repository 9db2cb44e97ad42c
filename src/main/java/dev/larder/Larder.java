package dev.larder;

import dev.larder.access.Bootstrap;
import dev.larder.claim.TrialClaims;
import dev.larder.claim.WaitingClaims;
import dev.larder.cleanup.Cleanups;
import dev.larder.cli.Signals;
import dev.larder.cli.StartFailure;
import dev.larder.database.DatabaseClock;
import dev.larder.database.Direct;
import dev.larder.database.KeyStore;
import dev.larder.database.Migrator;
import dev.larder.events.Feed;
import dev.larder.http.Traffic;
import dev.larder.inventory.RestoreGuard;
import dev.larder.jobs.Janitor;
import dev.larder.jobs.LongPoll;
import dev.larder.model.MisconfiguredException;
import dev.larder.model.ReadinessPart;
import dev.larder.reconcile.Reconciler;
import dev.larder.wakeup.Listener;
import dev.larder.wakeup.NotifySender;
import dev.larder.wakeup.Retry;
import dev.larder.wakeup.Ticker;
import dev.larder.wakeup.WakeUps;
import dev.larder.webhooks.Webhooks;
import dev.larder.worker.Worker;
import io.quarkus.runtime.LaunchMode;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.ShutdownDelayInitiatedEvent;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.vertx.http.DomainSocketServerStart;
import io.quarkus.vertx.http.HttpServerStart;
import io.quarkus.vertx.http.HttpsServerStart;
import io.smallrye.mutiny.TimeoutException;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.event.ObservesAsync;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/**
 * The order in which the parts start and stop (decision 0027).
 *
 * <p>A start: the configuration is checked, then the schema and the key; HTTP opens; then jobs are taken and
 * pools are kept. While the database cannot be reached, HTTP answers already and readiness says why not;
 * starting goes on by itself as soon as it can. A process that must not serve ends before it has served or
 * leased anything.
 *
 * <p>A stop: readiness goes down while everything is still served; held calls and streams end; requests in
 * flight end; HTTP closes; jobs end or go back; the connections close.
 */
@ApplicationScoped
class Larder implements ReadinessPart {

    private static final Logger LOG = Logger.getLogger(Larder.class);
    private static final Duration STOP_DEADLINE = Duration.ofSeconds(30);

    /**
     * How long HTTP waits for the schema and the key: longer, and probes should see that this process is
     * starting.
     */
    private static final Duration PREPARED_WITHIN = Duration.ofSeconds(3);

    private static final String SERVER = "server";

    private final DatabaseClock time;
    private final StartCheck check;
    private final Direct direct;
    private final Migrator migrator;
    private final KeyStore keys;
    private final Bootstrap bootstrap;
    private final Ticker ticker;
    private final RestoreGuard restoreGuard;
    private final WakeUps wakeUps;
    private final NotifySender notifySender;
    private final Listener listener;
    private final Worker worker;
    private final LongPoll longPoll;
    private final Janitor janitor;
    private final Reconciler reconciler;
    private final WaitingClaims waitingClaims;
    private final TrialClaims trialClaims;
    private final Cleanups cleanups;
    private final Feed feed;
    private final Webhooks webhooks;
    private final Traffic traffic;
    private final String role;
    private final Duration drain;
    private final StopSettings settings;
    private final AtomicBoolean listening = new AtomicBoolean();
    private final Uni<Void> prepared;
    private volatile boolean started;
    private volatile boolean stopping;

    Larder(
            DatabaseClock time,
            StartCheck check,
            Direct direct,
            Migrator migrator,
            KeyStore keys,
            Bootstrap bootstrap,
            Ticker ticker,
            RestoreGuard restoreGuard,
            WakeUps wakeUps,
            NotifySender notifySender,
            Listener listener,
            Worker worker,
            LongPoll longPoll,
            Janitor janitor,
            Reconciler reconciler,
            WaitingClaims waitingClaims,
            TrialClaims trialClaims,
            Cleanups cleanups,
            Feed feed,
            Webhooks webhooks,
            Traffic traffic,
            @ConfigProperty(name = "larder.role", defaultValue = SERVER) String role,
            @ConfigProperty(name = "larder.worker.drain", defaultValue = "10s") Duration drain,
            StopSettings settings) {
        this.time = time;
        this.check = check;
        this.direct = direct;
        this.migrator = migrator;
        this.keys = keys;
        this.bootstrap = bootstrap;
        this.ticker = ticker;
        this.restoreGuard = restoreGuard;
        this.wakeUps = wakeUps;
        this.notifySender = notifySender;
        this.listener = listener;
        this.worker = worker;
        this.longPoll = longPoll;
        this.janitor = janitor;
        this.reconciler = reconciler;
        this.waitingClaims = waitingClaims;
        this.trialClaims = trialClaims;
        this.cleanups = cleanups;
        this.feed = feed;
        this.webhooks = webhooks;
        this.traffic = traffic;
        this.role = role;
        this.drain = drain;
        this.settings = settings;
        this.prepared = insisted(Uni.createFrom().deferred(this::prepare))
                .invoke(traffic::open)
                .memoize()
                .indefinitely();
    }

    /** Before HTTP opens. Fails where this process must not serve, which ends it. */
    void start(@Observes StartupEvent event) {
        if (!role.equals(SERVER)) {
            return;
        }
        check.refuseUnusable();
        try {
            prepared.await().atMost(PREPARED_WITHIN);
        } catch (TimeoutException later) {
            LOG.info("not prepared yet, HTTP opens and the API answers 503 until then");
        }
        if (LaunchMode.current() == LaunchMode.DEVELOPMENT) {
            // A live reload keeps the port open and sends no event about it.
            serve();
        }
    }

    private Uni<Void> prepare() {
        return direct.prove()
                .chain(time::start)
                .chain(migrator::migrate)
                .chain(keys::verify)
                .chain(this::noteRestored);
    }

    /**
     * Before HTTP opens, so that no claim is answered from a restored database; an owner can answer for it all
     * the same.
     */
    private Uni<Void> noteRestored() {
        return restoreGuard
                .check()
                .onFailure(RestoreGuard.SuspectException.class)
                .recoverWithNull();
    }

    void opened(@ObservesAsync HttpServerStart event) {
        serve();
    }

    void opened(@ObservesAsync HttpsServerStart event) {
        serve();
    }

    void opened(@ObservesAsync DomainSocketServerStart event) {
        serve();
    }

    /** Once HTTP has its port: a process that does not get it must not take jobs, nor make the first owner. */
    private void serve() {
        if (listening.compareAndSet(false, true)) {
            prepared.chain(() -> insisted(Uni.createFrom().deferred(this::begin)))
                    .subscribe()
                    .with(begun -> open(), this::end);
        }
    }

    private Uni<Void> begin() {
        return bootstrap.bootstrap().chain(restoreGuard::check).chain(worker::start);
    }

    /** Retries a step unless its failure is permanent. */
    private Uni<Void> insisted(Uni<Void> step) {
        return Retry.until(
                step, failure -> stopping || failure instanceof MisconfiguredException, this::sentence, LOG::warn);
    }

    private String sentence(Throwable failure) {
        return direct.sentence(failure);
    }

    private void open() {
        if (stopping) {
            return;
        }
        ticker.start();
        notifySender.start(wakeUps);
        listener.start();
        janitor.start();
        reconciler.start();
        waitingClaims.start();
        trialClaims.start();
        webhooks.start();
        started = true;
        LOG.info("started");
    }

    private void end(Throwable failure) {
        if (!stopping) {
            Quarkus.asyncExit(StartFailure.of(failure).tell());
        }
    }

    @Override
    public String name() {
        return "serving";
    }

    /** Down before everything else when the process stops, so that no new request is sent to it. */
    @Override
    public boolean up() {
        return started && !stopping;
    }

    @Override
    public String detail() {
        if (stopping) {
            return "stopping";
        }
        return started ? "serving" : "starting";
    }

    /** Blocks, as a shutdown observer must, and HTTP is open until it returns. */
    void letGo(@Observes ShutdownDelayInitiatedEvent event) {
        stopping = true;
        if (!role.equals(SERVER)) {
            return;
        }
        Signals.onHurry(traffic::hurry);
        Signals.onHurry(worker::hurry);
        traffic.leave();
        // Tools upload their state to this server, so they end while it serves.
        logged("tools", worker.toolsEndWithin().plus(STOP_DEADLINE), worker::endTools);
        if (started) {
            LOG.infof("stopping, readiness is down and requests are still served for=%s", settings.delay());
            Signals.pause(settings.delay());
        }
        waitingClaims.letGo();
        longPoll.stop();
        traffic.end();
        int cut = traffic.drain(settings.requests());
        if (cut > 0) {
            LOG.warnf("requests were cut count=%d", cut);
        }
    }

    /** Blocks as well; HTTP is closed. What is cut at its deadline is logged. */
    void stop(@Observes ShutdownEvent event) {
        stopping = true;
        if (!role.equals(SERVER)) {
            return;
        }
        ticker.stop();
        listener.stop();
        logged("clean-up", STOP_DEADLINE, cleanups::stop);
        logged("janitor", STOP_DEADLINE, janitor::stop);
        logged("events", STOP_DEADLINE, () -> feed.stop(STOP_DEADLINE));
        logged("webhooks", STOP_DEADLINE, () -> webhooks.stop(STOP_DEADLINE));
        logged("waiting line", STOP_DEADLINE, waitingClaims::stop);
        logged("trial claims", STOP_DEADLINE, trialClaims::stop);
        logged("reconciler", STOP_DEADLINE, reconciler::stop);
        logged("worker", drain.multipliedBy(2).plus(STOP_DEADLINE), worker::stop);
    }

    /** One part that cannot be stopped must not keep the others from it. */
    private static void logged(String part, Duration within, Supplier<Uni<? extends Void>> stop) {
        Uni.createFrom()
                .<Void>deferred(stop)
                .ifNoItem()
                .after(within)
                .fail()
                .onFailure()
                .invoke(cause -> LOG.warnf("%s was cut cause=%s", part, cause.getMessage()))
                .onFailure()
                .recoverWithNull()
                .await()
                .indefinitely();
    }
}
