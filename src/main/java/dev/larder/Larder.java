package dev.larder;

import dev.larder.access.Bootstrap;
import dev.larder.claim.WaitingLine;
import dev.larder.pool.ReadinessPart;
import dev.larder.provision.Janitor;
import dev.larder.provision.LongPoll;
import dev.larder.provision.Worker;
import dev.larder.reconcile.Reconciler;
import dev.larder.store.DatabaseFaults;
import dev.larder.store.Direct;
import dev.larder.store.Migrator;
import dev.larder.wake.Bell;
import dev.larder.wake.Listener;
import dev.larder.wake.Pump;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;
import java.util.function.Supplier;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/**
 * The order in which the parts start and stop. While the database cannot be reached, HTTP answers already and readiness
 * says why not; starting goes on by itself as soon as it can.
 */
@ApplicationScoped
class Larder implements ReadinessPart {

    private static final Logger LOG = Logger.getLogger(Larder.class);
    private static final Duration STOP_DEADLINE = Duration.ofSeconds(30);
    private static final String SERVER = "server";

    private final Direct direct;
    private final Migrator migrator;
    private final Bootstrap bootstrap;
    private final Bell bell;
    private final Pump pump;
    private final Listener listener;
    private final Worker worker;
    private final LongPoll longPoll;
    private final Janitor janitor;
    private final Reconciler reconciler;
    private final WaitingLine waitingLine;
    private final String role;
    private volatile boolean started;
    private volatile boolean stopping;

    Larder(
            Direct direct,
            Migrator migrator,
            Bootstrap bootstrap,
            Bell bell,
            Pump pump,
            Listener listener,
            Worker worker,
            LongPoll longPoll,
            Janitor janitor,
            Reconciler reconciler,
            WaitingLine waitingLine,
            @ConfigProperty(name = "larder.role", defaultValue = SERVER) String role) {
        this.direct = direct;
        this.migrator = migrator;
        this.bootstrap = bootstrap;
        this.bell = bell;
        this.pump = pump;
        this.listener = listener;
        this.worker = worker;
        this.longPoll = longPoll;
        this.janitor = janitor;
        this.reconciler = reconciler;
        this.waitingLine = waitingLine;
        this.role = role;
    }

    void start(@Observes StartupEvent event) {
        if (!role.equals(SERVER)) {
            return;
        }
        prepare()
                .onFailure(cause -> !stopping)
                .invoke(cause ->
                        LOG.warnf("not started yet, will be tried again cause=%s", DatabaseFaults.inPlainWords(cause)))
                .onFailure(cause -> !stopping)
                .retry()
                .withBackOff(Duration.ofMillis(250), Duration.ofSeconds(5))
                .indefinitely()
                .invoke(this::open)
                .subscribe()
                .with(started -> LOG.info("started"), cause -> LOG.errorf("not started cause=%s", cause));
    }

    private Uni<Void> prepare() {
        return direct.prove()
                .chain(migrator::migrate)
                .chain(bootstrap::bootstrap)
                .chain(worker::start);
    }

    private void open() {
        if (stopping) {
            return;
        }
        pump.start(bell);
        listener.start();
        janitor.start();
        reconciler.start();
        waitingLine.start();
        started = true;
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

    /** Blocks, as a shutdown observer must: what is cut at its deadline is logged. */
    void stop(@Observes ShutdownEvent event) {
        stopping = true;
        if (!role.equals(SERVER)) {
            return;
        }
        listener.stop();
        janitor.stop();
        longPoll.stop();
        logged("waiting line", waitingLine::stop);
        logged("reconciler", reconciler::stop);
        logged("worker", worker::stop);
    }

    /** One part that cannot be stopped must not keep the others from it. */
    private static void logged(String part, Supplier<Uni<? extends Void>> stop) {
        Uni.createFrom()
                .<Void>deferred(stop)
                .onFailure()
                .invoke(cause -> LOG.warnf("%s was cut cause=%s", part, cause.getMessage()))
                .onFailure()
                .recoverWithNull()
                .await()
                .atMost(STOP_DEADLINE);
    }
}
