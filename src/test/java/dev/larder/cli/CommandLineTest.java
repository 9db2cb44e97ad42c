package dev.larder.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** None of these starts an application: the command line alone decides. */
class CommandLineTest {

    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... args) {
        return new CommandLine(new LarderCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(args);
    }

    @Test
    void says_its_version() {
        assertThat(run("--version")).isZero();

        assertThat(out.toString()).startsWith("larder ");
    }

    @Test
    void says_how_it_is_used() {
        assertThat(run("--help")).isZero();

        assertThat(out.toString()).contains("Usage: larder", "worker", "--version", "Exit codes:");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--port=8081",
                "sevre",
                "-x",
                "worker --servr=http://127.0.0.1:1",
                "worker --slots=many --server=http://127.0.0.1:1"
            })
    void refuses_what_it_does_not_know_with_its_usage(String line) {
        assertThat(run(line.split(" "))).isEqualTo(2);

        assertThat(err.toString()).contains("Usage: larder");
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1:8080", "ftp://127.0.0.1", "http:///path"})
    void a_worker_s_server_must_be_an_address(String server) throws Exception {
        Path token = Files.writeString(folder.resolve("token"), "larder_x");

        assertThat(run("worker", "--server=" + server, "--token-file=" + token)).isEqualTo(2);

        assertThat(err.toString()).contains("--server");
    }

    @Test
    void a_worker_s_token_must_be_readable() {
        assertThat(run("worker", "--server=http://127.0.0.1:1", "--token-file=" + folder.resolve("none")))
                .isEqualTo(2);

        assertThat(err.toString()).contains("--token-file cannot be read");
    }

    @Test
    void a_worker_must_keep_a_slot_for_prebuilds() throws Exception {
        Path token = Files.writeString(folder.resolve("token"), "larder_x");

        assertThat(run("worker", "--server=http://127.0.0.1:1", "--token-file=" + token, "--slots=2", "--reserved=2"))
                .isEqualTo(2);

        assertThat(err.toString()).contains("--reserved less than --slots");
    }
}
