package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ClaimVariablesTest {

    private static ObjectNode claim(String... outputs) {
        ObjectNode claim = Json.object().put("id", "c-1").put("status", "active");
        ObjectNode workspace = claim.putObject("workspace")
                .put("id", "w-1")
                .put("name", "wombat")
                .put("organization", "acme")
                .put("template", "shop")
                .putNull("preset");
        ObjectNode values = workspace.putObject("outputs");
        for (int index = 0; index < outputs.length; index += 2) {
            values.put(outputs[index], outputs[index + 1]);
        }
        return claim;
    }

    @Test
    void names_the_claim_and_each_output() {
        ClaimVariables variables = ClaimVariables.of(claim("url", "postgresql://x", "admin-user", "root"));

        assertThat(variables.values())
                .containsExactly(
                        Map.entry("LARDER_CLAIM_ID", "c-1"),
                        Map.entry("LARDER_CLAIM_WORKSPACE_ID", "w-1"),
                        Map.entry("LARDER_CLAIM_WORKSPACE_NAME", "wombat"),
                        Map.entry("LARDER_CLAIM_ORGANIZATION", "acme"),
                        Map.entry("LARDER_CLAIM_TEMPLATE", "shop"),
                        Map.entry("LARDER_OUTPUT_URL", "postgresql://x"),
                        Map.entry("LARDER_OUTPUT_ADMIN_USER", "root"));
        assertThat(variables.problems()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "two\nlines\n",
                "it's",
                "'; touch /tmp/never; '",
                "$(touch /tmp/never) `touch /tmp/never` $HOME ${X}",
                "\\ \\n \"quoted\" ! * ? ~ # & | ; < > ( ) { } [ ]",
                "tab\there\r\n",
                "Zürich 東京 🦀"
            })
    void a_shell_reads_exactly_the_value_of_an_output(String value) throws Exception {
        String exports = ClaimVariables.of(claim("url", value)).exports();

        Process shell =
                new ProcessBuilder("/bin/sh", "-c", "eval \"$(cat)\"; printenv LARDER_OUTPUT_URL; printf .").start();
        shell.getOutputStream().write(exports.getBytes(StandardCharsets.UTF_8));
        shell.getOutputStream().close();

        // The command substitution of the test removes no line end of the value: it stands in quotes.
        assertThat(new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .isEqualTo(value + "\n.");
    }

    @Test
    void of_two_outputs_with_one_variable_the_first_has_it_and_the_other_is_named() {
        ClaimVariables variables = ClaimVariables.of(claim("a-b", "1", "a_b", "2", "A.B", "3"));

        assertThat(variables.values()).containsEntry("LARDER_OUTPUT_A_B", "1");
        assertThat(variables.problems())
                .containsExactly(
                        "output a_b is left out: LARDER_OUTPUT_A_B is output a-b",
                        "output A.B is left out: LARDER_OUTPUT_A_B is output a-b");
    }

    @Test
    void a_value_that_no_variable_can_hold_is_named() {
        ClaimVariables variables = ClaimVariables.of(claim("blob", "a\0b"));

        assertThat(variables.values()).doesNotContainKey("LARDER_OUTPUT_BLOB");
        assertThat(variables.problems()).singleElement().asString().contains("output blob is left out");
    }

    @Test
    void a_value_that_the_locale_cannot_write_is_named() {
        ClaimVariables variables = ClaimVariables.of(claim("city", "Zürich", "port", "5432"));

        assertThat(variables.unwritable(StandardCharsets.US_ASCII)).isEqualTo(List.of("LARDER_OUTPUT_CITY"));
        assertThat(variables.unwritable(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void no_variable_makes_a_worker_of_this_host_kill_the_command_or_changes_later_commands() {
        assertThat(ClaimVariables.of(claim("url", "x")).values().keySet())
                .allMatch(name -> name.startsWith("LARDER_CLAIM_") || name.startsWith("LARDER_OUTPUT_"));
    }
}
