package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import dev.larder.cli.Version;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The command in this process, against answers that a real server gives rarely. */
class ClaimCommandTest {

    private static final String READY = """
            {"id":"c-1","path":"warm","status":"active","workspace":{"id":"w-1","name":"wombat","organization":"acme",
             "template":"shop","preset":"small","status":"ready","outputs":{"url":"postgresql://x","user":"o'brien"}}}""";
    private static final String WAITING =
            "{\"id\":\"c-1\",\"path\":\"waited\",\"status\":\"waiting\",\"waiting\":{\"position\":2,\"etaSeconds\":5}}";

    /** @param key the Idempotency-Key, empty where there is none */
    private record Asked(String call, String key, String body) {}

    /** @param status 0 closes the connection without an answer */
    private record Reply(int status, String body) {

        static final Reply NONE = new Reply(0, "");
    }

    @TempDir
    Path home;

    private final Deque<Reply> replies = new ConcurrentLinkedDeque<>();
    private final List<Asked> asked = new CopyOnWriteArrayList<>();
    private StubServer server;

    @BeforeEach
    void serve() throws IOException {
        server = StubServer.answering(this::answer);
    }

    @AfterEach
    void close() {
        server.close();
    }

    private void answer(HttpExchange call) throws IOException {
        String key = call.getRequestHeaders().getFirst("Idempotency-Key");
        asked.add(new Asked(
                call.getRequestMethod() + " " + call.getRequestURI(),
                key == null ? "" : key,
                new String(call.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)));
        Reply reply = call.getRequestMethod().equals("DELETE") ? new Reply(204, "") : replies.remove();
        if (reply.status() != 0) {
            StubServer.send(call, Version.number(), reply.status(), reply.body());
        }
    }

    private List<String> calls() {
        return asked.stream().map(Asked::call).toList();
    }

    private Typed typed() {
        return Typed.at(home).with("LARDER_URL", server.url()).with("LARDER_TOKEN", "larder_x");
    }

    private Typed.Result claim(String... arguments) {
        return typed().run(
                        Stream.concat(Stream.of("claim"), Stream.of(arguments)).toArray(String[]::new));
    }

    private void answers(int status, String body) {
        replies.add(new Reply(status, body));
    }

