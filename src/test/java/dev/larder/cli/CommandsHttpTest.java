package dev.larder.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.cli.client.ExitCode;
import dev.larder.cli.client.Typed;
import dev.larder.cli.client.Typed.Result;
import dev.larder.testing.Api;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import java.util.zip.GZIPOutputStream;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands against a server, as a person types them. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class CommandsHttpTest {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    Path home;

    private final String url = ConfigProvider.getConfig().getValue("test.url", String.class);
    private String organization = "";
    private Typed typed = Typed.at(Path.of("/"));

    @BeforeEach
    void log_in() {
        organization = "org-" + UUID.randomUUID().toString().substring(0, 8);
        assertThat(Api.owner()
                        .post("/api/v1/organizations", "{\"name\":\"" + organization + "\"}")
                        .status())
                .isEqualTo(201);
        typed = Typed.at(home);
        Result login = typed.input(LarderTestResource.OWNER_TOKEN + "\n")
                .run("login --token-stdin --name=test -O " + organization + " --server=" + url);
        assertThat(login.exit()).as(login.toString()).isZero();
        assertThat(login.out()).isEmpty();
        assertThat(login.err()).contains("(owner)", "context test").doesNotContain(LarderTestResource.OWNER_TOKEN);
    }

    @CanIgnoreReturnValue
    private Result ok(String line) {
        Result result = typed.run(line);
        assertThat(result.exit()).as(line + "\n" + result).isZero();
        return result;
    }

    private static JsonNode json(Result result) throws IOException {
        return MAPPER.readTree(result.out());
    }

    /** A template in a folder, as people keep it. */
    private Path box() throws IOException {
        Path folder = Files.createDirectories(home.resolve("box"));
        Files.writeString(folder.resolve("larder.yaml"), """
                backend: exec
                presets:
                  - name: stocked
                    prebuilds: {instances: 2}
                  - name: empty
                    prebuilds: {instances: 0}
                  - name: plain
                """);
        Files.writeString(
                folder.resolve("start.sh"),
                "#!/bin/sh\nprintf '{\"word\":\"%s\"}' \"$(cat word.txt)\" > \"$LARDER_OUTPUTS\"\n");
        Files.writeString(folder.resolve("word.txt"), "hello");
        return folder;
    }

    @Test
    void a_token_that_the_server_does_not_know_is_not_kept() {
        Result refused =
                Typed.at(home.resolve("other")).input("larder_wrong").run("login --token-stdin --server=" + url);

        assertThat(refused.exit()).isEqualTo(ExitCode.NEEDS_LOGIN.number());
        assertThat(refused.err()).contains("does not accept the token").doesNotContain("larder_wrong");
        assertThat(home.resolve("other")).doesNotExist();
    }

    @Test
    void after_a_logout_a_command_asks_for_a_login() {
        ok("logout");

        assertThat(typed.run("get pools").exit()).isEqualTo(ExitCode.NEEDS_LOGIN.number());
        assertThat(ok("context list").out()).contains("test", url);
    }

    @Test
    void a_token_that_was_revoked_asks_for_a_login() {
        Api.Answer issued = Api.owner().post("/api/v1/tokens", "{\"name\":\"short\"}");
        Typed once = typed.with("LARDER_TOKEN", issued.body().path("token").asText());
        assertThat(once.run("get pools").exit()).isZero();

        String token = "/api/v1/tokens/" + issued.body().path("id").asText();
        assertThat(Api.owner().delete(token).status()).isLessThan(300);

        assertThat(once.run("get pools").exit()).isEqualTo(ExitCode.NEEDS_LOGIN.number());
    }

    @Test
    void a_folder_becomes_a_pool_that_is_waited_for_and_described() throws IOException {
        assertThat(ok("apply -f " + box()).out()).contains(organization + "/box", "1", "new version");
        assertThat(ok("apply -f " + box()).out()).contains("unchanged");

        ok("wait pool box/stocked --timeout=60s");

        assertThat(ok("get pools").out()).contains("POOL", organization + "/box/stocked");
        JsonNode pool = json(ok("get pool " + organization + "/box/stocked -o json"));
        assertThat(pool.path("name").asText("").isEmpty()
                        && pool.path("preset").asText("").isEmpty())
                .isFalse();
        assertThat(ok("get pools -o name").out().lines())
                .containsExactlyInAnyOrder(
                        organization + "/box/stocked", organization + "/box/empty", organization + "/box/plain");
        assertThat(ok("describe pool box/stocked").out()).contains("Desired: 2", "Eligible: 2", "Rule: base");
        assertThat(ok("describe template box").out()).contains("Backend: exec", "start.sh:", "word.txt: 5");
        assertThat(ok("get templates").out()).containsPattern("box +1 +1 +- +[0-9]{1,2}s");
        assertThat(ok("get templates").out()).contains(organization + "/box");
        assertThat(json(ok("get presets -o json")).path("items").isArray()).isTrue();
    }

    @Test
    void a_folder_with_a_gzipped_dump_is_applied_and_the_dump_is_uploaded_once() throws IOException {
        byte[] dump = zipped("COPY orders FROM stdin;\n" + "7\tsoup\n".repeat(50_000) + "\\.\n");
        Path folder = Files.createDirectories(home.resolve("orders"));
        Files.writeString(folder.resolve("larder.yaml"), "backend: postgres\npresets: [{name: small}]\n");
        Files.writeString(folder.resolve("10-schema.sql"), "CREATE TABLE orders (id integer, what text);\n");
        Files.write(folder.resolve("20-orders.sql.gz"), dump);

        assertThat(ok("apply -f " + folder).out()).contains(organization + "/orders", "new version");
        assertThat(ok("apply -f " + folder).out()).contains("unchanged");

        String template = "/api/v1/organizations/" + organization + "/templates/orders/versions/1/files";
        JsonNode files = Api.owner().get(template).body().path("items");
        assertThat(files.findValuesAsText("path")).containsExactly("10-schema.sql", "20-orders.sql.gz");
        assertThat(files.path(1).path("bytes").asInt()).isEqualTo(dump.length);
        String digest = files.path(1).path("digest").asText();
        JsonNode kept = Api.owner()
                .get("/api/v1/organizations/" + organization + "/files?used=true")
                .body()
                .path("items");
        assertThat(kept.findValuesAsText("digest")).containsExactly(digest);
        assertThat(kept.path(0).path("bytes").asInt()).isEqualTo(dump.length);

        Files.write(folder.resolve("20-orders.sql.gz"), new byte[] {'P', 'K', 3, 4, 0});
        Result refused = typed.run("apply -f " + folder);
        assertThat(refused.exit()).isEqualTo(ExitCode.REFUSED.number());
        assertThat(refused.err()).contains("20-orders.sql.gz", "unsupported_sql");
    }

    private static byte[] zipped(String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream zip = new GZIPOutputStream(bytes)) {
            zip.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    @Test
    void what_was_applied_before_a_refused_declaration_is_shown() throws IOException {
        Path bad = Files.writeString(home.resolve("bad.yaml"), "backend: exec\n");

        Result half = typed.run("apply -f " + box() + " -f " + bad);

        assertThat(half.exit()).isEqualTo(ExitCode.REFUSED.number());
        assertThat(half.out()).contains(organization + "/box", "new version");
        assertThat(half.err()).contains("bad.yaml: ");
    }

    @Test
    void a_dry_run_says_what_would_change_and_changes_nothing() throws IOException {
        Path folder = box();

        Result fresh = typed.run("apply --dry-run -f " + folder);
        assertThat(fresh.exit()).as(fresh.toString()).isEqualTo(ExitCode.CHANGES.number());
        assertThat(fresh.out()).contains(organization + "/box", "would be a new version", "+stocked");
        assertThat(typed.run("get template box").exit()).isEqualTo(ExitCode.NOT_FOUND.number());

        ok("apply -f " + folder);
        assertThat(ok("apply --dry-run -f " + folder).out()).contains("would not change");

        Files.writeString(
                folder.resolve("larder.yaml"),
                "backend: exec\npresets: [{name: stocked, prebuilds: {instances: 3}}]\n");
        Result diff = typed.run("apply --diff -f " + folder);
        assertThat(diff.exit()).isEqualTo(ExitCode.CHANGES.number());
        assertThat(diff.out()).contains("- preset empty", "preset stocked", "2 -> 3");
        assertThat(json(ok("get template box -o json")).path("latestVersion").asInt())
                .isEqualTo(1);
    }

    @Test
    void lists_are_narrowed_by_the_server_and_a_filter_that_a_list_does_not_have_is_refused() throws IOException {
        ok("apply -f " + box());
        ok("wait pool box/stocked --timeout=60s");

        assertThat(ok("get workspaces --template=box --status=ready -o name")
                        .out()
                        .lines())
                .hasSize(2);
        assertThat(ok("get workspaces --template=box --since=1h --preset=plain -o json")
                        .out())
                .contains("\"items\" : [ ]");
        String named = organization + "/box";
        assertThat(ok("get workspaces --template=" + named + " -o name").out().lines())
                .hasSize(2);
        assertThat(ok("get workspaces --preset=box/stocked -o name").out().lines())
                .hasSize(2);
        assertThat(ok("get workspaces --preset=" + named + "/stocked -o name")
                        .out()
                        .lines())
                .hasSize(2);
        assertThat(typed.run("get workspaces --template=box --preset=box/stocked")
                        .exit())
                .isEqualTo(ExitCode.USAGE.number());
        assertThat(typed.run("get workspaces --status=red").exit()).isEqualTo(ExitCode.REFUSED.number());
        Result refused = typed.run("get workers --owner=anna");
        assertThat(refused.exit()).isEqualTo(ExitCode.REFUSED.number());
        assertThat(refused.err()).contains("owner");
    }

    @Test
    void the_newest_rollout_of_a_preset_is_found_by_its_name_also_when_it_has_ended() throws IOException {
        Path folder = box();
        ok("apply -f " + folder);
        ok("wait pool box/stocked --timeout=60s");
        assertThat(typed.run("wait rollout box/stocked").exit()).isEqualTo(ExitCode.NOT_FOUND.number());
        Files.writeString(folder.resolve("note.txt"), "another version");
        ok("apply -f " + folder);

        assertThat(ok("wait rollout box/stocked --timeout=60s").out()).isEqualTo("rollout box/stocked is done\n");

        ok("wait rollout " + organization + "/box/stocked --for=ended");
        assertThat(ok("describe rollout box/stocked").out()).contains("promotion", "done");
        assertThat(typed.run("rollout pause box/stocked").exit()).isEqualTo(ExitCode.NOT_FOUND.number());
    }

    @Test
    void each_wrong_field_of_a_declaration_is_named_with_its_file() throws IOException {
        Path file = Files.writeString(home.resolve("bad.yaml"), "backend: exec\nfiles: {start.sh: echo}\nbackedn: 3\n");

        Result refused = typed.run("apply -f " + file);

        assertThat(refused.exit()).isEqualTo(ExitCode.REFUSED.number());
        assertThat(refused.err()).contains("bad.yaml", "backedn", "unknown_field");
    }

    @Test
    void a_plan_of_a_paused_pool_with_nothing_to_do_exits_with_0_and_one_with_work_with_2() throws IOException {
        ok("pause organization " + organization + " --scope=all");
        ok("apply -f " + box());

        // A paused pool says what holds it.
        assertThat(ok("describe pool box/stocked").out()).contains("Kind: paused");
        assertThat(typed.run("plan box/empty").exit()).isZero();
        ok("resume organization " + organization);
        ok("pause preset box/empty --for=1h");
        assertThat(ok("describe preset box/empty").out()).contains("Pause:", "Scope: create", "Until: ");
        ok("resume preset box/empty");
        ok("wait pool box/stocked --timeout=60s");
        assertThat(typed.run("plan box/stocked").exit()).isZero();

        Result later = typed.run("plan box/stocked --at=soon");

        assertThat(later.exit()).isEqualTo(ExitCode.REFUSED.number());
        ok("invalidate preset box/stocked");
        ok("invalidate preset box/stocked --immediately");
    }

    @Test
    void an_older_version_is_promoted() throws IOException {
        Path folder = box();
        ok("apply -f " + folder);
        Files.writeString(folder.resolve("word.txt"), "hello again");
        ok("apply -f " + folder);

        Result dry = typed.run("promote box 1 --dry-run");
        assertThat(dry.exit()).as("%s", dry).isEqualTo(ExitCode.CHANGES.number());
        assertThat(dry.out()).contains("PRESET", "empty", "stocked", "LOWEST READY");
        ok("promote box 1");

        assertThat(json(ok("get template box -o json")).path("activeVersion").asInt())
                .isEqualTo(1);
        assertThat(typed.run("promote box 7").exit()).isEqualTo(ExitCode.REFUSED.number());
    }

    @Test
    void claims_workspaces_jobs_and_workers_are_listed_and_described() throws IOException {
        ok("apply -f " + box());
        ok("wait pool box/stocked --timeout=60s");
        Api.Answer claimed = Api.owner()
                .post(
                        "/api/v1/claims",
                        "{\"organization\":\"%s\",\"template\":\"box\",\"preset\":\"stocked\"}"
                                .formatted(organization));
        String claim = claimed.body().path("id").asText();
        String workspace = claimed.body().path("workspace").path("id").asText();

        ok("wait claim " + claim + " --timeout=30s");
        assertThat(ok("get claim " + claim).out()).contains(claim, "active", organization + "/box/stocked");
        assertThat(ok("describe claim " + claim).out()).contains("Status: active", "word: hello");
        assertThat(ok("get workspaces -o wide").out()).contains(workspace, "ready");
        assertThat(ok("describe workspace " + workspace).out()).contains("Builds:", "Transition: start");
        String job = json(ok("describe workspace " + workspace + " -o json"))
                .at("/builds/0/jobId")
                .asText();
        assertThat(ok("get job " + job).out()).contains(job, "succeeded");
        assertThat(json(ok("get workers -o json")).path("items")).isNotEmpty();
    }

    @Test
    void what_does_not_exist_is_told_apart() throws IOException {
        ok("apply -f " + box());

        for (String line : new String[] {
            "get pool box/none",
            "get pool none/none",
            "describe preset box/none",
            "describe template none",
            "get claim " + UUID.randomUUID(),
            "describe workspace " + UUID.randomUUID(),
            "get worker none",
            "pause preset box/none",
            "pool box/none".replace("pool", "wait pool")
        }) {
            Result missing = typed.run(line);
            assertThat(missing.exit()).as(line + "\n" + missing).isEqualTo(ExitCode.NOT_FOUND.number());
            assertThat(missing.err()).startsWith("larder: ");
        }
    }

    @Test
    void a_wait_that_takes_too_long_ends_with_its_own_code() throws IOException {
        ok("pause organization " + organization);
        ok("apply -f " + box());

        Result late = typed.run("wait pool box/stocked --timeout=1s");

        assertThat(late.exit()).isEqualTo(ExitCode.TIMED_OUT.number());
        assertThat(late.err()).contains("0 of 2 ready; paused", "is not ready after 1s");
    }

    @Test
    void a_member_may_not_apply_and_is_told_so() throws IOException {
        Api anna = Api.owner().newUser(organization, "anna", "member");
        assertThat(anna.get("/api/v1/me").status()).isEqualTo(200);
        JsonNode issued = Api.owner()
                .post("/api/v1/tokens", "{\"name\":\"t\",\"user\":\"anna\",\"organization\":\"" + organization + "\"}")
                .body();

        Result refused =
                typed.with("LARDER_TOKEN", issued.path("token").asText()).run("apply -f " + box());

        assertThat(refused.exit()).as(refused.toString()).isEqualTo(ExitCode.REFUSED.number());
    }

    @Test
    void a_reader_that_closes_the_pipe_ends_a_list_quietly() throws IOException {
        ok("apply -f " + box());

        Result cut = typed.runUntilFirstLine("get presets");

        assertThat(cut.exit()).isZero();
        assertThat(cut.out().lines()).hasSize(1);
        assertThat(cut.err()).doesNotContain("closed", "Exception", "pipe");
    }

    @Test
    void in_a_terminal_of_40_columns_no_line_is_longer() throws IOException {
        ok("apply -f " + box());

        for (String kind : new String[] {"pools", "presets", "templates", "jobs", "workspaces", "workers"}) {
            Result narrow = typed.wide(40).with("NO_COLOR", "1").run("get " + kind);
            assertThat(narrow.exit()).as(narrow.toString()).isZero();
            assertThat(narrow.out().lines())
                    .allSatisfy(line -> assertThat(line.length()).as(line).isLessThanOrEqualTo(40));
        }
    }

    @Test
    void colours_appear_in_a_terminal_alone() throws IOException {
        ok("apply -f " + box());

        assertThat(typed.run("get presets").out()).doesNotContain("\u001B");
        assertThat(typed.wide(120).run("get presets").out()).contains("\u001B[32mhealthy\u001B[0m");
        assertThat(typed.wide(120).run("get presets --no-color").out()).doesNotContain("\u001B");
        assertThat(typed.wide(120).with("TERM", "dumb").run("get presets").out())
                .doesNotContain("\u001B");
    }

    @Test
    void the_server_says_its_version() throws IOException {
        String version = ConfigProvider.getConfig().getValue("quarkus.application.version", String.class);

        assertThat(json(ok("version -o json")).path("server").asText()).isEqualTo(version);
    }
}
