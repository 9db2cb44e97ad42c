package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How the command line shows what the next cycles do. */
class ForecastCommandsTest {

    private static final String FORECAST = """
            {"outcome": "done", "detail": null, "duration": "1m24s", "lowestReady": {"ready": 2, "after": "0s"},
             "measuredFrom": {"buildTime": "42s", "builds": 2, "version": 4},
             "steps": [{"after": "0s", "kind": "create", "version": 5, "count": 1, "reason": null, "ready": 2},
                       {"after": "42s", "kind": "hand_out", "version": 5, "count": null, "reason": null, "ready": 3},
                       {"after": "42s", "kind": "delete", "version": 4, "count": 1, "reason": "replaced", "ready": 2},
                       {"after": "1m24s", "kind": "finish_rollout", "version": 5, "count": null, "reason": null, "ready": 2}]}""";

    private static final String NOTHING = """
            {"outcome": "waits", "detail": "paused: preset, create", "duration": "0s",
             "lowestReady": {"ready": 0, "after": "0s"},
             "measuredFrom": {"buildTime": "1m", "builds": 0, "version": null}, "steps": []}""";

    @TempDir
    Path home;

    private Typed.Result run(String body, String command) throws IOException {
        try (StubServer server = StubServer.answering(200, body)) {
            return Typed.at(home).with("LARDER_TOKEN", "larder_x").run(command + " --server=" + server.url());
        }
    }

    private static String promoted(String... presets) {
        return "{\"name\": \"box\", \"activeVersion\": 5, \"forecast\": [" + String.join(",", presets) + "]}";
    }

    private static String preset(String name, String change, String because, String forecast) {
        return """
                {"preset": "%s", "change": "%s", "because": %s, "supersedes": false, "forecast": %s}""".formatted(name, change, because, forecast);
    }

    @Test
    void a_dry_run_shows_each_preset_and_then_each_step() throws IOException {
        String body = promoted(
                preset("large", "replace", "\"serve_old\"", NOTHING), preset("small", "rolling", "null", FORECAST));

        Typed.Result result = run(body, "promote demo/box 5 --dry-run");

        assertThat(result.exit()).as("%s", result).isEqualTo(ExitCode.CHANGES.number());
        assertThat(result.out().lines().map(line -> line.replaceAll(" {2,}", " | ")))
                .containsExactly(
                        "PRESET | CHANGE | OUTCOME | TAKES | LOWEST READY | BUILD TIME",
                        "large | replace (serve old) | waits: paused: preset, create | 0s | 0 after 0s | 1m (assumed)",
                        "small | rolling | done | 1m24s | 2 after 0s | 42s (2 of version 4)",
                        "",
                        "PRESET | AFTER | STEP | VERSION | READY",
                        "small | 0s | create 1 | 5 | 2",
                        "small | 42s | hand out | 5 | 3",
                        "small | 42s | delete 1 (replaced) | 4 | 2",
                        "small | 1m24s | finish rollout | 5 | 2");
    }

    @Test
    void a_dry_run_asks_for_one() throws IOException {
        try (StubServer server = StubServer.answering(200, promoted())) {
            Typed.Result result = Typed.at(home)
                    .with("LARDER_TOKEN", "larder_x")
                    .run("promote demo/box 5 --dry-run --server=" + server.url());

            assertThat(result.exit()).as("%s", result).isZero();
            assertThat(server.got()).singleElement().asString().contains("/templates/box/promote?dryRun=true");
        }
    }

    @Test
    void a_dry_run_of_the_active_version_changes_nothing() throws IOException {
        Typed.Result result =
                run(promoted(preset("small", "none", "\"already_active\"", NOTHING)), "promote demo/box 5 --dry-run");

        assertThat(result.exit()).as("%s", result).isZero();
        assertThat(result.out()).contains("none (already active)");
    }

    @Test
    void a_program_gets_the_whole_answer() throws IOException {
        Typed.Result result =
                run(promoted(preset("small", "rolling", "null", FORECAST)), "promote demo/box 5 --dry-run -o json");

        assertThat(result.out()).contains("\"activeVersion\" : 5", "\"lowestReady\"", "\"hand_out\"");
    }

    @Test
    void a_dry_run_has_nothing_to_wait_for() throws IOException {
        Typed.Result result = run(promoted(), "promote demo/box 5 --dry-run --wait");

        assertThat(result.exit()).isEqualTo(ExitCode.USAGE.number());
    }

    @Test
    void a_plan_shows_the_steps_of_an_open_rollout_alone() throws IOException {
        String plan = """
                {"at": "2026-11-20T12:00:00Z", "forecast": %s,
                 "pool": {"name": "demo/box/small", "counts": {"desired": 2, "eligible": 2}, "next": [], "holds": [],
                          "rollout": %s}}""";

        assertThat(run(plan.formatted(FORECAST, "{\"state\": \"progressing\"}"), "plan demo/box/small")
                        .out())
                .contains("hand out", "finish rollout");
        assertThat(run(plan.formatted(FORECAST, "null"), "plan demo/box/small").out())
                .contains("demo/box/small")
                .doesNotContain("hand out");
    }
}
