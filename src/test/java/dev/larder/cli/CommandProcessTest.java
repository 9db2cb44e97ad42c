package dev.larder.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.larder.testing.Eventually;
import dev.larder.testing.Signals;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ProcessBuilder.Redirect;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands in processes of their own: their signals, their pipes, and what they load. */
class CommandProcessTest {

    private static final String ID = "0198c5a2-7a30-7c61-b0f2-5d8f0e6a1b2c";

    /** What every call is answered: a claim that is being built, and a list whose item changes with each call. */
    private static final String ANSWER = """
            {"id": "%1$s", "status": "active", "workspace": {"id": "%1$s", "status": "start_pending"},
             "items": [{"id": "a", "number": 1, "jobId": "job", "attempt": %2$d}]}""";

    private final List<String> calls = new CopyOnWriteArrayList<>();

    @TempDir
    Path home;

    @SuppressWarnings("NullAway.Init")
    private HttpServer server;

    @BeforeEach
    void listen() throws IOException {
        Files.createDirectory(temporary());
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", this::answer);
        server.start();
    }

    private void answer(HttpExchange call) throws IOException {
        String path = call.getRequestURI().getPath();
        calls.add(call.getRequestMethod() + " " + path);
        if (path.endsWith("/events") || path.endsWith("/stream")) {
            stream(call);
        } else {
            byte[] body = ANSWER.formatted(ID, calls.size()).getBytes(StandardCharsets.UTF_8);
            call.sendResponseHeaders(200, body.length);
            call.getResponseBody().write(body);
            call.close();
        }
    }

    /** A line that comes again and again, until the reader is gone. */
    private static void stream(HttpExchange call) throws IOException {
        call.getResponseHeaders().add("Content-Type", "text/event-stream");
        call.sendResponseHeaders(200, 0);
        while (true) {
            call.getResponseBody().write("data: {\"line\": \"building\"}\n\n".getBytes(StandardCharsets.UTF_8));
            call.getResponseBody().flush();
            Signals.pause(Duration.ofMillis(50));
        }
    }

    private void awaitCall(String call) {
        Eventually.see(() -> List.copyOf(calls), seen -> seen.stream().anyMatch(each -> each.matches(call)));
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
        command.addAll(List.of("-XX:TieredStopAtLevel=1", "-Djava.io.tmpdir=" + temporary()));
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.larder.Main"));
        command.addAll(List.of(arguments));
        // A machine under load may be slow; what is tested is not how fast an answer is.
        command.add("--request-timeout=100s");
        return command;
    }

    private Path temporary() {
        return home.resolve("temporary");
    }

