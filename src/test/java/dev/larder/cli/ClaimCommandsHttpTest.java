package dev.larder.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.cli.client.ExitCode;
import dev.larder.cli.client.Typed;
import dev.larder.cli.client.Typed.Result;
import dev.larder.testing.Api;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands around a claim against a server, as a person types them. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class ClaimCommandsHttpTest {

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String DECLARATION = """
            {"backend":"exec","files":{"start.sh":"#!/bin/sh\\necho making it\\nprintf '{\\"url\\":\\"http://x\\"}' > $LARDER_OUTPUTS\\n"},
             "presets":[{"name":"stocked","prebuilds":{"instances":2}},{"name":"empty","prebuilds":{"instances":0}},{"name":"cold"}]}""";

    @TempDir
    Path home;

    private String organization = "";
    private Typed typed = Typed.at(Path.of("/"));

    @BeforeEach
    void declare() {
        organization = "org-" + UUID.randomUUID().toString().substring(0, 8);
        Api owner = Api.owner();
        assertThat(owner.post("/api/v1/organizations", "{\"name\":\"" + organization + "\"}")
                        .status())
                .isEqualTo(201);
        assertThat(owner.put("/api/v1/organizations/" + organization + "/templates/box", DECLARATION)
                        .status())
                .isEqualTo(201);
        typed = Typed.at(home)
                .with("LARDER_URL", ConfigProvider.getConfig().getValue("test.url", String.class))
                .with("LARDER_TOKEN", LarderTestResource.OWNER_TOKEN)
                .with("LARDER_ORGANIZATION", organization);
    }

    private Result ok(String line) {
        Result result = typed.run(line);
        assertThat(result.exit()).as(line + "\n" + result).isZero();
        return result;
    }

    private static JsonNode json(Result result) throws IOException {
        return MAPPER.readTree(result.out());
    }

    @Test
    void a_claim_is_taken_looked_at_renewed_and_released() throws IOException {
        JsonNode claim = json(ok("claim box/stocked --wait=1m --ttl=10m --label job=7 -o json"));
        String id = claim.path("id").asText();
        assertThat(claim.at("/workspace/outputs/url").asText()).isEqualTo("http://x");
        assertThat(claim.path("labels").path("job").asText()).isEqualTo("7");

        JsonNode renewed =
                json(ok("renew " + id + " --ttl=2h -o json")).path("items").path(0);
        assertThat(renewed.path("expiresAt").asText())
                .isGreaterThan(claim.path("expiresAt").asText());

        assertThat(ok("logs " + id).out()).isEqualTo("making it\n");
        String workspace = claim.at("/workspace/id").asText();
        assertThat(ok("logs " + workspace + " --build=1 --times").out()).endsWith("Z making it\n");
        Result followed = ok("logs -f " + id);
        assertThat(followed.out()).isEqualTo("making it\n");
        assertThat(followed.err()).contains("the job has ended: succeeded");
        assertThat(ok("events claim:" + id).out().lines().toList())
                .isNotEmpty()
                .allMatch(line -> line.contains("claim"));
        assertThat(MAPPER.readTree(ok("events workspace:" + workspace + " -o json")
                                .out()
                                .lines()
                                .findFirst()
                                .orElse(""))
                        .path("seq")
                        .asInt())
                .isEqualTo(1);

        assertThat(ok("release " + id).out()).isEqualTo(id + "\n");
        assertThat(ok("release " + id).out()).as("a second time").isEqualTo(id + "\n");
        assertThat(typed.run("renew " + id + " --ttl=1h").exit()).isEqualTo(ExitCode.REFUSED.number());
    }

    @Test
    void an_empty_pool_a_wait_and_a_cold_build_are_told_apart() {
        assertThat(typed.run("claim box/empty").exit()).isEqualTo(ExitCode.NO_STOCK.number());

        Result late = typed.run("claim box/empty --wait=1s");
        assertThat(late.exit()).as(late.toString()).isEqualTo(ExitCode.TIMED_OUT.number());
        assertThat(late.err()).contains("waiting, number 1 in line");

        Result cold = ok("claim box/empty --cold");
        assertThat(cold.out()).contains("export LARDER_OUTPUT_URL='http://x'\n");
        assertThat(typed.run("claim box/none").exit()).isEqualTo(ExitCode.NOT_FOUND.number());
        assertThat(typed.with("LARDER_TOKEN", "larder_x")
                        .run("claim box/stocked")
                        .exit())
                .isEqualTo(ExitCode.NEEDS_LOGIN.number());
    }

    @Test
    void all_claims_with_a_label_are_counted_and_released() {
        String one = ok("claim box/cold --cold --label batch=a -o name").out().strip();
        String other = ok("claim box/cold --cold --label batch=b -o name").out().strip();

        Result counted = ok("release --all --label batch=a --dry-run");
        assertThat(ok("release --all --preset=" + organization + "/box/stocked --dry-run")
                        .err())
                .contains("0 claims match");
        assertThat(ok("release --all --preset=box/cold --label batch=a --dry-run")
                        .err())
                .contains("1 claim matches");
        assertThat(counted.err()).contains("1 claim matches");
        assertThat(typed.run("release --all --label batch=a").exit()).isEqualTo(ExitCode.USAGE.number());
        assertThat(typed.wide(80)
                        .input("n\n")
                        .run("release --all --label batch=a")
                        .exit())
                .isEqualTo(ExitCode.FAILED.number());
        assertThat(ok("get claim " + one).out()).contains("active");

        assertThat(typed.wide(80)
                        .input("y\n")
                        .run("release --all --label batch=a")
                        .err())
                .contains("released: 1");

        assertThat(ok("get claim " + one).out()).contains("released");
        assertThat(ok("release --all --label batch=a --yes").err()).contains("0 claims match");
        assertThat(ok("release " + other).out()).isEqualTo(other + "\n");
    }

    @Test
    void without_a_terminal_top_is_one_table() {
        String claim = ok("claim box/stocked --wait=1m -o name").out().strip();

        Result table = ok("top --template=box");

        assertThat(table.out()).contains("POOL", "READY", organization + "/box/stocked");
        assertThat(ok("release " + claim).out()).isEqualTo(claim + "\n");
    }

    @Test
    void a_log_of_nothing_is_not_found() {
        for (String line : new String[] {
            "logs " + UUID.randomUUID(),
            "logs none",
            "events claim:" + UUID.randomUUID(),
            "release " + UUID.randomUUID()
        }) {
            assertThat(typed.run(line).exit()).as(line).isEqualTo(ExitCode.NOT_FOUND.number());
        }
        assertThat(typed.run("events box").exit()).isEqualTo(ExitCode.USAGE.number());
        assertThat(typed.run("release").exit()).isEqualTo(ExitCode.USAGE.number());
    }

    @Test
    void a_declaration_is_tried_by_a_worker_and_nothing_is_left() throws IOException {
        Path file = Files.writeString(home.resolve("box.json"), DECLARATION);

        Result tried = ok("try " + file + " --remote");

        assertThat(json(tried).path("url").asText()).isEqualTo("http://x");
        assertThat(tried.err()).contains("making it", "removed");
        assertOnlyTheTemplate("box");
    }

    @Test
    void a_declaration_that_no_worker_can_build_says_so_and_leaves_nothing() throws IOException {
        Path file = Files.writeString(
                home.resolve("pg.yaml"),
                "backend: postgres\nfiles: {a.sql: CREATE TABLE t (id integer)}\npresets: [{name: p, prebuilds: {instances: 9}}]\n");

        Result late = typed.run("try " + file + " --timeout=1s");

        assertThat(late.exit()).as(late.toString()).isEqualTo(ExitCode.TIMED_OUT.number());
        assertThat(late.err()).contains("the workspace is not built within 1s: ", "removed");
        assertOnlyTheTemplate("box");
    }

    @Test
    void a_declaration_that_fails_on_a_worker_shows_its_log_and_leaves_nothing() throws IOException {
        Path file = Files.writeString(
                home.resolve("bad.yaml"),
                "backend: exec\nfiles: {start.sh: 'echo so far; exit 9'}\npresets: [{name: p}]\n");

        Result failed = typed.run("try " + file + " --remote");

        assertThat(failed.exit()).isEqualTo(ExitCode.FAILED.number());
        assertThat(failed.err()).contains("so far", "exit code 9", "[script_failed]", "removed");
        assertOnlyTheTemplate("box");
    }

    private void assertOnlyTheTemplate(String name) throws IOException {
        assertThat(ok("get templates -o name").out().strip()).isEqualTo(organization + "/" + name);
    }
}
