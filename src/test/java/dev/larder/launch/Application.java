package dev.larder.launch;

import dev.larder.testing.Signals;
import dev.larder.testing.Unprivileged;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The production application as a child process in a session of its own, so that Ctrl-C reaches the launcher alone,
 * which stops first this and then its database. Remembered by process id and start time, so that the next launcher
 * can end one that was left running, and never anything else.
 */
final class Application {

    private static final String PID_FILE = "application.pid";
    private static final Duration STOP_WITHIN = Duration.ofSeconds(30);

    private final Home home;
    private final Process process;

    private Application(Home home, Process process) {
        this.home = home;
        this.process = process;
    }

    /** @param folder of a Quarkus fast-jar; must not change while it runs */
    static Application start(Home home, Path folder, List<String> properties, Map<String, String> environment) {
        List<String> command = new ArrayList<>();
        if (Unprivileged.onPath("setsid")) {
            command.add("setsid");
        }
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        if (Runtime.version().feature() >= 24) {
            command.add("--sun-misc-unsafe-memory-access=allow");
        }
        command.add("--enable-native-access=ALL-UNNAMED");
        command.addAll(properties);
        command.addAll(List.of("-jar", folder.resolve("quarkus-run.jar").toString()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment);
        try {
            Process process = builder.start();
            process.getOutputStream().close();
            home.write(PID_FILE, mark(process.toHandle()));
            Thread echo = new Thread(() -> echo(process), "larder-output");
            echo.setDaemon(true);
            echo.start();
            return new Application(home, process);
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot start the application", failed);
        }
    }

    /** Ends one that an earlier launcher left running. @return whether there was one */
    static boolean endLeftBehind(Home home) {
        Optional<ProcessHandle> left = leftBehind(home);
        left.ifPresent(Application::end);
        home.delete(PID_FILE);
        return left.isPresent();
    }

    /** Whether an earlier launcher left one running. */
    static boolean isLeftBehind(Home home) {
        return leftBehind(home).isPresent();
    }

    private static Optional<ProcessHandle> leftBehind(Home home) {
        String mark = home.has(PID_FILE) ? home.read(PID_FILE) : "";
        return mark.matches("[0-9]+ [0-9]+")
                ? ProcessHandle.of(Long.parseLong(mark.substring(0, mark.indexOf(' '))))
                        .filter(process -> mark(process).equals(mark))
                : Optional.empty();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** @return its exit code, once it has ended */
    int ended() {
        return process.onExit().join().exitValue();
    }

    void stop() {
        end(process.toHandle());
        home.delete(PID_FILE);
    }

    private static void end(ProcessHandle process) {
        Signals.send("TERM", process.pid());
        if (!Signals.ends(process, STOP_WITHIN)) {
            Signals.send("KILL", process.pid());
        }
    }

    private static String mark(ProcessHandle process) {
        return process.pid()
                + " "
                + process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
    }

    private static void echo(Process process) {
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                // The launcher says it at the end, where it can be found.
                if (!line.startsWith("Larder owner token")) {
                    System.out.println(line);
                }
            }
        } catch (IOException ended) {
            // Its output ends with it.
        }
    }
}
