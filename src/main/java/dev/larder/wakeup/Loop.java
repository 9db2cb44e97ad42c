package dev.larder.wakeup;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.smallrye.mutiny.subscription.UniEmitter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Runs a step each time it is woken, one run at a time. A wake-up during a run causes one more run, so none is missed
 * (design, section 4.2). Failures of a step are logged here and do not end the loop.
 */
public final class Loop {

    private static final long NANOS_PER_MILLI = 1_000_000;

    private static final Logger LOG = Logger.getLogger(Loop.class);

    private enum State {
        IDLE,
        RUNNING,
        WOKEN_WHILE_RUNNING,
        STOPPED
    }

    private final String name;
    private final Supplier<Uni<Boolean>> step;
    private final Duration rest;
    private volatile long restUntil = System.nanoTime();
    private State state = State.IDLE;
    private boolean resting;
    private boolean stopping;
    private volatile @Nullable String lastFailure;
    private final List<UniEmitter<? super Void>> waiting = new ArrayList<>(1);

    /** @param step returns whether to run again at once because there may be more work */
    public Loop(String name, Supplier<Uni<Boolean>> step) {
        this(name, step, Duration.ZERO);
    }

    /** @param rest between the end of a step and the next one: wake-ups in between cause one step, not one each */
    public Loop(String name, Supplier<Uni<Boolean>> step, Duration rest) {
        this.name = name;
        this.step = step;
        this.rest = rest;
    }

    /** Requests a run. Returns at once; the step runs on a worker thread. */
    public void wake() {
        synchronized (this) {
            switch (state) {
                case IDLE -> state = State.RUNNING;
                case RUNNING -> state = State.WOKEN_WHILE_RUNNING;
                case WOKEN_WHILE_RUNNING, STOPPED -> {}
            }
            if (state != State.RUNNING) {
                return;
            }
            resting = true;
        }
        run();
    }

    private void run() {
        rested().emitOn(Infrastructure.getDefaultExecutor())
                .chain(this::begin)
                .subscribe()
                .with(this::succeeded, this::failed);
    }

    private Uni<Boolean> begin() {
        synchronized (this) {
            resting = false;
            if (stopping) {
                return Uni.createFrom().item(false);
            }
        }
        return step.get();
    }

    private Uni<Void> rested() {
        long left = restUntil - System.nanoTime();
        Uni<Void> now = Uni.createFrom().voidItem();
        // No timer is shorter than a millisecond.
        return left > 0 ? now.onItem().delayIt().by(Duration.ofMillis(1 + left / NANOS_PER_MILLI)) : now;
    }

    private void failed(Throwable cause) {
        String said = said(cause);
        // While a database or server is unreachable every step fails alike: a warning is logged once.
        boolean known = said.equals(lastFailure);
        lastFailure = said;
        LOG.logf(
                known ? Logger.Level.DEBUG : Logger.Level.WARN,
                "loop step failed, will be tried again at the next wake-up loop=%s cause=%s",
                name,
                said);
        LOG.debug("loop step failed", cause);
        ended(false);
    }

    /** The message of the failure, or its class if it has none. */
    private static String said(Throwable cause) {
        String message = cause.getMessage();
        return message == null || message.isBlank() ? cause.toString() : message;
    }

    private void succeeded(boolean more) {
        if (lastFailure != null) {
            LOG.infof("loop works again loop=%s", name);
            lastFailure = null;
        }
        ended(more);
    }

    private void ended(boolean more) {
        restUntil = System.nanoTime() + rest.toNanos();
        synchronized (this) {
            if (stopping) {
                state = State.STOPPED;
                waiting.forEach(emitter -> emitter.complete(null));
                return;
            }
            boolean again = more || state == State.WOKEN_WHILE_RUNNING;
            state = again ? State.RUNNING : State.IDLE;
            if (!again) {
                return;
            }
            resting = true;
        }
        run();
    }

    /**
     * No new step; completes when the current one has ended. Idempotent.
     *
     * @param within how long the current step may still take; then the Uni fails, saying so
     */
    public Uni<Void> stop(Duration within) {
        return Uni.createFrom()
                .<Void>emitter(this::stopOnce)
                .ifNoItem()
                .after(within)
                .failWith(() -> new TimeoutException(name + " did not end within " + within));
    }

    private synchronized void stopOnce(UniEmitter<? super Void> emitter) {
        stopping = true;
        // A rest that is under way may never end: a stopping process drops its timers.
        if (state == State.IDLE || state == State.STOPPED || resting) {
            state = State.STOPPED;
            emitter.complete(null);
        } else {
            waiting.add(emitter);
        }
    }
}
