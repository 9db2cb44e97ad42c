package dev.larder.cli.client;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A command that runs as a child of this process, with the same terminal, input and outputs, and in the same process
 * group.
 */
final class ChildCommand {

    /** What shells answer where the command is there and cannot be run. */
    static final int NOT_RUNNABLE = 126;

    /** What shells answer where there is no such command. */
    static final int NOT_FOUND = 127;

    private static final int NO_SUCH_FILE = 2;
    private static final int NOT_PERMITTED = 13;
    private static final Pattern ERROR = Pattern.compile("error[=:] ?([0-9]+)\\b");

    private final Process process;

    private ChildCommand(Process process) {
        this.process = process;
    }

    /** The command could not be started. */
    static final class NotStarted extends Exception {

        private static final long serialVersionUID = 1;

        private final int exit;

        private NotStarted(int exit, String sentence) {
            super(sentence);
            this.exit = exit;
        }

        /** {@link #NOT_FOUND} or {@link #NOT_RUNNABLE}. */
        int exit() {
            return exit;
        }
    }

    /** @param variables are added to the environment of this process, and win over it */
    static ChildCommand start(List<String> words, Map<String, String> variables) throws NotStarted {
        ProcessBuilder builder = new ProcessBuilder(words).inheritIO();
        builder.environment().putAll(variables);
        try {
            return new ChildCommand(builder.start());
        } catch (IOException refused) {
            throw notStarted(words.getFirst(), String.valueOf(refused.getMessage()));
        }
    }

    private static NotStarted notStarted(String command, String message) {
        Matcher error = ERROR.matcher(message);
        int number = error.find() ? Integer.parseInt(error.group(1)) : 0;
        return switch (number) {
            case NO_SUCH_FILE -> new NotStarted(NOT_FOUND, command + ": command not found");
            case NOT_PERMITTED -> new NotStarted(NOT_RUNNABLE, command + ": permission denied");
            default -> new NotStarted(NOT_RUNNABLE, command + ": cannot be run (" + message + ")");
        };
    }

    /** @return its exit code; 128 + n where signal n ended it */
    int await() throws InterruptedException {
        return process.waitFor();
    }

    /** Sends it a signal. One that has ended gets none. */
    void signal(String name) {
        if (name.equals("TERM")) {
            process.destroy();
        } else if (process.isAlive()) {
            // Java sends no other signals.
            kill(name, process.pid());
        }
    }

    private static void kill(String name, long pid) {
        try {
            new ProcessBuilder("kill", "-" + name, Long.toString(pid))
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .onExit()
                    .join();
        } catch (IOException noSuchProgram) {
            boolean unused = ProcessHandle.of(pid).map(ProcessHandle::destroy).orElse(false);
        }
    }

    /** Ends it with SIGTERM. After the grace it and its descendants are killed. Returns when it has ended. */
    void end(Duration grace) throws InterruptedException {
        process.destroy();
        if (!process.waitFor(grace.toMillis(), TimeUnit.MILLISECONDS)) {
            List<ProcessHandle> descendants;
            try (Stream<ProcessHandle> found = process.descendants()) {
                descendants = found.toList();
            }
            process.destroyForcibly();
            descendants.forEach(ProcessHandle::destroyForcibly);
            int unused = process.waitFor();
        }
    }
}
