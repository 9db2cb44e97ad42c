package dev.larder.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Signals that Java itself cannot send, and waiting for what they do. */
public final class Signals {

    private static final Duration LOOK = Duration.ofMillis(20);

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

    /** @return whether it ended in time; one that nobody has buried yet has ended too */
    public static boolean ends(ProcessHandle process, Duration within) {
        for (long looks = within.dividedBy(LOOK); process.isAlive() && !isDefunct(process.pid()); looks--) {
            if (looks <= 0) {
                return false;
            }
            pause(LOOK);
        }
        return true;
    }

    private static boolean isDefunct(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
            return stat.startsWith("Z", stat.lastIndexOf(')') + 2);
        } catch (IOException goneOrNoProc) {
            return false;
        }
    }

    /** The folders, below this one or beginning like it, that processes run in. */
    public static List<String> runningIn(String folder) {
        try (Stream<ProcessHandle> all = ProcessHandle.allProcesses()) {
            return all.map(Signals::folderOf)
                    .filter(cwd -> cwd.startsWith(folder))
                    .toList();
        }
    }

    private static String folderOf(ProcessHandle process) {
        try {
            return Files.readSymbolicLink(Path.of("/proc", Long.toString(process.pid()), "cwd"))
                    .toString();
        } catch (IOException goneOrForeign) {
            return "";
        }
    }

    /** Between two looks at something that does not tell when it changes. */
    public static void pause(Duration time) {
        try {
            TimeUnit.MILLISECONDS.sleep(time.toMillis());
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting", interrupted);
        }
    }
}
