package dev.larder.cli;

import dev.larder.wakeup.Retry;
import dev.larder.worker.Worker;
import dev.larder.worker.remote.Api;
import io.quarkus.runtime.ShutdownEvent;
import io.smallrye.mutiny.subscription.Cancellable;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;
import java.util.function.Consumer;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The worker that this process is for. It ends before anything that it needs does: a signal stops the application beside the
 * command that waits, not after it.
 */
@ApplicationScoped
class Shift {

    private static final Logger LOG = Logger.getLogger(Shift.class);

    private volatile @Nullable Worker worker;
    private volatile @Nullable Cancellable beginning;
    private volatile Duration patience = Duration.ZERO;

    /**
     * Returns at once; entering is tried again for as long as the server cannot be reached.
     *
     * @param within how long its stop may take; then the process ends without it, and its jobs are taken back
     * @param refused told where the server refuses the worker
     */
    void begin(Worker begun, Duration within, Consumer<Throwable> refused) {
        worker = begun;
        patience = within;
        Signals.onHurry(begun::hurry);
        beginning = Retry.until(
                        begun.start(), Shift::isRefusal, failure -> String.valueOf(failure.getMessage()), LOG::warn)
                .subscribe()
                .with(entered -> {}, refused);
    }

    /** What the caller did wrong will be wrong again. */
    private static boolean isRefusal(Throwable failure) {
        return failure instanceof IllegalArgumentException
                || (failure instanceof Api.UnexpectedException answer && answer.isCallers());
    }

    /** Blocks, as a shutdown observer must. */
    void end(@Observes ShutdownEvent event) {
        Cancellable entering = beginning;
        if (entering != null) {
            entering.cancel();
        }
        Worker working = worker;
        if (working != null) {
            working.stop()
                    .ifNoItem()
                    .after(patience)
                    .fail()
                    .onFailure()
                    .invoke(cause -> LOG.warnf("the worker was cut cause=%s", cause))
                    .onFailure()
                    .recoverWithNull()
                    .await()
                    .indefinitely();
        }
    }
}
