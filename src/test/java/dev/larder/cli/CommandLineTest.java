package dev.larder.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.cli.client.ExitCode;
import dev.larder.cli.client.Typed;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** None of these starts an application: the command line alone decides. */
class CommandLineTest {

    @TempDir
    Path folder;

    private String out = "";
    private String err = "";

    private int run(String... args) {
        Typed.Result result = Typed.at(folder).run(args);
        out = result.out();
        err = result.err();
        return result.exit();
    }

    @Test
    void says_its_version() {
        assertThat(run("--version")).isZero();

        assertThat(out).startsWith("larder ");
    }

    @Test
    void says_how_it_is_used() {
        assertThat(run("--help")).isZero();

        assertThat(out).contains("Usage: larder", "worker", "--version", "src/docs/cli.md");
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
        assertThat(run(line.split(" "))).isEqualTo(ExitCode.USAGE.number());

        assertThat(err).contains("Usage: larder");
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1:8080", "ftp://127.0.0.1", "http:///path"})
    void a_worker_s_server_must_be_an_address(String server) throws Exception {
        Path token = Files.writeString(folder.resolve("token"), "larder_x");

        assertThat(run("worker", "--server=" + server, "--token-file=" + token)).isEqualTo(ExitCode.USAGE.number());

        assertThat(err).contains("--server");
    }

    @Test
    void a_worker_s_token_must_be_readable() {
        assertThat(run("worker", "--server=http://127.0.0.1:1", "--token-file=" + folder.resolve("none")))
                .isEqualTo(ExitCode.USAGE.number());

        assertThat(err).contains("--token-file cannot be read");
    }

    @Test
    void a_worker_must_keep_a_slot_for_prebuilds() throws Exception {
        Path token = Files.writeString(folder.resolve("token"), "larder_x");

        assertThat(run("worker", "--server=http://127.0.0.1:1", "--token-file=" + token, "--slots=2", "--reserved=2"))
                .isEqualTo(ExitCode.USAGE.number());

        assertThat(err).contains("--reserved less than --slots");
    }
}
