package dev.larder.worker.process;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

/** Commands of the operating system for things that Java cannot do: named pipes, signals, sessions. */
final class SystemCommands {

    // A process passes ignored signals on to its children, and a shell cannot trap them. A server that a script
    // starts in the background ignores INT, and so would every process that the server starts.
    private static final Pattern INTERRUPT_IGNORED = Pattern.compile("(?m)^SigIgn:\\s*[0-9a-f]*[2367abef]$");

    private SystemCommands() {}

    /** Runs a command and waits for its end. Returns its exit code, or -1 if it could not be started. */
    static int run(String... command) {
        try {
            return exitCode(List.of(command));
        } catch (IOException notStarted) {
            return -1;
        }
    }

    private static int exitCode(List<String> command) throws IOException {
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(Redirect.DISCARD)
                .start()
                .onExit()
                .join()
                .exitValue();
    }

    /** Creates named pipes; replaces existing files. */
    static void makePipes(Path... pipes) throws IOException {
        List<String> command = new ArrayList<>(List.of("mkfifo", "-m", "600"));
        for (Path pipe : pipes) {
            boolean unused = Files.deleteIfExists(pipe);
            command.add(pipe.toString());
        }
        if (exitCode(command) != 0) {
            throw new IOException("named pipes cannot be made");
        }
    }

    /** Whether a command can be started as the leader of its own session and process group. */
    static boolean hasSetsid() {
        return Arrays.stream(
                        System.getenv().getOrDefault("PATH", "/usr/bin:/bin").split(":"))
                .anyMatch(place -> Files.isExecutable(Path.of(place, "setsid")));
    }

    /**
     * Sends a signal to a process group. Java has no such call. A failure is ignored: the final kill does not need
     * it.
     */
    static void signalGroup(String signal, long group) {
        int unused = run("/bin/sh", "-c", "kill -" + signal + " -" + group);
    }

    /**
     * The words in front of a command that make its process receive SIGINT. Empty if this process does not ignore
     * SIGINT, and if {@code env} of this system cannot reset it.
     */
    static List<String> interruptible() {
        List<String> prefix =
                interruptible(ProcFs.status(ProcessHandle.current().pid()));
        return prefix.isEmpty() || run(prefix.getFirst(), prefix.getLast(), "true") == 0 ? prefix : List.of();
    }

    /** @param status the text of {@code /proc/<pid>/status} */
    static List<String> interruptible(String status) {
        return INTERRUPT_IGNORED.matcher(status).find() ? List.of("env", "--default-signal=INT") : List.of();
    }
}