    private Process start(List<String> command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectError(Redirect.appendTo(home.resolve("err").toFile()));
        builder.environment().put("LARDER_ORGANIZATION", "demo");
        builder.environment().put("TERM", "xterm");
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

    private String err() throws IOException {
        return Files.readString(home.resolve("err"));
    }

    @Test
    void ctrl_c_ends_a_command_that_watches_with_130() throws Exception {
        Map<String, Process> watching = new LinkedHashMap<>();
        watching.put("GET /api/v1/jobs", start(java(List.of(), "get", "jobs", "--watch", "--every=1s")));
        watching.put("GET /api/v1/jobs/job/logs/events", start(java(List.of(), "logs", "-f", "job")));
        watching.put(
                "GET /api/v1/events/claim:" + ID + "/stream", start(java(List.of(), "events", "-w", "claim:" + ID)));
        watching.put("GET /api/v1/claims/" + ID, start(java(List.of(), "wait", "claim", ID)));
        for (Map.Entry<String, Process> each : watching.entrySet()) {
            awaitCall(each.getKey());

            Signals.send("INT", each.getValue().pid());

            assertThat(exit(each.getValue())).as(each.getKey()).isEqualTo(130);
        }
        assertThat(err()).doesNotContain("Exception");
    }

    private Path folder(String start) throws IOException {
        Path folder = Files.createDirectories(home.resolve("box"));
        Files.writeString(folder.resolve("larder.yaml"), "backend: exec\npresets: [{name: one}]\n");
        Files.writeString(folder.resolve("start.sh"), "#!/bin/sh\n" + start + "\n");
        Files.writeString(
                folder.resolve("delete.sh"),
                "#!/bin/sh\necho $LARDER_WORKSPACE_DIR > " + home.resolve("deleted") + "\n");
        return folder;
    }

    private void assertRemoved() throws IOException {
        assertThat(home.resolve("deleted")).isNotEmptyFile();
        assertThat(Path.of(Files.readString(home.resolve("deleted")).strip())).doesNotExist();
        assertThat(temporary()).isEmptyDirectory();
    }

    @Test
    void ctrl_c_ends_a_try_with_130_after_its_scripts_were_stopped_and_the_workspace_was_removed() throws Exception {
        Path begun = home.resolve("begun");
        Path folder = folder("sleep 600 & echo $! > " + begun + ".new; mv " + begun + ".new " + begun + "; wait");
        Process trying = start(java(List.of(), "try", folder.toString()));
        Eventually.see(() -> Files.exists(begun), there -> there);
        long script = Long.parseLong(Files.readString(begun).strip());

        Signals.send("INT", trying.pid());

        assertThat(exit(trying)).as(err()).isEqualTo(130);
        assertThat(ProcessHandle.of(script).map(left -> Signals.ends(left, Duration.ofSeconds(5))))
                .isNotEqualTo(Optional.of(false));
        assertThat(err()).contains("removed").doesNotContain("Exception");
        assertRemoved();
    }

    @Test
    void ctrl_c_ends_a_try_on_a_server_with_130_after_claim_and_template_were_given_back() throws Exception {
        Process trying = start(java(List.of(), "try", folder(":").toString(), "--remote"));
        awaitCall("GET /api/v1/jobs/job/logs/events");

        Signals.send("INT", trying.pid());

        assertThat(exit(trying)).as(err()).isEqualTo(130);
        assertThat(calls)
                .anyMatch(call -> call.equals("DELETE /api/v1/claims/" + ID))
                .anyMatch(call -> call.matches("DELETE /api/v1/organizations/demo/templates/try-[0-9a-f]{8}"));
        assertThat(err()).contains("removed").doesNotContain("Exception");
    }

    /** In a terminal of its own, whose keys are what is written to it. */
    private Process inTerminal(String... arguments) throws IOException {
        String line = String.join(" ", java(List.of(), arguments));
        return start(List.of("script", "-qec", line, "/dev/null"));
    }

    @Test
    void ctrl_c_ends_top_with_130_and_q_with_0_and_both_restore_the_terminal() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/script")), "script, which makes a terminal");
        for (Map.Entry<String, Integer> key : Map.of("\u0003", 130, "q", 0).entrySet()) {
            Process top = inTerminal("top");
            InputStream screen = top.getInputStream();
            StringBuilder shown = new StringBuilder();
            while (shown.indexOf("pool") < 0) {
                int next = screen.read();
                assertThat(next).as(shown.toString()).isNotNegative();
                shown.append((char) next);
            }

            top.getOutputStream().write(key.getKey().getBytes(StandardCharsets.UTF_8));
            top.getOutputStream().flush();

            assertThat(new String(screen.readAllBytes(), StandardCharsets.UTF_8))
                    .contains("\u001B[?25h\u001B[?1049l");
            assertThat(exit(top)).isEqualTo(key.getValue());
        }
    }

    @Test
    void a_command_whose_reader_is_gone_ends_with_0_and_without_a_message() throws Exception {
        Map<List<String>, String> readers = new LinkedHashMap<>();
        readers.put(List.of("get", "jobs", "--watch", "--every=1s"), "head -1");
        readers.put(List.of("logs", "-f", "job"), "head -1");
        readers.put(List.of("events", "-w", "claim:" + ID), "head -1");
        readers.put(List.of("top"), "true");
        readers.put(List.of("wait", "pool", ID, "--for=ended"), "true");
        readers.put(
                List.of(
                        "try",
                        folder("sleep 1; echo '{\"a\": \"b\"}' > $LARDER_OUTPUTS")
                                .toString()),
                "true");
        Map<List<String>, Process> piped = new LinkedHashMap<>();
        for (Map.Entry<List<String>, String> each : readers.entrySet()) {
            String line = String.join(" ", java(List.of(), each.getKey().toArray(String[]::new)));
            piped.put(
                    each.getKey(), start(List.of("bash", "-c", "set -o pipefail; " + line + " | " + each.getValue())));
        }
        for (Map.Entry<List<String>, Process> each : piped.entrySet()) {
            String read = new String(each.getValue().getInputStream().readAllBytes(), StandardCharsets.UTF_8);

            assertThat(exit(each.getValue())).as(each.getKey() + err()).isZero();
            assertThat(read)
                    .as(each.getKey().toString())
                    .hasLineCount(Objects.equals(readers.get(each.getKey()), "true") ? 0 : 1);
        }
        assertThat(err()).doesNotContain("Exception", "Broken pipe");
        assertRemoved();
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
