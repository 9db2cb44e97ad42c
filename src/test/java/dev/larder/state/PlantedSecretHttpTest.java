package dev.larder.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.state.Tf.Answer;
import dev.larder.testing.Api;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Leaks;
import dev.larder.testing.Logged;
import dev.larder.testing.Planted;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.pgclient.PgConnectOptions;
import jakarta.inject.Inject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.ConfigProvider;
import org.jboss.logging.Logger;
import org.junit.jupiter.api.Test;

/**
 * A secret in a state, in a sensitive output and in a parameter goes through every call, the refused ones too. It lies
 * nowhere in clear afterwards: in no table, no notification, no line of the log, and no answer to a person who may not
 * see it (S20).
 */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class PlantedSecretHttpTest {

    private static final String SECRET = Planted.SECRET;

    @Inject
    Pool pool;

    @Inject
    Vertx vertx;

    private final String organization = "org-" + UUID.randomUUID().toString().substring(0, 13);
    private final List<String> answers = new ArrayList<>();

    @Test
    void a_planted_secret_is_found_in_no_table_notification_log_or_refusal() {
        List<String> notified = new CopyOnWriteArrayList<>();
        PgConnection listening = listening(notified);
        try (Logged logged = Logged.all()) {
            assertThat(Api.owner()
                            .post("/api/v1/organizations", "{\"name\":\"" + organization + "\"}")
                            .status())
                    .isEqualTo(201);
            Api admin = Api.owner().newUser(organization, "admin", "template_admin");
            String state = created(admin);
            uploads(state);
            refusals(state);
            calls(admin, state);
            parameters(admin);

            Logger.getLogger(PlantedSecretHttpTest.class).info("the log is watched");
            assertThat(logged.messages())
                    .anyMatch(line -> line.contains("the log is watched"))
                    .noneMatch(Planted::isIn);
        }
        assertThat(notified).noneMatch(Planted::isIn);
        listening.closeAndAwait();
        assertThat(answers).noneMatch(Planted::isIn);
        assertThat(List.of("state_versions", "state_rejects", "workspaces", "audit"))
                .allSatisfy(table -> assertThat(rows(table)).isPositive());
        assertThat(Leaks.in("application", pool)).isEmpty();
    }

    private PgConnection listening(List<String> notified) {
        Config config = ConfigProvider.getConfig();
        PgConnectOptions options = PgConnectOptions.fromUri(
                        config.getValue("quarkus.datasource.reactive.url", String.class))
                .setUser(config.getValue("quarkus.datasource.username", String.class))
                .setPassword(config.getOptionalValue("quarkus.datasource.password", String.class)
                        .orElse(""));
        PgConnection connection = PgConnection.connectAndAwait(vertx, options);
        connection.notificationHandler(payload -> notified.add(payload.getChannel() + " " + payload.getPayload()));
        for (String channel : List.of("reconcile", "ended", "jobs", "cancels", "steps", "waiting")) {
            connection.query("LISTEN larder_" + channel).executeAndAwait();
        }
        return connection;
    }

    private String created(Api admin) {
        Api.Answer made =
                admin.post("/api/v1/states", "{\"organization\":\"%s\",\"name\":\"planted\"}".formatted(organization));
        assertThat(made.status()).as(made.toString()).isEqualTo(201);
        return made.body().path("id").asText();
    }

    private static Tf tool(String state) {
        return new Tf("/tf/v1/states/" + state, "anyone", LarderTestResource.OWNER_TOKEN);
    }

    /** The secret is the value of a sensitive output and lies in an attribute too. */
    private static String body(int serial) {
        return Tf.state(serial)
                .replace("\"instances\":[{}]", "\"instances\":[{\"attributes\":{\"input\":\"" + SECRET + "\"}}]");
    }

    private void uploads(String state) {
        Tf tool = tool(state);
        assertThat(body(1)).contains("\"sensitive\":true", "\"input\":\"" + SECRET);
        assertThat(tool.lock(Tf.info("l1")).status()).isEqualTo(200);
        assertThat(tool.post("l1", body(1)).status()).isEqualTo(200);
        assertThat(tool.post("l1", body(2)).status()).isEqualTo(200);
        assertThat(tool.get().text()).isEqualTo(body(2));
        assertThat(tool.unlock(Tf.info("l1")).status()).isEqualTo(200);
    }

    private void refusals(String state) {
        Tf tool = tool(state);
        assertThat(tool.lock(Tf.info("l2")).status()).isEqualTo(200);
        String other = body(2).replace("test://x", "test://y");
        for (Answer refused : List.of(
                tool.post("l2", body(1)),
                tool.post("l2", other),
                tool.post("l2", body(3).replace("11111111-", "22222222-")),
                tool.post("l2", "no JSON: " + SECRET),
                tool.post("l2", "{\"version\":4,\"serial\":\"" + SECRET + "\"}"),
                tool.post("l2", "{\"" + SECRET + "\":1,}"),
                tool.post("l2", body(3).replace("test://x", "x".repeat(5 << 20))),
                tool.post("foreign", body(3)),
                tool.post("", body(3)),
                tool.send("POST", "?ID=l2", body(3), Map.of("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==")))) {
            assertThat(refused.status()).as(refused.code()).isBetween(400, 499);
            answers.add(refused.toString());
        }
        assertThat(tool.unlock(Tf.info("l2")).status()).isEqualTo(200);
        answers.add(tool.lock(Tf.info("l3")).toString());
    }

    private void calls(Api admin, String state) {
        String path = "/api/v1/states/" + state;
        assertThat(admin.post(path + "/acknowledge", "{\"reason\":\"seen\"}").status())
                .isEqualTo(200);
        assertThat(admin.get(path).text()).isEqualTo(body(2));
        assertThat(admin.post(path + "/versions/1/restore", "{\"reason\":\"older\"}")
                        .status())
                .isEqualTo(200);
        assertThat(admin.get(path + "/rejects").body().path("items")).isNotEmpty();
        for (String shown : List.of("/status", "/versions", "/rejects", "/mutations")) {
            answers.add(admin.get(path + shown).toString());
        }
        answers.add(admin.with("Mutation-Id", UUID.randomUUID().toString())
                .put(path, body(7))
                .toString());
        answers.add(admin.put(path, "{\"x\":" + SECRET).toString());
        answers.add(Api.owner()
                .newUser(organization, "member", "member")
                .get(path + "/outputs")
                .toString());
    }

    /** As a parameter of a template whose values are sensitive, and of a claim. */
    private void parameters(Api admin) {
        String declaration = """
                {"backend":"exec","files":{"start.sh":"#!/bin/sh\\n"},
                 "parameters":[{"name":"password","sensitive":true,"default":"unset"}],
                 "presets":[{"name":"p","prebuilds":{"instances":0}}]}""";
        Api.Answer declared = admin.put("/api/v1/organizations/" + organization + "/templates/planted", declaration);
        assertThat(declared.status()).as(declared.toString()).isEqualTo(201);
        Api member = Api.owner().newUser(organization, "claimer", "member");
        Api.Answer claimed = member.post(
                "/api/v1/claims",
                "{\"template\":\"planted\",\"policy\":\"cold\",\"parameters\":{\"password\":\"" + SECRET + "\"}}");
        assertThat(claimed.status()).as(claimed.code()).isBetween(200, 202);
        answers.add(member.post(
                        "/api/v1/claims",
                        "{\"template\":\"planted\",\"policy\":\"cold\",\"parameters\":{\"password\":[\"" + SECRET
                                + "\"]}}")
                .toString());
    }

    private long rows(String table) {
        return pool.query("SELECT count(*) AS n FROM " + table)
                .executeAndAwait()
                .iterator()
                .next()
                .getLong("n");
    }
}
