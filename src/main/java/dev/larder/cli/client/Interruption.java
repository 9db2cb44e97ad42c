package dev.larder.cli.client;

import dev.larder.cli.client.SignalTrap.Received;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What SIGINT, SIGTERM and SIGHUP do while a command holds something that it has to give back. The first signal
 * interrupts the thread that made this, so that it stops waiting and gives it back. A second one ends the process at
 * once. While a child command runs, signals are passed to it instead.
 */
final class Interruption implements AutoCloseable {

    private final Thread thread = Thread.currentThread();
    private final SignalTrap trap;
    private final Object lock = new Object();
    private @Nullable Received received;
    private @Nullable Consumer<Received> child;
    private boolean shielded;

    Interruption() {
        trap = new SignalTrap(this::taken);
    }

    private void taken(Received signal) {
        synchronized (lock) {
            if (child != null) {
                child.accept(signal);
                return;
            }
            if (received != null) {
                Runtime.getRuntime().halt(signal.exit());
            }
            received = signal;
            if (!shielded) {
                thread.interrupt();
            }
        }
    }

    /** From now on signals go to the child. Does nothing if one came before; {@link #received} tells. */
    void passTo(Consumer<Received> taken) {
        synchronized (lock) {
            child = received == null ? taken : null;
        }
    }

    /** From now on the first signal is remembered alone: what is held is being given back. */
    void shield() {
        synchronized (lock) {
            child = null;
            shielded = true;
            boolean unused = Thread.interrupted();
        }
    }

    /** The first signal that was not passed to a child. */
    Optional<Received> received() {
        synchronized (lock) {
            return Optional.ofNullable(received);
        }
    }

    @Override
    public void close() {
        trap.close();
    }
}
