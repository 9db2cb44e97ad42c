package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Contexts without a server. */
class ContextFileTest {

    @TempDir
    Path home;

    private Path file() {
        return home.resolve(".config/larder/config.yaml");
    }

    private String mode(Path file) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    }

    @Test
    void a_context_is_set_chosen_shown_and_deleted() {
        Typed typed = Typed.at(home);

        assertThat(typed.run("context set prod --server=https://larder.example.org -O demo")
                        .exit())
                .isZero();
        assertThat(typed.run("context use prod").exit()).isZero();
        assertThat(typed.run("context list").out())
                .contains("prod", "current", "https://larder.example.org", "demo", "no");
        assertThat(typed.run("context show -o json").out()).contains("\"organization\" : \"demo\"");
        assertThat(typed.run("context set prod -O other").exit()).isZero();
        assertThat(typed.run("context show prod").out()).contains("Organization: other", "Server: https://larder");
        assertThat(typed.run("context delete prod").exit()).isZero();
        assertThat(typed.run("context show prod").exit()).isEqualTo(ExitCode.NOT_FOUND.number());
    }

    @Test
    void the_file_is_the_user_s_alone_also_where_a_wider_one_is_replaced() throws IOException {
        Files.createDirectories(file().getParent());
        Files.writeString(file(), "contexts: []\n");
        Files.setPosixFilePermissions(file(), PosixFilePermissions.fromString("rw-r--r--"));

        Typed.Result set = Typed.at(home).run("context set a --server=http://127.0.0.1:1");

        assertThat(set.err()).contains("chmod 600");
        assertThat(mode(file())).isEqualTo("rw-------");
        assertThat(Typed.at(home).run("context list").err()).isEmpty();
    }

    @Test
    void the_environment_names_another_file() {
        Path other = home.resolve("elsewhere.yaml");

        assertThat(Typed.at(home)
                        .with("LARDER_CONFIG", other.toString())
                        .run("context set a --server=http://127.0.0.1:1")
                        .exit())
                .isZero();

        assertThat(other).exists();
        assertThat(file()).doesNotExist();
    }

    @Test
    void what_is_no_file_is_not_replaced() throws IOException {
        Path device = Files.createDirectories(home.resolve("device"));

        Typed.Result refused = Typed.at(home)
                .with("LARDER_CONFIG", device.toString())
                .run("context set a --server=http://127.0.0.1:1");

        assertThat(refused.exit()).isEqualTo(ExitCode.FAILED.number());
        assertThat(refused.err()).contains(device.toString());
        assertThat(device).isEmptyDirectory();
    }

    @Test
    void a_token_is_never_shown() throws IOException {
        Files.createDirectories(file().getParent());
        Files.writeString(
                file(), "contexts: [{name: a, server: 'http://127.0.0.1:1', token: hush-hush}]\ncurrent: a\n");

        for (String line : new String[] {"context list -o wide", "context list -o yaml", "context show a -o json"}) {
            assertThat(Typed.at(home).run(line).toString())
                    .doesNotContain("hush")
                    .contains("a");
        }
    }

    @Test
    void a_context_of_another_server_loses_its_token() throws IOException {
        Files.createDirectories(file().getParent());
        Files.writeString(file(), "contexts: [{name: a, server: 'http://127.0.0.1:1', token: hush-hush}]\n");

        assertThat(Typed.at(home).run("context set a -O demo").exit()).isZero();
        assertThat(file()).content().contains("hush-hush");
        assertThat(Typed.at(home)
                        .run("context set a --server=http://127.0.0.1:2")
                        .exit())
                .isZero();
        assertThat(file()).content().doesNotContain("hush-hush").contains("demo");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "contexts: [{name: a}]",
                "contexts: [{name: a, server: x, tokn: y}]",
                "context: a",
                "contexts: [a]",
                "a: [",
                "- a"
            })
    void a_file_that_cannot_be_used_is_refused_by_name_and_left_as_it_is(String content) throws IOException {
        Files.createDirectories(file().getParent());
        Files.writeString(file(), content);

        Typed.Result refused = Typed.at(home).run("context set a --server=http://127.0.0.1:1");

        assertThat(refused.exit()).isEqualTo(ExitCode.FAILED.number());
        assertThat(refused.err()).contains(file().toString());
        assertThat(file()).content().isEqualTo(content);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"127.0.0.1:8080", "ftp://x", "http:///x", "http://user:word@x", "http://x?a=b", "http://a b"})
    void a_server_must_be_an_address(String server) {
        Typed.Result refused = Typed.at(home).run("context", "set", "a", "--server=" + server);

        assertThat(refused.exit()).isEqualTo(ExitCode.USAGE.number());
        assertThat(refused.err()).contains("--server", "https://larder.example.org");
    }
}
