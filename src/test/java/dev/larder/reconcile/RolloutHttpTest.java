package dev.larder.reconcile;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.cli.client.ExitCode;
import dev.larder.cli.client.Typed;
import dev.larder.cli.client.Typed.Result;
import dev.larder.lifecycle.RolloutStore;
import dev.larder.testing.Api;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.core.json.JsonObject;
import jakarta.inject.Inject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rollouts are followed over HTTP, and steered by the command line. No worker has the tag, so nothing is built. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class RolloutHttpTest {

    private static final Pattern STATE = Pattern.compile("\"state\":\"(\\w+)\".*\"pausedAt\":(null|\")");

    private static final String DECLARATION = """
            {"backend":"exec","files":{"start.sh":"echo %d"},"tags":{"site":"nowhere"},"presets":[{"name":"small",
             "prebuilds":{"instances":2,"rollout":{"canary":{"instances":1}}}}]}""";

    @Inject
    RolloutStore store;

    @Inject
    InstantSource clock;

    @TempDir
    Path home;

    private final String url = ConfigProvider.getConfig().getValue("test.url", String.class);
    private final Api owner = Api.owner();
    private String organization = "";
    private Typed typed = Typed.at(Path.of("/"));

    @BeforeEach
    void declare() {
        organization = "org-" + UUID.randomUUID().toString().substring(0, 8);
        assertThat(owner.post("/api/v1/organizations", "{\"name\":\"" + organization + "\"}")
                        .status())
                .isEqualTo(201);
        typed = Typed.at(home)
                .with("LARDER_URL", url)
                .with("LARDER_TOKEN", LarderTestResource.OWNER_TOKEN)
                .with("LARDER_ORGANIZATION", organization);
        apply(1, true);
    }

    private void apply(int version, boolean promote) {
        Api.Answer applied = owner.put(
                "/api/v1/organizations/" + organization + "/templates/box?promote=" + promote,
                DECLARATION.formatted(version));
        assertThat(applied.status()).as(applied.toString()).isLessThan(300);
    }

    private JsonNode newest() {
        return owner.get("/api/v1/rollouts?organization=" + organization)
                .body()
                .path("items")
                .path(0);
    }

    private String id() {
        return newest().path("id").asText();
    }

    private boolean hold() {
        String id = id();
        return !id.isEmpty()
                && await(store.hold(
                        UUID.fromString(id),
                        "start_failed",
                        "start.sh ended with exit code 1.",
                        new JsonObject(),
                        clock.instant()));
    }

    @CanIgnoreReturnValue
    private Result run(ExitCode expected, String line) {
        Result result = typed.run(line);
        assertThat(result.exit()).as(line + "\n" + result).isEqualTo(expected.number());
        return result;
    }

    @Test
    void a_follower_is_told_each_state_and_each_pause_until_the_rollout_has_ended() throws Exception {
        apply(2, true);
        String rollout = "/api/v1/rollouts/" + id();
        List<String> states = new CopyOnWriteArrayList<>();
        HttpResponse<Stream<String>> stream = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(url + rollout + "/events"))
                                .header("Authorization", "Bearer " + LarderTestResource.OWNER_TOKEN)
                                .build(),
                        BodyHandlers.ofLines());
        Thread reader = Thread.ofVirtual().start(() -> {
            stream.body()
                    .flatMap(line -> STATE.matcher(line).results())
                    .map(found -> found.group(1) + (found.group(2).equals("null") ? "" : ", paused"))
                    .forEach(states::add);
            states.add("over");
        });

        Eventually.see(() -> states, seen -> seen.contains("canary"));
        assertThat(owner.post(rollout + "/pause", "").status()).isEqualTo(200);
        Eventually.see(() -> states, seen -> seen.contains("canary, paused"));
        assertThat(owner.post(rollout + "/resume", "").status()).isEqualTo(200);
        Eventually.see(() -> states, seen -> seen.getLast().equals("canary") && seen.size() > 2);
        assertThat(owner.post(rollout + "/skip-canary", "").status()).isEqualTo(200);
        Eventually.see(() -> states, seen -> seen.contains("progressing"));
        assertThat(owner.post(rollout + "/rollback", "").status()).isEqualTo(200);
        Eventually.see(() -> states, seen -> seen.contains("over"));

        reader.join();
        assertThat(states.stream().distinct())
                .containsExactly("canary", "canary, paused", "progressing", "rolled_back", "over");
    }

    @Test
    void the_command_line_lists_and_steers_a_rollout_by_its_preset_and_its_id() {
        apply(2, true);
        String id = id();

        assertThat(run(ExitCode.OK, "get rollouts").out())
                .contains("ROLLOUT", id, "canary", organization + "/box/small", "promotion");
        assertThat(run(ExitCode.OK, "describe rollout " + id).out())
                .contains("State: canary", "Owner: reconciler", "Wanted: 2", "Initiator: ");
        assertThat(run(ExitCode.OK, "rollout pause box/small").out()).contains(id, "canary, paused");
        assertThat(run(ExitCode.OK, "get rollouts --state=canary --cause=promotion -o name")
                        .out())
                .isEqualTo(id + "\n");
        assertThat(run(ExitCode.OK, "rollout resume " + id).out()).contains("is canary");
        assertThat(run(ExitCode.OK, "rollout skip-canary " + id).out()).contains("is progressing");
        assertThat(run(ExitCode.REFUSED, "rollout skip-canary " + id).err()).contains("no canary to skip");
        assertThat(run(ExitCode.OK, "rollout rollback box/small -o json").out()).contains("\"rolled_back\"");
        assertThat(run(ExitCode.REFUSED, "rollout resume " + id).err()).contains("it is rolled_back");
        run(ExitCode.OK, "wait rollout " + id + " --for=ended");
    }

    @Test
    void a_preset_without_an_open_rollout_is_named() {
        assertThat(run(ExitCode.NOT_FOUND, "rollout pause box/small").err())
                .contains("the preset 'box/small' has no open rollout");
    }

    @Test
    void promote_and_wait_says_that_a_rollout_is_held_by_an_exit_code_of_its_own() {
        apply(2, false);
        Thread holder = Thread.ofVirtual().start(() -> Eventually.see(this::hold, held -> held));

        Result held = run(ExitCode.ROLLOUT_STOPPED, "promote box 2 --wait --timeout=30s");

        assertThat(held.out()).contains("version 2 of box is active");
        assertThat(held.err()).contains("is held: start.sh ended with exit code 1.");
        assertThat(holder.isAlive()).isFalse();
        assertThat(run(ExitCode.ROLLOUT_STOPPED, "wait rollout " + id()).err()).contains("held");
    }

    @Test
    void promote_and_wait_ends_when_its_time_is_over() {
        apply(2, false);

        assertThat(run(ExitCode.TIMED_OUT, "promote box 2 --wait --timeout=1s").err())
                .contains("is not done in time");
    }

    @Test
    void what_a_user_did_to_a_rollout_is_in_the_audit_log() {
        apply(2, true);
        String id = id();
        run(ExitCode.OK, "rollout pause " + id);
        run(ExitCode.OK, "rollout rollback " + id);

        JsonNode entries =
                owner.get("/api/v1/audit?organization=" + organization).body().path("items");

        assertThat(entries.findValuesAsText("action")).contains("rollout.pause", "rollout.roll_back");
    }
}
