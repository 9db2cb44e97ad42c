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
 * Starts and stops the worker of {@code larder worker}. The worker stops before the parts that it needs,
 * because a signal stops the application while the command still waits.
 */
@ApplicationScoped
class WorkerProcess {

    private static final Logger LOG = Logger.getLogger(WorkerProcess.class);

    private volatile @Nullable Worker worker;
    private volatile @Nullable Cancellable registration;
    private volatile Duration stopWithin = Duration.ZERO;

    /**
     * Returns at once. Registering is retried while the server cannot be reached.
     *
     * @param within how long its stop may take; then the process ends, and the server requeues its jobs
     * @param refused called where the server refuses the worker
     */
    void begin(Worker begun, Duration within, Consumer<Throwable> refused) {
        worker = begun;
        stopWithin = within;
        Signals.onHurry(begun::hurry);
        registration = Retry.until(
                        begun.start(),
                        WorkerProcess::isRefusal,
                        failure -> String.valueOf(failure.getMessage()),
                        LOG::warn)
                .subscribe()
                .with(entered -> {}, refused);
    }

    /** A refusal by the server is final: a retry would be refused as well. */
    private static boolean isRefusal(Throwable failure) {
        return failure instanceof IllegalArgumentException
                || (failure instanceof Api.UnexpectedException answer && answer.isCallers());
    }

    /** Blocks, as a shutdown observer must. */
    void end(@Observes ShutdownEvent event) {
        Cancellable entering = registration;
        if (entering != null) {
            entering.cancel();
        }
        Worker working = worker;
        if (working != null) {
            working.stop()
                    .ifNoItem()
                    .after(stopWithin)
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
