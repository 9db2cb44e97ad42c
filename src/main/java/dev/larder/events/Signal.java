package dev.larder.events;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import org.jspecify.annotations.Nullable;

/** Lets one waiter wait for a change. A change while none waits ends the next wait at once. */
public final class Signal {

    private boolean raised;
    private @Nullable UniEmitter<? super Void> waiting;

    /** Ends the wait. */
    public void raise() {
        UniEmitter<? super Void> waiter;
        synchronized (this) {
            waiter = waiting;
            waiting = null;
            raised = waiter == null;
        }
        if (waiter != null) {
            waiter.complete(null);
        }
    }

    /** Completes at the next change, or at once if there was one since the last wait. */
    public Uni<Void> raised() {
        return Uni.createFrom().<Void>emitter(this::await);
    }

    private void await(UniEmitter<? super Void> emitter) {
        UniEmitter<? super Void> unused = emitter.onTermination(() -> forget(emitter));
        synchronized (this) {
            if (!raised) {
                waiting = emitter;
                return;
            }
            raised = false;
        }
        emitter.complete(null);
    }

    /** A wait that was given up must not swallow the next change. */
    private synchronized void forget(UniEmitter<? super Void> emitter) {
        if (emitter.equals(waiting)) {
            waiting = null;
        }
    }
}
