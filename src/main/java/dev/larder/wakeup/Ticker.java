package dev.larder.wakeup;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/**
 * Does things again and again while this process serves. It goes by a counter that cannot be set: a scheduler
 * that goes by the process's own clock rests for an hour when that clock is set back by an hour (decision
 * 0023).
 */
@ApplicationScoped
public class Ticker {

    private static final Logger LOG = Logger.getLogger(Ticker.class);

    private final Vertx vertx;
    private final List<Step> steps = new ArrayList<>();
    private final List<Long> timers = new ArrayList<>();
    private boolean going;

    public Ticker(Vertx vertx) {
        this.vertx = vertx;
    }

    private record Step(String name, Duration every, Supplier<Uni<Void>> work, AtomicBoolean underWay) {}

    /**
     * Does this for the first time at the start, and then again and again. While one is under way the next
     * is left out; failures are logged and end nothing.
     *
     * @param name in a log, for people
     * @param every zero or less: never at all
     */
    public synchronized void keep(String name, Duration every, Supplier<Uni<Void>> work) {
        Step step = new Step(name, every, work, new AtomicBoolean());
        if (every.isZero() || every.isNegative()) {
            return;
        }
        steps.add(step);
        if (going) {
            begin(step);
        }
    }

    /** Once this process serves. */
    public synchronized void start() {
        going = true;
        steps.forEach(this::begin);
    }

    /** Nothing is begun any more. Idempotent. */
    public synchronized void stop() {
        going = false;
        timers.forEach(vertx::cancelTimer);
        timers.clear();
    }

    private void begin(Step step) {
        vertx.runOnContext(() -> once(step));
        timers.add(vertx.setPeriodic(Math.max(1, step.every().toMillis()), tick -> once(step)));
    }

    private static void once(Step step) {
        if (step.underWay().compareAndSet(false, true)) {
            Uni.createFrom()
                    .deferred(() -> step.work().get())
                    .onTermination()
                    .invoke(() -> step.underWay().set(false))
                    .subscribe()
                    .with(
                            done -> {},
                            cause -> LOG.warnf("failed, will be tried again what=%s cause=%s", step.name(), cause));
        }
    }
}
