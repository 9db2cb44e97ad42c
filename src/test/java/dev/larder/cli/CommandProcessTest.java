package dev.larder.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.larder.testing.Signals;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands in processes of their own: their signals, their pipes, and what they load. */
class CommandProcessTest {

    private final AtomicInteger calls = new AtomicInteger();

    @TempDir
    Path home;

    @SuppressWarnings("NullAway.Init")
    private HttpServer server;

    @BeforeEach
    void listen() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", call -> {
            // Each call sees a change.
            byte[] jobs = "{\"items\":[{\"id\":\"a\",\"attempt\":%d}]}"
                    .formatted(calls.incrementAndGet())
                    .getBytes(StandardCharsets.UTF_8);
            call.sendResponseHeaders(200, jobs.length);
            call.getResponseBody().write(jobs);
            call.close();
        });
        server.start();
    }

    @AfterEach
    void close() {
        server.stop(0);
    }

    /** @param options of the JVM */
    private List<String> java(List<String> options, String... arguments) {
        // A parent that ignores SIGINT, as a shell's background job, would make the command ignore it.
        List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT"));
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.larder.Main"));
        command.addAll(List.of(arguments));
        // A machine under load may be slow; what is tested is not how fast an answer is.
        command.add("--request-timeout=100s");
        return command;
    }

    private Process start(List<String> command) throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectError(home.resolve("err").toFile());
        builder.environment().put("LARDER_CONFIG", home.resolve("config.yaml").toString());
        builder.environment()
                .put("LARDER_URL", "http://127.0.0.1:" + server.getAddress().getPort());
        builder.environment().put("LARDER_TOKEN", "larder_x");
        return builder.start();
    }

    private int exit(Process process) throws InterruptedException {
        try {
            assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
            return process.exitValue();
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void ctrl_c_ends_a_command_that_watches_with_130() throws Exception {
        Process watching = start(java(List.of(), "get", "jobs", "--watch", "--every=1s"));
        BufferedReader out =
                new BufferedReader(new InputStreamReader(watching.getInputStream(), StandardCharsets.UTF_8));
        assertThat(out.readLine()).startsWith("JOB");

        Signals.send("INT", watching.pid());

        assertThat(exit(watching)).isEqualTo(130);
        assertThat(Files.readString(home.resolve("err"))).doesNotContain("Exception");
    }

    @Test
    void a_command_whose_reader_is_gone_ends_with_0_and_without_a_message() throws Exception {
        String line = String.join(" ", java(List.of(), "get", "jobs", "--watch", "--every=1s"));

        Process piped = start(List.of("bash", "-c", "set -o pipefail; " + line + " | head -1"));

        assertThat(new String(piped.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .startsWith("JOB")
                .hasLineCount(1);
        assertThat(exit(piped)).isZero();
        assertThat(Files.readString(home.resolve("err"))).doesNotContain("Exception");
    }

    @Test
    void a_command_that_calls_a_server_loads_nothing_of_the_application() throws Exception {
        Path loaded = home.resolve("classes");

        assertThat(exit(start(java(List.of("-Xlog:class+load:file=" + loaded), "get", "jobs"))))
                .isZero();

        // The JDK's client asks for a logger, so the log manager is loaded; nothing of it is configured.
        Pattern application = Pattern.compile(
                " (io\\.vertx|io\\.netty|io\\.smallrye\\.(mutiny|config)|io\\.quarkus\\.(arc|vertx|runtime\\.Quarkus)"
                        + "|dev\\.larder\\.(?!cli\\.|model\\.|Main)).*");
        assertThat(Files.readAllLines(loaded).stream()
                        .filter(line -> application.matcher(line).find()))
                .isEmpty();
        assertThat(loaded).content().contains("dev.larder.cli.client.ApiClient");
    }
}