    @Test
    void prints_what_a_shell_evaluates() {
        answers(201, READY);

        Typed.Result claimed = claim("acme/shop/small");

        assertThat(claimed.exit()).as(claimed.toString()).isZero();
        assertThat(claimed.out()).isEqualTo("""
                export LARDER_CLAIM_ID='c-1'
                export LARDER_CLAIM_WORKSPACE_ID='w-1'
                export LARDER_CLAIM_WORKSPACE_NAME='wombat'
                export LARDER_CLAIM_ORGANIZATION='acme'
                export LARDER_CLAIM_TEMPLATE='shop'
                export LARDER_CLAIM_PRESET='small'
                export LARDER_OUTPUT_URL='postgresql://x'
                export LARDER_OUTPUT_USER='o'\\''brien'
                """);
        assertThat(asked.getFirst().body())
                .isEqualTo(
                        "{\"organization\":\"acme\",\"template\":\"shop\",\"preset\":\"small\",\"policy\":\"fail\"}");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            -o url  | postgresql://x
            -o name | c-1
            """)
    void prints_one_value_where_that_is_wanted(String option, String printed) {
        answers(201, READY);

        assertThat(claim(("shop/small " + option).split(" ")).out()).isEqualTo(printed + "\n");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            shop/small --wait                        | "policy":"wait","timeout":"PT5M"
            --wait shop/small                        | "policy":"wait","timeout":"PT5M"
            --wait=90s shop/small                    | "policy":"wait","timeout":"PT1M30S"
            --wait 1h30m shop/small                  | "policy":"wait","timeout":"PT1H30M"
            shop/small --wait -o env                 | "policy":"wait","timeout":"PT5M"
            shop/small --cold                        | "policy":"cold"
            shop/small --cold --wait=1m              | "policy":"wait_then_cold","timeout":"PT1M"
            shop/small --ttl=1h                      | "policy":"fail","ttl":"PT1H"
            shop/small --label a=1 --label b=x=y     | "labels":{"a":"1","b":"x=y"}
            shop/small --parameter region=eu         | "parameters":{"region":"eu"}
            shop/small -O acme                       | {"organization":"acme","template":"shop"
            shop/small -- true                       | "policy":"fail","ttl":"PT2M"
            shop/small --ttl=30s -- sh -c :        | "ttl":"PT30S"
            """)
    void asks_for_what_the_options_say(String line, String wanted) {
        answers(201, READY);

        Typed.Result claimed = claim(line.split(" +"));

        assertThat(claimed.exit()).as(claimed.toString()).isZero();

        assertThat(asked.getFirst().body()).contains(wanted);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "shop",
                "a/b/c/d",
                "shop/",
                "/small",
                "shop/small --wait=soon",
                "shop/small --wait=0s",
                "shop/small --wait soon",
                "shop/small --ttl=-1s",
                "shop/small --label=team",
                "shop/small psql",
                "shop/small --ttl=1s -- true",
                "shop/small -o xml",
                ""
            })
    void refuses_what_it_does_not_understand_and_asks_for_nothing(String line) {
        Typed.Result refused = claim(line.split(" "));

        assertThat(refused.exit()).isEqualTo(ExitCode.USAGE.number());
        assertThat(refused.err()).startsWith("larder: ");
        assertThat(asked).isEmpty();
    }

    @Test
    void a_lost_answer_is_asked_for_again_with_the_same_key() {
        replies.add(Reply.NONE);
        answers(503, "{\"code\":\"database_busy\",\"detail\":\"busy\"}");
        answers(201, READY);

        assertThat(claim("shop/small").exit()).isZero();

        assertThat(calls()).containsExactly("POST /api/v1/claims", "POST /api/v1/claims", "POST /api/v1/claims");
        assertThat(asked.stream().map(Asked::key).distinct())
                .singleElement()
                .asString()
                .hasSize(36);
        assertThat(asked.stream().map(Asked::body).distinct()).hasSize(1);
    }

    @Test
    void two_commands_have_two_keys() {
        answers(201, READY);
        answers(201, READY);

        assertThat(claim("shop/small").exit()).isZero();
        assertThat(claim("shop/small").exit()).isZero();

        assertThat(asked.stream().map(Asked::key).distinct()).hasSize(2);
    }

    @Test
    void says_where_it_stands_while_it_waits() {
        answers(202, WAITING);
        answers(200, READY);

        Typed.Result claimed = claim("shop/small", "--wait");

        assertThat(claimed.exit()).isZero();
        assertThat(claimed.err()).isEqualTo("larder: waiting, number 2 in line, about 10s\n");
        assertThat(claimed.out()).contains("LARDER_CLAIM_ID='c-1'");
    }

    @ParameterizedTest
    @CsvSource({
        "409, no_claimable_workspace, 6",
        "409, creation_stopped, 6",
        "401, invalid_token, 4",
        "403, quota_exceeded, 5",
        "409, connections_full, 5",
        "422, value_not_of_type, 5",
        "404, preset_not_found, 3",
        "503, workspace_unreadable, 8"
    })
    void each_kind_of_refusal_has_its_exit_code(int status, String code, int exit) {
        answers(status, "{\"code\":\"%s\",\"detail\":\"why\"}".formatted(code));

        Typed.Result refused = claim("shop/small");

        assertThat(refused.exit()).isEqualTo(exit);
        assertThat(calls()).as("nothing is released").containsExactly("POST /api/v1/claims");
        assertThat(refused.out()).isEmpty();
    }

    @Test
    void a_claim_that_was_not_served_in_time_has_its_own_exit_code() {
        answers(202, WAITING);
        answers(200, """
                {"id":"c-1","status":"timed_out","code":"no_claimable_workspace","reason":"None in time."}""");

        Typed.Result late = claim("shop/small", "--wait=1s");

        assertThat(late.exit()).isEqualTo(ExitCode.TIMED_OUT.number());
        assertThat(late.err()).contains("None in time. [no_claimable_workspace]");
    }

    @Test
    void a_workspace_that_cannot_be_used_is_released() {
        answers(201, READY.replace("\"ready\"", "\"start_running\""));
        answers(200, READY.replace("\"ready\"", "\"start_failed\""));

        assertThat(claim("shop/small").exit()).isEqualTo(ExitCode.FAILED.number());

        assertThat(calls()).endsWith("DELETE /api/v1/claims/c-1");
    }

    @Test
    void a_claim_that_cannot_be_printed_is_released() {
        answers(201, READY);

        Typed.Result unread = typed().runUnread("claim shop/small");

        assertThat(unread.exit()).isEqualTo(ExitCode.FAILED.number());
        assertThat(unread.err()).contains("the claim could not be printed");
        assertThat(calls()).endsWith("DELETE /api/v1/claims/c-1");
    }

    @Test
    void a_claim_without_the_wanted_output_is_released() {
        answers(201, READY.replace("\"url\"", "\"address\""));

        Typed.Result refused = claim("shop/small", "-o", "url");

        assertThat(refused.exit()).isEqualTo(ExitCode.FAILED.number());
        assertThat(refused.err()).contains("no output 'url'", "address, user").doesNotContain("o'brien");
        assertThat(calls()).endsWith("DELETE /api/v1/claims/c-1");
    }

    @Test
    void the_exit_code_is_the_command_s_and_the_claim_is_released() {
        answers(201, READY);

        String script = "test \"$LARDER_OUTPUT_USER\" = \"o'brien\" && exit 41";

        assertThat(claim("shop/small", "--", "/bin/sh", "-c", script).exit()).isEqualTo(41);

        assertThat(calls()).containsExactly("POST /api/v1/claims", "DELETE /api/v1/claims/c-1");
    }

    @Test
    void a_command_that_is_not_there_is_127_and_the_claim_is_released() {
        answers(201, READY);

        Typed.Result refused = claim("shop/small", "--", "no-such-command-here", "--help");

        assertThat(refused.exit()).isEqualTo(127);
        assertThat(refused.err()).contains("no-such-command-here: command not found");
        assertThat(calls()).endsWith("DELETE /api/v1/claims/c-1");
    }

    @Test
    void a_lost_lease_ends_the_command_and_is_said() {
        answers(201, READY);
        answers(409, "{\"code\":\"claim_ended\",\"detail\":\"The claim has ended.\"}");

        Typed.Result lost = claim("shop/small", "--ttl=6s", "--", "sleep", "60");

        assertThat(lost.exit()).isEqualTo(ExitCode.LEASE_LOST.number());
        assertThat(lost.err()).contains("the lease is lost: The claim has ended. [claim_ended]", "ending the command");
        assertThat(calls()).containsExactly("POST /api/v1/claims", "POST /api/v1/claims/c-1/renew");
    }

    @Test
    void a_server_that_is_away_for_a_while_does_not_end_the_command() {
        answers(201, READY);
        replies.add(Reply.NONE);
        answers(502, "");
        answers(200, READY);

        Typed.Result kept = claim("shop/small", "--ttl=9s", "--", "sleep", "5.5");

        assertThat(kept.exit()).as(kept.toString()).isZero();
        assertThat(kept.err()).contains("the lease cannot be renewed now", "the lease is renewed again");
        assertThat(calls()).endsWith("DELETE /api/v1/claims/c-1");
    }
}
