package dev.larder.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Signals that Java itself cannot send, and waiting for what they do. */
public final class Signals {

    private Signals() {}

    /** @param name without SIG: {@code INT}, {@code QUIT}; a process that is gone is no error */
    public static void send(String name, long pid) {
        try {
            new ProcessBuilder("/bin/sh", "-c", "kill -" + name + " " + pid + " 2>/dev/null")
                    .start()
                    .onExit()
                    .join();
        } catch (IOException noShell) {
            throw new UncheckedIOException(noShell);
        }
    }

    /** @return whether it ended in time */
    public static boolean ends(ProcessHandle process, Duration within) {
        try {
            process.onExit().get(within.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException stillRunning) {
            return !process.isAlive();
        } catch (ExecutionException unknown) {
            return !process.isAlive();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return !process.isAlive();
        }
    }

    /** Between two looks at something that does not tell when it changes. */
    static void pause(Duration time) {
        try {
            TimeUnit.MILLISECONDS.sleep(time.toMillis());
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting", interrupted);
        }
    }
}
