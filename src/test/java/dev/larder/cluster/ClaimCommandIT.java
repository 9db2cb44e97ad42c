package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.EmbeddedPostgres;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.LarderTool;
import dev.larder.testing.Server;
import dev.larder.testing.Signals;
import dev.larder.testing.TerraformTool;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code larder claim} as a process: signals, kills, exit codes, and the scripts of pipelines. */
class ClaimCommandIT {

    private static final String DECLARATION = """
            backend: exec
            files:
              start.sh: |
                #!/bin/sh
                cat > "$LARDER_OUTPUTS" <<'END'
                {"url": "tiny://it's 100%", "text": "two\\nlines $(never)", "port": 5432}
                END
            presets:
              - name: one
                prebuilds: {instances: 3}
              - name: none
                prebuilds: {instances: 0}
            """;
    private static final ObjectMapper YAML = new YAMLMapper();
    private static final Path PIPELINES = Path.of("src", "docs", "pipelines");

    @TempDir
    static Path data;

    private static EmbeddedPostgres workspaces;
    private static Database database;
    private static Server server;
    private static Calls calls;

    @TempDir
    Path folder;

    private final List<Process> started = new ArrayList<>();

    @BeforeAll
    static void serve() throws Exception {
        database = Databases.fresh();
        LarderTestResource.insertOwner(database);
        Map<String, String> settings = TinyTemplate.settings("claim-command");
        settings.put("LARDER_JANITOR_INTERVAL", "1s");
        workspaces = EmbeddedPostgres.throwaway(data);
        settings.put("LARDER_BACKEND_POSTGRES_URL", workspaces.url("postgres"));
        settings.put("LARDER_BACKEND_POSTGRES_USERNAME", workspaces.user());
        settings.put("LARDER_BACKEND_POSTGRES_PASSWORD", workspaces.password());
        server = Server.start("claim-command", database, settings);
        server.awaitReady();
        calls = new Calls(server.port());
        calls.declare("tiny", DECLARATION);
    }

    @AfterAll
    static void close() {
        server.close();
        workspaces.close();
        database.close();
    }

    @AfterEach
    void end_what_is_left() {
        started.forEach(Process::destroyForcibly);
    }

    private Map<String, String> login() {
        Map<String, String> login = new HashMap<>();
        login.put("LARDER_URL", "http://127.0.0.1:" + server.port());
        login.put("LARDER_TOKEN", LarderTestResource.OWNER_TOKEN);
        login.put("LC_ALL", "C.UTF-8");
        login.put("FOLDER", folder.toString());
        return login;
    }

