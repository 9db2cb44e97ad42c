package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import dev.larder.cli.Version;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code promote --wait} waits for. */
class PromoteWaitTest {

    private static final String OLD = rollout("1", "small", 3, "rolled_back");

    @TempDir
    Path home;

    private static String rollout(String id, String preset, int version, String state) {
        boolean ended = !List.of("progressing", "held").contains(state);
        return """
                {"id": "%s", "organization": "demo", "template": "box", "preset": "%s", "to": {"version": %d},
                 "state": "%s", "endedAt": %s}""".formatted(id, preset, version, state, ended ? "\"2026-11-20T09:00:00Z\"" : "null");
    }

    private static String page(List<String> rollouts) {
        return "{\"items\": [" + String.join(",", rollouts) + "], \"next\": null}";
    }

    /** The list of rollouts is another one once the version was promoted. Newest first. */
    private Typed.Result promote(List<String> before, List<String> after) throws IOException {
        AtomicBoolean promoted = new AtomicBoolean();
        try (StubServer server = StubServer.answering(call -> answer(call, promoted, before, after))) {
            return Typed.at(home)
                    .with("LARDER_TOKEN", "larder_x")
                    .run("promote demo/box 3 --wait --server=" + server.url());
        }
    }

    private static void answer(HttpExchange call, AtomicBoolean promoted, List<String> before, List<String> after)
            throws IOException {
        String path = call.getRequestURI().getPath();
        String body = page(promoted.get() ? after : before);
        if (call.getRequestMethod().equals("POST")) {
            promoted.set(true);
            body = "{}";
        } else if (!path.endsWith("/rollouts")) {
            body = after.stream()
                    .filter(one -> one.contains("\"id\": \"" + path.substring(path.lastIndexOf('/') + 1) + "\""))
                    .findFirst()
                    .orElseThrow();
        }
        StubServer.send(call, Version.number(), 200, body);
    }

    @Test
    void a_rollout_that_was_rolled_back_before_the_command_looked_is_told() throws IOException {
        Typed.Result result = promote(List.of(OLD), List.of(rollout("2", "small", 3, "rolled_back"), OLD));

        assertThat(result.exit()).as("%s", result).isEqualTo(ExitCode.ROLLOUT_STOPPED.number());
        assertThat(result.err()).contains("rollout 2 of", "rolled_back");
    }

    @Test
    void rollouts_that_had_ended_before_and_those_to_another_version_are_not_waited_for() throws IOException {
        Typed.Result result = promote(List.of(OLD), List.of(rollout("2", "small", 4, "superseded"), OLD));

        assertThat(result.exit()).as("%s", result).isZero();
    }

    @Test
    void the_newest_rollout_of_each_preset_counts() throws IOException {
        List<String> after = List.of(
                rollout("4", "large", 3, "done"),
                rollout("3", "small", 3, "done"),
                rollout("2", "small", 3, "superseded"),
                OLD);

        Typed.Result result = promote(List.of(OLD), after);

        assertThat(result.exit()).as("%s", result).isZero();
        assertThat(result.err()).contains("rollout 3 of", "rollout 4 of").doesNotContain("rollout 2 of");
    }

    @Test
    void one_that_was_open_before_is_waited_for_too() throws IOException {
        List<String> held = List.of(rollout("2", "small", 3, "held"));

        assertThat(promote(held, held).exit()).isEqualTo(ExitCode.ROLLOUT_STOPPED.number());
    }
}
