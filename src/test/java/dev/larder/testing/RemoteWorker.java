package dev.larder.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** {@code larder worker} as a process of its own, with the exec backend. */
public final class RemoteWorker implements AutoCloseable {

    private final String name;
    private final Process process;
    private final Path log;

    private RemoteWorker(String name, Process process, Path log) {
        this.name = name;
        this.process = process;
        this.log = log;
    }

    /** @param root where its workspaces lie */
    public static RemoteWorker start(String name, URI server, Path tokenFile, Path root, int slots) {
        return start(name, server, tokenFile, root, slots, Map.of());
    }

    /** @param settings further ones, as variables of its environment */
    public static RemoteWorker start(
            String name, URI server, Path tokenFile, Path root, int slots, Map<String, String> settings) {
        Path log = Path.of("target", "cluster-" + name + ".log").toAbsolutePath();
        ProcessBuilder builder = Server.application(
                log, "worker", "--server=" + server, "--token-file=" + tokenFile, "--name=" + name, "--slots=" + slots);
        Map<String, String> environment = builder.environment();
        environment.put("LARDER_BACKEND_EXEC_ENABLED", "true");
        environment.put("LARDER_BACKEND_EXEC_ROOT", root.toString());
        environment.put("LARDER_WORKER_HEARTBEAT", "1s");
        environment.put("LARDER_WORKER_DRAIN", "2s");
        environment.putAll(settings);
        try {
            return new RemoteWorker(name, builder.start(), log);
        } catch (IOException notStarted) {
            throw new UncheckedIOException(notStarted);
        }
    }

    /** As the server knows it. */
    public String name() {
        return name;
    }

    public void kill() throws InterruptedException {
        process.destroyForcibly();
        int code = process.waitFor();
        if (code == 0) {
            throw new AssertionError("it ended by itself before it was killed: " + said());
        }
    }

    /** It stands still where it is, until it goes on. */
    public void standStill() {
        Signals.send("STOP", process.pid());
    }

    public void goOn() {
        Signals.send("CONT", process.pid());
    }

    public String said() {
        try {
            return Files.readString(log);
        } catch (IOException unreadable) {
            return unreadable.toString();
        }
    }

    /** As an operator does; it drains. */
    public void stop() {
        process.destroy();
    }

    /** Whether it ends in time. */
    public boolean ends() throws InterruptedException {
        return process.waitFor(30, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
        goOn();
        process.destroyForcibly();
    }
}
