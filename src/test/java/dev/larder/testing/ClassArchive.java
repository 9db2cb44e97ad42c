package dev.larder.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A class data sharing archive of the packaged application. A process that maps it starts with a third less
 * processor time. It is made once after each build, by a run of the application without a database.
 */
final class ClassArchive {

    private static final Path FILE = Path.of("target", "process-tests.jsa");
    private static final Path LOG = Path.of("target", "process-tests-jsa.log").toAbsolutePath();
    private static final Duration WITHIN = Duration.ofSeconds(60);
    private static final Duration LOOK = Duration.ofMillis(50);

    private ClassArchive() {}

    /** The option of the JVM that maps it. Makes the archive where there is none for this build. */
    static synchronized String option(Path jar) {
        try {
            if (!Files.exists(FILE) || Files.getLastModifiedTime(FILE).compareTo(Files.getLastModifiedTime(jar)) < 0) {
                make();
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(interrupted);
        }
        return "-XX:SharedArchiveFile=" + FILE;
    }

    private static void make() throws IOException, InterruptedException {
        Files.deleteIfExists(FILE);
        int port = Server.freePort();
        ProcessBuilder builder = Server.application(LOG, "-XX:ArchiveClassesAtExit=" + FILE, List.of());
        builder.environment().put("QUARKUS_HTTP_PORT", String.valueOf(port));
        builder.environment().put("QUARKUS_DATASOURCE_REACTIVE_URL", "postgresql://127.0.0.1:1/none");
        builder.environment().put("LARDER_ENCRYPTION_KEY", Server.ENCRYPTION_KEY);
        builder.environment().put("LARDER_STOP_DELAY", "0s");
        Process process = builder.start();
        long until = System.nanoTime() + WITHIN.toNanos();
        while (process.isAlive() && System.nanoTime() < until && !serves(port)) {
            Signals.pause(LOOK);
        }
        process.destroy();
        if (!process.waitFor(WITHIN.toSeconds(), TimeUnit.SECONDS) || !Files.exists(FILE)) {
            process.destroyForcibly();
            throw new IllegalStateException("no class archive was made: " + Files.readString(LOG));
        }
    }

    private static boolean serves(int port) throws InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            URI live = URI.create("http://127.0.0.1:" + port + "/q/health/live");
            return client.send(HttpRequest.newBuilder(live).build(), BodyHandlers.discarding())
                            .statusCode()
                    == 200;
        } catch (IOException notYet) {
            return false;
        }
    }
}
