package dev.larder.testing;

import io.vertx.pgclient.PgConnectOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** The delivered application as a process of its own. */
public final class Server implements AutoCloseable {

    /** Which outputs and sensitive parameters are sealed with. */
    public static final String ENCRYPTION_KEY = Planted.ENCRYPTION_KEY;

    private static final Path JAR = Path.of("target", "quarkus-app", "quarkus-run.jar");
    private static final Duration START = Duration.ofSeconds(60);

    private final Process process;
    private final int port;
    private final Path log;

    private Server(Process process, int port, Path log) {
        this.process = process;
        this.port = port;
        this.log = log;
    }

    /** Starts one; {@link #awaitReady} tells when it serves. */
    public static Server start(String name, Database database, Map<String, String> settings) {
        return start(name, database.connectOptions(), settings);
    }

    /** The same on any database. */
    public static Server start(String name, PgConnectOptions options, Map<String, String> settings) {
        int port = freePort();
        Path log = Path.of("target", "cluster-" + name + ".log").toAbsolutePath();
        ProcessBuilder builder = application(log);
        Map<String, String> environment = builder.environment();
        environment.put(
                "QUARKUS_DATASOURCE_REACTIVE_URL",
                "postgresql://" + options.getHost() + ":" + options.getPort() + "/" + options.getDatabase());
        environment.put("QUARKUS_DATASOURCE_USERNAME", options.getUser());
        environment.put("QUARKUS_DATASOURCE_PASSWORD", Objects.requireNonNullElse(options.getPassword(), ""));
        environment.put("QUARKUS_HTTP_PORT", String.valueOf(port));
        environment.put("LARDER_ENCRYPTION_KEY", ENCRYPTION_KEY);
        // Tests that have no balancer have nobody who has to notice.
        environment.put("LARDER_STOP_DELAY", "0s");
        environment.putAll(settings);
        // An empty value stands for the default.
        environment.values().removeIf(String::isEmpty);
        try {
            return new Server(builder.start(), port, log);
        } catch (IOException notStarted) {
            throw new UncheckedIOException(notStarted);
        }
    }

    /** The delivered application with little memory, to be given arguments and an environment. */
    static ProcessBuilder application(Path log, String... arguments) {
        return application(log, ClassArchive.option(JAR), List.of(arguments));
    }

    /** @param option a further one for the JVM */
    static ProcessBuilder application(Path log, String option, List<String> arguments) {
        Leaks.follow(log);
        List<String> command = new ArrayList<>(words(option));
        command.addAll(arguments);
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    }

    /** The command that is the delivered application, in the folder of the build. */
    static List<String> words() {
        return words(ClassArchive.option(JAR));
    }

    private static List<String> words(String option) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                option,
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-jar",
                JAR.toString());
    }

    static int freePort() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        } catch (IOException none) {
            throw new UncheckedIOException(none);
        }
    }

    public int port() {
        return port;
    }

    public URI uri(String path) {
        return URI.create("http://127.0.0.1:" + port + path);
    }

    public long pid() {
        return process.pid();
    }

    /** Asks until readiness is up. */
    @CanIgnoreReturnValue
    public Server awaitReady() throws InterruptedException {
        HttpClient client = HttpClient.newHttpClient();
        long until = System.nanoTime() + START.toNanos();
        while (System.nanoTime() < until && process.isAlive()) {
            try {
                HttpRequest request = HttpRequest.newBuilder(uri("/q/health/ready"))
                        .timeout(Duration.ofSeconds(5))
                        .build();
                if (client.send(request, BodyHandlers.discarding()).statusCode() == 200) {
                    return this;
                }
            } catch (IOException notYet) {
                // asked again below
            }
            // Another process's start cannot be signalled to this one: asking is all there is.
            TimeUnit.MILLISECONDS.sleep(50);
        }
        throw new AssertionError("server not ready: " + said());
    }

    public String said() {
        try {
            String text = Files.readString(log);
            return text.substring(Math.max(0, text.length() - 4_000));
        } catch (IOException unreadable) {
            return unreadable.toString();
        }
    }

    /** As an operator does: {@link #ends} tells when it has ended. */
    public void stop() {
        process.destroy();
    }

    /** @return its exit code; fails where it does not end in time */
    public int ends(Duration within) throws InterruptedException {
        if (!process.waitFor(within.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new AssertionError("still running after " + within + ": " + said());
        }
        return process.exitValue();
    }

    /** As the kernel would: nothing is cleaned up. */
    public void kill() throws InterruptedException {
        process.destroyForcibly();
        int code = process.waitFor();
        if (code == 0) {
            throw new AssertionError("it ended by itself before it was killed");
        }
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException interrupted) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
