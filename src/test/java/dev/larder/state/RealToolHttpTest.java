package dev.larder.state;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.objects.S3Stub;
import dev.larder.testing.Api;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.NeedsTerraform;
import dev.larder.testing.TerraformTool;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * S10 of the rules for infrastructure state: a person's own {@code terraform} or {@code tofu}, unmodified, on a state
 * with a name. Skipped where neither is on the path.
 */
@NeedsTerraform
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class RealToolHttpTest {

    private static final String MODULE = """
            terraform {
              backend "http" {}
            }
            resource "terraform_data" "box" { input = "SIZE" }
            """;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    @SuppressWarnings("NullAway.Init")
    S3Stub bucket;

    @SuppressWarnings("NullAway.Init")
    private Path tool;

    @SuppressWarnings("NullAway.Init")
    private String state;

    private record Run(int exit, String text) {}

    @BeforeEach
    void create_a_state() throws IOException {
        tool = TerraformTool.path();
        state = created();
        module(MODULE.replace("SIZE", "1"));
    }

    private static String created() {
        String name = "tool-" + UUID.randomUUID().toString().substring(0, 13);
        assertThat(Api.owner()
                        .post("/api/v1/organizations", "{\"name\":\"" + name + "\"}")
                        .status())
                .isEqualTo(201);
        Api.Answer made =
                Api.owner().post("/api/v1/states", "{\"organization\":\"%s\",\"name\":\"box\"}".formatted(name));
        assertThat(made.status()).as(made.toString()).isEqualTo(201);
        return made.body().path("id").asText();
    }

    private void module(String text) throws IOException {
        Path unused = Files.writeString(folder.resolve("main.tf"), text);
    }

    @Test
    void it_applies_nothing_new_updates_and_destroys() throws Exception {
        succeeds("init", "-input=false");
        succeeds("apply", "-auto-approve");
        assertThat(trust()).isEqualTo("reliable");
        int first = version();

        succeeds("apply", "-auto-approve");
        assertThat(version()).isEqualTo(first);
        module(MODULE.replace("SIZE", "2"));
        succeeds("apply", "-auto-approve");
        assertThat(version()).isGreaterThan(first);
        assertThat(succeeds("show").text()).contains("\"2\"");
        succeeds("destroy", "-auto-approve");

        assertThat(trust()).isEqualTo("reliable");
        assertThat(succeeds("show").text()).doesNotContain("terraform_data");
    }

    @Test
    void after_a_kill_the_lock_stays_until_it_is_forced_and_the_state_is_not_trusted() throws Exception {
        module(MODULE.replace("SIZE", "1") + """
                resource "terraform_data" "waits" {
                  provisioner "local-exec" { command = "touch begun; exec sleep 600" }
                }
                """);
        succeeds("init", "-input=false");
        Process apply = started("apply", "-auto-approve");
        Eventually.see(() -> Files.exists(folder.resolve("begun")), there -> there);
        List<ProcessHandle> children = apply.descendants().toList();
        apply.destroyForcibly();
        children.forEach(ProcessHandle::destroyForcibly);
        int killed = apply.waitFor();

        Run plan = run("plan");
        assertThat(killed).isNotZero();
        assertThat(plan.exit()).isEqualTo(1);
        assertThat(plan.text()).contains("Error acquiring the state lock");
        String lock = plan.text().replaceFirst("(?s).*\\bID:\\s+(\\S+).*", "$1");
        succeeds("force-unlock", "-force", lock);

        assertThat(trust()).isEqualTo("unreliable(forced)");
        Run refused = run("apply", "-auto-approve");
        assertThat(refused.exit()).isEqualTo(1);
    }

    @Test
    void a_lock_that_another_holds_is_waited_for_and_its_id_is_shown() throws Exception {
        succeeds("init", "-input=false");
        Tf other = new Tf(address(), "someone", LarderTestResource.OWNER_TOKEN);
        assertThat(other.lock(Tf.info("the-lock-of-anna")).status()).isEqualTo(200);

        Run late = run("apply", "-auto-approve", "-lock-timeout=1s");

        assertThat(late.exit()).isEqualTo(1);
        assertThat(late.text()).contains("the-lock-of-anna");
        assertThat(version()).isZero();
        assertThat(other.unlock(Tf.info("the-lock-of-anna")).status()).isEqualTo(200);
        succeeds("apply", "-auto-approve", "-lock-timeout=1s");
    }

    @Test
    void a_write_without_a_lock_is_refused_and_kept_and_its_state_can_be_pushed() throws Exception {
        succeeds("init", "-input=false");

        Run unlocked = run("apply", "-auto-approve", "-lock=false");

        assertThat(unlocked.exit()).isEqualTo(1);
        assertThat(version()).isZero();
        assertThat(Api.owner()
                        .get("/api/v1/states/" + state + "/rejects")
                        .body()
                        .path("items"))
                .isNotEmpty();
        assertThat(folder.resolve("errored.tfstate")).exists();

        succeeds("state", "push", "errored.tfstate");

        assertThat(version()).isEqualTo(1);
        assertThat(trust()).isEqualTo("reliable");
        assertThat(succeeds("plan").text()).contains("No changes");
    }

    /** S12. Each of these, taken for an empty state, would make the tool create everything anew. */
    @Test
    void a_plan_fails_while_the_body_cannot_be_read_from_the_bucket() throws Exception {
        module(MODULE.replace("SIZE", "${join(\",\", [for i in range(1000) : sha1(i)])}"));
        succeeds("init", "-input=false");
        succeeds("apply", "-auto-approve");
        String body = bucket.keys().stream()
                .filter(key -> key.contains(state))
                .reduce((first, last) -> last)
                .orElseThrow();

        bucket.dropBucket(true);
        failsWithoutAPlan();
        bucket.dropBucket(false);
        bucket.refuseCredentials(true);
        failsWithoutAPlan();
        bucket.refuseCredentials(false);
        assertThat(trust()).isEqualTo("reliable");
        bucket.drop(body);
        failsWithoutAPlan();
        // The lock of that plan was a mutation, to which the state was left. A read without one says what it found.
        failsWithoutAPlan("-lock=false");
        assertThat(trust()).isEqualTo("corrupt(state_body_missing)");
    }

    private void failsWithoutAPlan(String... options) throws Exception {
        Run plan = run(Stream.concat(Stream.of("plan"), Stream.of(options)).toArray(String[]::new));
        assertThat(plan.exit()).as(plan.text()).isEqualTo(1);
        assertThat(plan.text()).doesNotContain("to add").doesNotContain("will be created");
    }

    @AfterEach
    void mend() {
        bucket.dropBucket(false);
        bucket.refuseCredentials(false);
    }

    private JsonNode status() {
        return Api.owner().get("/api/v1/states/" + state + "/status").body();
    }

    private int version() {
        return status().path("version").asInt();
    }

    private String trust() {
        String reason = status().at("/trust/reason").asText("null");
        return status().at("/trust/status").asText() + (reason.equals("null") ? "" : "(" + reason + ")");
    }

    private String address() {
        return "/tf/v1/states/" + state;
    }

    @CanIgnoreReturnValue
    private Run succeeds(String... arguments) throws Exception {
        Run run = run(arguments);
        assertThat(run.exit()).as(run.text()).isZero();
        return run;
    }

    private Run run(String... arguments) throws Exception {
        Process process = started(arguments);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        String said = Files.readString(folder.resolve("said"));
        return new Run(process.exitValue(), said.replaceAll("\u001b\\[[0-9;]*m", ""));
    }

    private Process started(String... arguments) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(Stream.concat(Stream.of(tool.toString()), Stream.of(arguments))
                        .toList())
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("said").toFile());
        builder.environment()
                .putAll(Map.of(
                        "TF_HTTP_ADDRESS",
                        Tf.base() + address(),
                        "TF_HTTP_LOCK_ADDRESS",
                        Tf.base() + address(),
                        "TF_HTTP_UNLOCK_ADDRESS",
                        Tf.base() + address(),
                        "TF_HTTP_USERNAME",
                        "anyone",
                        "TF_HTTP_PASSWORD",
                        LarderTestResource.OWNER_TOKEN,
                        "TF_IN_AUTOMATION",
                        "1",
                        "TF_INPUT",
                        "0",
                        "CHECKPOINT_DISABLE",
                        "1",
                        "HOME",
                        folder.toString()));
        builder.environment().put("TF_HTTP_RETRY_MAX", "0");
        builder.environment().remove("TF_CLI_CONFIG_FILE");
        return builder.start();
    }
}