    private Process start(String... words) throws IOException {
        Process process = LarderTool.in(folder)
                .command(login(), List.of(words))
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("said").toFile())
                .start();
        started.add(process);
        return process;
    }

    private String said() {
        return read("said");
    }

    private String read(String file) {
        try {
            return Files.exists(folder.resolve(file)) ? Files.readString(folder.resolve(file)) : "";
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private int ends(Process process) throws InterruptedException {
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).as(said()).isTrue();
        return process.exitValue();
    }

    /** The line that a child command wrote when it had begun. */
    private String begun() {
        return Eventually.see(() -> read("begun"), text -> text.endsWith("\n")).strip();
    }

    private static String status(String claim) {
        try {
            return calls.done("GET", "/api/v1/claims/" + claim, "")
                    .path("status")
                    .asText();
        } catch (IOException | InterruptedException failed) {
            throw new AssertionError(failed);
        }
    }

    private static void hasEnded(String claim, String how) {
        Eventually.see(() -> status(claim), status -> status.equals(how));
    }

    /** The last file fails the build where the one before was not loaded. */
    private static final Map<String, String> SQL = Map.of(
            "10-schema.sql",
            "CREATE TABLE orders (id integer, what text);",
            "30-check.sql",
            "DO $$ BEGIN ASSERT (SELECT count(*) FROM orders) = 2; END $$;");

    private static byte[] orders() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream zipped = new GZIPOutputStream(bytes)) {
            zipped.write("COPY orders FROM stdin;\n1\tsoup\n2\tbread\n\\.\n".getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    private void isTried(Path declaration) throws Exception {
        Process larder = start("larder", "try", declaration.toString(), "--remote", "-O", "acme");

        assertThat(ends(larder)).as(said()).isZero();
        assertThat(said()).contains("\"url\" : \"postgresql://", "removed").doesNotContain("not removed");
        assertThat(calls.done("GET", "/api/v1/organizations/acme/templates", "")
                        .path("items")
                        .findValuesAsText("name"))
                .containsExactly("tiny");
    }

    @Test
    void databases_are_tried_on_a_server_with_sql_and_with_a_dump_that_is_beside_or_uploaded() throws Exception {
        Path beside = Files.createDirectories(folder.resolve("orders"));
        Files.writeString(beside.resolve("larder.yaml"), "backend: postgres\npresets: [{name: small}]\n");
        for (Map.Entry<String, String> file : SQL.entrySet()) {
            Files.writeString(beside.resolve(file.getKey()), file.getValue());
        }
        Files.write(beside.resolve("20-orders.sql.gz"), orders());
        String digest = "sha256:"
                + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(orders()));
        Path alone = Files.writeString(
                folder.resolve("orders.yaml"),
                "backend: postgres\npresets: [{name: small}]\nfiles:\n"
                        + "  10-schema.sql: " + SQL.get("10-schema.sql") + "\n"
                        + "  20-orders.sql.gz: {digest: '" + digest + "'}\n"
                        + "  30-check.sql: " + SQL.get("30-check.sql") + "\n");
        Process early = start("larder", "try", alone.toString(), "-O", "acme");
        assertThat(ends(early)).as(said()).isEqualTo(5);
        assertThat(said()).contains("20-orders.sql.gz", digest, "[file_not_uploaded]");

        isTried(beside);
        isTried(alone);
    }

    @Test
    void a_larder_that_is_killed_frees_its_workspace_with_the_end_of_the_lease() throws Exception {
        Process larder = start(
                "larder",
                "claim",
                "acme/tiny/one",
                "--wait",
                "--ttl=6s",
                "--",
                "sh",
                "-c",
                "echo $LARDER_CLAIM_ID $$ > $FOLDER/begun; exec sleep 60");
        String[] begun = begun().split(" ");
        ProcessHandle child = ProcessHandle.of(Long.parseLong(begun[1])).orElseThrow();
        // Longer than the lease: it is renewed.
        Signals.pause(Duration.ofSeconds(7));
        assertThat(status(begun[0])).isEqualTo("active");

        larder.destroyForcibly();

        hasEnded(begun[0], "expired");
        assertThat(child.isAlive()).as("nothing is left to end the command").isTrue();
        assertThat(child.destroyForcibly()).isTrue();
    }

    @Test
    void the_exit_code_of_the_command_is_passed_on_and_the_claim_is_released() throws Exception {
        Process larder = start(
                "larder",
                "claim",
                "acme/tiny/one",
                "--wait",
                "--",
                "sh",
                "-c",
                "echo $LARDER_CLAIM_ID > $FOLDER/begun; printf %s \"$LARDER_OUTPUT_TEXT\"; kill -SEGV $$");

        assertThat(ends(larder)).isEqualTo(128 + 11);

        assertThat(said()).isEqualTo("two\nlines $(never)");
        hasEnded(begun(), "released");
    }

    @Test
    void sigterm_and_sigint_of_another_process_are_passed_to_the_command() throws Exception {
        for (String signal : List.of("TERM", "INT")) {
            Files.deleteIfExists(folder.resolve("begun"));
            Process larder = start(
                    "larder",
                    "claim",
                    "acme/tiny/one",
                    "--wait",
                    "--",
                    "sh",
                    "-c",
                    "trap 'echo got >> $FOLDER/got; exit 3' " + signal
                            + "; echo $LARDER_CLAIM_ID > $FOLDER/begun; while :; do sleep 0.05; done");
            String claim = begun();

            Signals.send(signal, larder.pid());

            assertThat(ends(larder)).isEqualTo(3);
            hasEnded(claim, "released");
        }
        assertThat(read("got")).isEqualTo("got\ngot\n");
    }

    @Test
    void ctrl_c_in_a_terminal_reaches_the_command_once_and_the_claim_is_released() throws Exception {
        Assumptions.assumeTrue(TerraformTool.onPath("script").isPresent(), "no script(1) for a terminal");
        String child = "trap 'echo got >> $FOLDER/got' INT; echo $LARDER_CLAIM_ID > $FOLDER/begun;"
                + " while [ ! -e $FOLDER/got ]; do sleep 0.05; done; sleep 0.5; exit 4";
        Files.writeString(folder.resolve("child.sh"), child);
        Process terminal =
                start("script", "-qec", "exec larder claim acme/tiny/one --wait -- sh $FOLDER/child.sh", "/dev/null");
        String claim = begun();

        OutputStream keys = terminal.getOutputStream();
        keys.write(3);
        keys.flush();

        assertThat(ends(terminal)).as(said()).isEqualTo(4);
        assertThat(read("got")).isEqualTo("got\n");
        hasEnded(claim, "released");
    }

    @Test
    void ctrl_c_while_it_waits_gives_its_place_up() throws Exception {
        Process larder = start("larder", "claim", "acme/tiny/none", "--wait=10m", "--label", "test=place");
        JsonNode waiting = Eventually.see(() -> labelled("test=place"), items -> items.size() == 1);
        Eventually.see(this::said, text -> text.contains("number 1 in line"));

        Signals.send("INT", larder.pid());

        assertThat(ends(larder)).isEqualTo(128 + 2);
        hasEnded(waiting.path(0).path("id").asText(), "canceled");
    }

    @Test
    void top_renews_a_screen_of_40_columns_until_q_and_restores_the_terminal() throws Exception {
        Assumptions.assumeTrue(TerraformTool.onPath("script").isPresent(), "no script(1) for a terminal");
        Process terminal = start(
                "script",
                "-qec",
                "stty cols 40 rows 10; larder top -O acme; echo exit $? > $FOLDER/begun; stty -a > $FOLDER/stty",
                "/dev/null");
        String frame = "\u001B[?2026h\u001B[H";
        String shown = Eventually.see(this::said, text -> text.split(Pattern.quote(frame), -1).length > 3);
        String screen = shown.split(Pattern.quote(frame), -1)[2];
        assertThat(screen.replaceAll("\u001B\\[[?0-9]*[a-zA-Z]", "").lines())
                .anyMatch(line -> line.contains("READY"))
                .anyMatch(line -> line.startsWith("acme/tiny/one"))
                .allMatch(line -> line.strip().length() <= 40);

        OutputStream keys = terminal.getOutputStream();
        keys.write('q');
        keys.flush();

        assertThat(ends(terminal)).as(said()).isZero();
        assertThat(begun()).isEqualTo("exit 0");
        assertThat(said()).contains("\u001B[?1049h", "\u001B[?1049l", "\u001B[?25h");
        assertThat(read("stty")).contains(" icanon", " echo ");
    }

    private static JsonNode labelled(String label) {
        try {
            return calls.done("GET", "/api/v1/claims?label=" + label, "").path("items");
        } catch (IOException | InterruptedException failed) {
            throw new AssertionError(failed);
        }
    }

    @Test
    void the_shell_scripts_of_pipelines_claim_and_release() throws Exception {
        Path job = Files.writeString(folder.resolve("job.sh"), """
                set -eu
                export LARDER_CI_PRESET=acme/tiny/one LARDER_CI_FILE="$FOLDER/claim" LARDER_CI_JOB=shell
                variables=$(sh src/docs/pipelines/claim.sh) && eval "$variables"
                printf '%s|%s' "$LARDER_OUTPUT_URL" "$LARDER_OUTPUT_TEXT" > "$FOLDER/seen"
                echo "$LARDER_CLAIM_ID" > "$FOLDER/begun"
                sh src/docs/pipelines/release.sh
                sh src/docs/pipelines/release.sh
                """);

        assertThat(ends(start("sh", job.toString()))).as(said()).isZero();

        assertThat(read("seen")).isEqualTo("tiny://it's 100%|two\nlines $(never)");
        assertThat(labelled("ci-job=shell")).hasSize(1);
        hasEnded(begun(), "released");
    }

    @Test
    void the_actions_of_github_claim_and_release() throws Exception {
        Map<String, String> later = new LinkedHashMap<>();
        Path github = PIPELINES.resolve("github");

        action(github, later);

        String masks = said();
        assertThat(masks).contains("::add-mask::tiny://it's 100%25\n", "::add-mask::lines $(never)\n");
        assertThat(later)
                .containsEntry("LARDER_OUTPUT_URL", "tiny://it's 100%")
                .containsEntry("LARDER_OUTPUT_TEXT", "two\nlines $(never)")
                .containsEntry("LARDER_OUTPUT_PORT", "5432")
                .containsEntry("LARDER_CLAIM_TEMPLATE", "tiny");
        assertThat(masks.replaceAll("::add-mask::.*\n", ""))
                .as("no output outside of masks")
                .doesNotContain("tiny://");
        String claim = later.getOrDefault("LARDER_CLAIM_ID", "");
        assertThat(read("output")).isEqualTo("claim=" + claim + "\n");
        assertThat(status(claim)).isEqualTo("active");

        action(github.resolve("release"), later);

        hasEnded(claim, "released");
    }

    /** Runs the steps of a composite action as a runner of GitHub does. */
    private void action(Path action, Map<String, String> later) throws Exception {
        JsonNode steps = YAML.readTree(action.resolve("action.yml").toFile()).at("/runs/steps");
        assertThat(steps).isNotEmpty();
        for (JsonNode step : steps) {
            assertThat(step.path("shell").asText()).isEqualTo("sh");
            Path script = Files.writeString(
                    folder.resolve("step.sh"), step.path("run").asText());
            Map<String, String> environment = new HashMap<>(login());
            environment.keySet().removeAll(List.of("LARDER_URL", "LARDER_TOKEN"));
            environment.putAll(later);
            environment.put("GITHUB_ACTION_PATH", action.toAbsolutePath().toString());
            environment.put("GITHUB_ENV", folder.resolve("env").toString());
            environment.put("GITHUB_OUTPUT", folder.resolve("output").toString());
            step.path("env")
                    .properties()
                    .forEach(each -> environment.put(
                            each.getKey(), expression(each.getValue().asText())));
            Process process = LarderTool.in(folder)
                    .command(environment, List.of("sh", "-e", script.toString()))
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("said").toFile())
                    .start();
            started.add(process);
            assertThat(ends(process)).as(said()).isZero();
        }
        later.putAll(environmentFile(read("env")));
    }

    private String expression(String text) {
        Map<String, String> values = Map.of(
                "inputs.url", "http://127.0.0.1:" + server.port(),
                "inputs.token", LarderTestResource.OWNER_TOKEN,
                "inputs.preset", "acme/tiny/one",
                "inputs.wait", "10m",
                "inputs.ttl", "1h",
                "github.run_id", "77",
                "runner.temp", folder.toString());
        String evaluated = text;
        for (Map.Entry<String, String> value : values.entrySet()) {
            evaluated = evaluated.replace("${{ " + value.getKey() + " }}", value.getValue());
        }
        assertThat(evaluated).doesNotContain("${{");
        return evaluated;
    }

    /** As the runner reads it: a name, {@code <<} and a word; then the value until a line that is the word. */
    private static Map<String, String> environmentFile(String text) {
        Map<String, String> variables = new LinkedHashMap<>();
        List<String> lines = text.lines().toList();
        for (int at = 0; at < lines.size(); at++) {
            String[] head = lines.get(at).split("<<", 2);
            List<String> value = new ArrayList<>();
            for (at++; !lines.get(at).equals(head[1]); at++) {
                value.add(lines.get(at));
            }
            variables.put(head[0], String.join("\n", value));
        }
        return variables;
    }

    @Test
    void the_snippet_of_gitlab_claims_before_and_releases_after_the_script() throws Exception {
        JsonNode job = YAML.readTree(
                        PIPELINES.resolve("gitlab/larder.gitlab-ci.yml").toFile())
                .path(".larder");
        String settings = """
                export LARDER_CI_SCRIPTS=src/docs/pipelines LARDER_CI_PRESET=acme/tiny/one LARDER_CI_FILE="$FOLDER/claim"
                """;
        // The script runs in the shell of before_script, after_script in another one.
        Path first = Files.writeString(
                folder.resolve("first.sh"),
                "set -e\n" + settings + lines(job.path("before_script"))
                        + "echo \"$LARDER_CLAIM_ID\" > \"$FOLDER/begun\"\n");
        Path second =
                Files.writeString(folder.resolve("second.sh"), "set -e\n" + settings + lines(job.path("after_script")));

        assertThat(ends(start("sh", first.toString()))).as(said()).isZero();
        assertThat(said()).doesNotContain("tiny://");
        assertThat(status(begun())).isEqualTo("active");

        assertThat(ends(start("sh", second.toString()))).as(said()).isZero();
        hasEnded(begun(), "released");
    }

    private static String lines(JsonNode script) {
        StringBuilder lines = new StringBuilder();
        script.forEach(line -> lines.append(line.asText()).append('\n'));
        return lines.toString();
    }
}
