package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which server gets which token, and servers that do not answer as they should. */
class ServersTest {

    private static final String EMPTY = "{\"items\":[],\"next\":null}";

    @TempDir
    Path home;

    private Typed typed() {
        return Typed.at(home).with("LARDER_TOKEN", "larder_x");
    }

    private void contexts(String yaml) throws IOException {
        Path file = home.resolve(".config/larder/config.yaml");
        Files.createDirectories(file.getParent());
        Files.writeString(file, yaml);
    }

    @Test
    void without_a_server_a_command_says_how_to_log_in() {
        Typed.Result result = Typed.at(home).run("get pools");

        assertThat(result.exit()).isEqualTo(ExitCode.NEEDS_LOGIN.number());
        assertThat(result.err()).contains("larder login --server=", "LARDER_URL");
    }

    @Test
    void without_a_token_a_command_says_how_to_log_in() {
        Typed.Result result = Typed.at(home).run("get pools --server=http://127.0.0.1:1");

        assertThat(result.exit()).isEqualTo(ExitCode.NEEDS_LOGIN.number());
        assertThat(result.err()).contains("larder login --server=http://127.0.0.1:1");
    }

    @Test
    void the_option_s_token_wins_over_the_environment_s_and_that_over_the_context_s() throws IOException {
        Path file = Files.writeString(home.resolve("token"), "larder_file\n");
        try (StubServer server = StubServer.answering(200, EMPTY)) {
            contexts("current: a\ncontexts: [{name: a, server: '" + server.url() + "', token: larder_context}]\n");

            assertThat(Typed.at(home).run("get pools").exit()).isZero();
            assertThat(typed().run("get pools").exit()).isZero();
            assertThat(typed().run("get pools --token-file=" + file).exit()).isZero();
            assertThat(typed().run("get pools --token=larder_option").exit()).isZero();

            assertThat(server.got())
                    .extracting(StubServer.Got::authorization)
                    .containsExactly(
                            "Bearer larder_context", "Bearer larder_x", "Bearer larder_file", "Bearer larder_option");
        }
    }

    @Test
    void the_token_of_a_context_goes_to_its_own_server_alone() throws IOException {
        try (StubServer other = StubServer.answering(200, EMPTY)) {
            contexts("current: a\ncontexts: [{name: a, server: 'http://127.0.0.1:1', token: hush}]\n");

            Typed.Result refused = Typed.at(home).run("get pools --server=" + other.url());

            assertThat(refused.exit()).isEqualTo(ExitCode.NEEDS_LOGIN.number());
            assertThat(Typed.at(home)
                            .with("LARDER_URL", other.url())
                            .run("get pools")
                            .exit())
                    .isEqualTo(ExitCode.NEEDS_LOGIN.number());
            assertThat(other.got()).isEmpty();
        }
    }

    @Test
    void the_context_of_an_option_wins_over_that_of_the_environment_and_that_over_the_current_one() throws IOException {
        try (StubServer server = StubServer.answering(200, EMPTY)) {
            String fields = ", server: '" + server.url() + "', token: larder_";
            contexts("current: a\ncontexts: [{name: a%sa}, {name: b%sb}, {name: c%sc}]\n"
                    .formatted(fields, fields, fields));

            Typed inB = Typed.at(home).with("LARDER_CONTEXT", "b");
            assertThat(inB.run("get pools").exit()).isZero();
            assertThat(inB.run("get pools --context=c").exit()).isZero();

            assertThat(server.got())
                    .extracting(StubServer.Got::authorization)
                    .containsExactly("Bearer larder_b", "Bearer larder_c");
            assertThat(inB.run("get pools --context=d").err()).contains("there is no context 'd'");
        }
    }

    @Test
    void a_server_that_is_not_there_is_told_apart_from_one_that_refuses() throws IOException {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }

        Typed.Result result = typed().run("get pools --server=http://127.0.0.1:" + port);

