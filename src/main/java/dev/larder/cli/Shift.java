package dev.larder.cli;

import dev.larder.provision.Worker;
import io.quarkus.runtime.ShutdownEvent;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;
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
    private volatile Duration patience = Duration.ZERO;

    /** @param within how long its stop may take; then the process ends without it, and its jobs are taken back */
    Uni<Void> begin(Worker begun, Duration within) {
        worker = begun;
        patience = within;
        return begun.start();
    }

    /** Blocks, as a shutdown observer must. */
    void end(@Observes ShutdownEvent event) {
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
