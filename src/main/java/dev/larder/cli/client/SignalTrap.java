package dev.larder.cli.client;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/** Takes SIGINT, SIGTERM and SIGHUP of this process until it is closed. */
final class SignalTrap implements AutoCloseable {

    /** A signal that arrived. */
    record Received(String name, int number) {

        /** The exit code of a process that this signal ended. */
        int exit() {
            return ExitCode.SIGNAL + number;
        }
    }

    private static final List<String> NAMES = List.of("INT", "TERM", "HUP");

    private final Map<Signal, SignalHandler> before = new LinkedHashMap<>();

    /** @param taken is called on a thread of the JVM for each signal */
    SignalTrap(Consumer<Received> taken) {
        for (String name : NAMES) {
            Signal signal = new Signal(name);
            try {
                before.put(
                        signal,
                        Signal.handle(signal, arrived -> taken.accept(new Received(name, arrived.getNumber()))));
            } catch (IllegalArgumentException reserved) {
                // The JVM was started with -Xrs: the signal ends the process, and a lease ends by itself.
                continue;
            }
        }
    }

    /** The signals do what they did before. */
    @Override
    public void close() {
        before.forEach((signal, handler) -> {
            SignalHandler unused = Signal.handle(signal, handler);
        });
    }

    /**
     * Whether a terminal that sends SIGINT or SIGHUP to this process sends it to its children too: this process is in
     * the foreground of its terminal. Otherwise the signal came from another process, for this process alone.
     */
    static boolean isSharedWithChildren() {
        try {
            return isForeground(Files.readString(Path.of("/proc/self/stat")));
        } catch (IOException noProc) {
            return System.console() != null;
        }
    }

    /** @param stat the text of {@code /proc/<pid>/stat}: process group, session, terminal and its foreground group */
    static boolean isForeground(String stat) {
        // The name of the program stands in parentheses and may contain blanks and parentheses.
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        String group = fields[2];
        String foreground = fields[5];
        return foreground.equals(group);
    }
}
