package dev.larder.worker.process;

import java.util.HashSet;
import java.util.Set;
import java.util.UUID;

/**
 * Lets one job of a workspace run at a time in this process. A canceled job may still be ending its processes when the
 * next job of its workspace begins. Thread-safe.
 */
public final class WorkspaceTurns {

    private static final long LOOK_MILLIS = 50;

    private final Set<UUID> busy = new HashSet<>();

    /** Waits for the turn. Returns false if a stop was requested before it came. */
    public synchronized boolean enter(UUID workspace, StopRequest stop) throws InterruptedException {
        while (!busy.add(workspace)) {
            if (stop.isRequested()) {
                return false;
            }
            wait(LOOK_MILLIS);
        }
        return true;
    }

    /** Takes the turn if no job has it. Returns false if one has. */
    public synchronized boolean tryEnter(UUID workspace) {
        return busy.add(workspace);
    }

    public synchronized void leave(UUID workspace) {
        busy.remove(workspace);
        notifyAll();
    }
}