        assertThat(result.exit()).isEqualTo(ExitCode.UNREACHABLE.number());
        assertThat(result.err()).contains("cannot be reached", "--server");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{"})
    void a_server_that_stays_silent_is_waited_for_until_the_deadline(String begun) throws IOException {
        try (StubServer server = StubServer.silent(begun)) {
            Typed.Result result = typed().run("get pools --request-timeout=1s --server=" + server.url());

            assertThat(result.exit()).isEqualTo(ExitCode.TIMED_OUT.number());
            assertThat(result.err()).contains("did not answer within 1s", "--request-timeout");
        }
    }

    @Test
    void an_answer_that_breaks_off_is_a_failed_connection() throws IOException {
        try (StubServer server = StubServer.answering(call -> {
            call.sendResponseHeaders(200, 1000);
            call.getResponseBody().write('{');
            call.getResponseBody().flush();
        })) {
            assertThat(typed().run("get pools --server=" + server.url()).exit())
                    .isEqualTo(ExitCode.UNREACHABLE.number());
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "200 | <html>hello</html>             | 1 | Is it a Larder server",
                "302 | ''                             | 1 | redirect",
                "502 | bad gateway                    | 8 | answered 502",
                "500 | {\"detail\":\"a fault\",\"code\":\"internal\"} | 1 | a fault [internal]",
                "401 | {\"code\":\"unauthorized\"}    | 4 | larder login",
                "403 | {\"detail\":\"not for members\",\"code\":\"forbidden\"} | 5 | not for members [forbidden]",
                "409 | {\"detail\":\"none left\",\"code\":\"no_claimable_workspace\"} | 6 | none left",
                "429 | {\"detail\":\"too many\",\"code\":\"quota\"} | 5 | too many"
            })
    void an_answer_that_is_no_success_ends_the_command_with_its_reason(int status, String body, int exit, String told)
            throws IOException {
        try (StubServer server = StubServer.answering(status, body)) {
            Typed.Result result = typed().run("get pools --server=" + server.url());

            assertThat(result.exit()).as(result.toString()).isEqualTo(exit);
            assertThat(result.err()).contains(told);
            assertThat(result.out()).isEmpty();
        }
    }

    @Test
    void all_fields_that_the_server_refuses_are_named() throws IOException {
        try (StubServer server = StubServer.answering(
                400,
                "{\"detail\":\"a: is bad\",\"code\":\"bad\",\"errors\":"
                        + "[{\"field\":\"a\",\"detail\":\"is bad\"},{\"field\":\"b\",\"detail\":\"is worse\"}]}")) {
            assertThat(typed().run("get pools --server=" + server.url()).err()).contains("a: is bad", "b: is worse");
        }
    }

    @Test
    void a_server_of_another_version_is_said_once_and_with_what_it_may_explain() throws IOException {
        try (StubServer server = StubServer.answering(call -> StubServer.send(call, "9.3.1", 200, EMPTY))) {
            Typed.Result result = typed().run("get templates --server=" + server.url());

            assertThat(result.exit()).isZero();
            assertThat(result.err().lines().filter(line -> line.contains("the server is 9.3.1")))
                    .hasSize(1);
        }
        try (StubServer server = StubServer.answering(
                call -> StubServer.send(call, "9.3.1", 404, "{\"detail\":\"no such address\",\"code\":\"x\"}"))) {
            assertThat(typed().run("get pools --server=" + server.url()).err())
                    .contains("no such address [x] (the server is 9.3.1");
        }
    }

    @Test
    void a_server_that_says_no_version_is_told() throws IOException {
        try (StubServer server = StubServer.answering(call -> StubServer.send(call, "", 200, EMPTY))) {
            assertThat(typed().run("get pools --server=" + server.url()).err())
                    .contains("the server does not say its version");
        }
    }

    @Test
    void versions_are_shown_without_a_token() throws IOException {
        try (StubServer server = StubServer.answering(call -> StubServer.send(call, "9.3.1", 401, "{}"))) {
            Typed.Result result = Typed.at(home).run("version --server=" + server.url() + " -o json");

            assertThat(result.exit()).isZero();
            assertThat(result.out()).contains("\"server\" : \"9.3.1\"");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hush hush", "hush\nhush", "hush\u00e4"})
    void a_token_that_no_header_can_hold_is_refused_and_not_shown(String token) {
        Typed.Result refused = Typed.at(home).with("LARDER_TOKEN", token).run("get pools --server=http://127.0.0.1:1");

        assertThat(refused.exit()).isEqualTo(ExitCode.USAGE.number());
        assertThat(refused.err()).contains("the token has").doesNotContain("hush");
    }

    @Test
    void a_server_below_a_path_is_called_there() throws IOException {
        try (StubServer server = StubServer.answering(200, EMPTY)) {
            assertThat(typed().run("get jobs --server=" + server.url() + "/larder/")
                            .exit())
                    .isZero();

            assertThat(server.got().getFirst().target()).startsWith("/larder/api/v1/jobs");
        }
    }

    @Test
    void a_file_of_certificates_must_hold_some() throws IOException {
        Path file = Files.writeString(home.resolve("ca.pem"), "no certificate");

        Typed.Result refused = typed().run("get pools --server=https://127.0.0.1:1 --ca-file=" + file);

        assertThat(refused.exit()).isEqualTo(ExitCode.USAGE.number());
        assertThat(refused.err()).contains("--ca-file");
    }
}
