package dev.larder.cli.client;

import java.time.Duration;

/** Waiting inside a command. Time is measured, not read from the machine's clock. */
final class Waits {

    private Waits() {}

    /** @return false if the thread was interrupted, which ends the command */
    static boolean pause(Duration pause) {
        try {
            Thread.sleep(pause);
            return true;
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** When a wait ends. */
    record Deadline(long nanos) {

        static Deadline in(Duration time) {
            return new Deadline(System.nanoTime() + time.toNanos());
        }

        Duration left() {
            return Duration.ofNanos(Math.max(0, nanos - System.nanoTime()));
        }

        boolean isOver() {
            return left().isZero();
        }
    }
}
