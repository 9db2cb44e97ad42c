package dev.larder.webhooks;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Planted;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import jakarta.inject.Inject;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Webhooks over HTTP, from their making to what their receiver gets (decision 0041). */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class WebhookHttpTest {

    private static final String SECRET = "whsec_"
            + Base64.getEncoder().encodeToString((Planted.SECRET + "w".repeat(12)).getBytes(StandardCharsets.US_ASCII));

    @Inject
    Vertx vertx;

    private record Received(String id, String timestamp, String signature, String body) {}

    private final String organization = "org-" + UUID.randomUUID().toString().substring(0, 13);
    private final String webhooks = "/api/v1/organizations/" + organization + "/webhooks";
    private final Api owner = Api.owner();
    private final Queue<Received> received = new ConcurrentLinkedQueue<>();
    private final Queue<Integer> answers = new ConcurrentLinkedQueue<>();
    private HttpServer receiver;

    WebhookHttpTest() {
        Answer made = owner.post("/api/v1/organizations", "{\"name\":\"" + organization + "\"}");
        assertThat(made.status()).isEqualTo(201);
    }

    @BeforeEach
    void listen() throws Exception {
        receiver = vertx.createHttpServer()
                .requestHandler(request -> request.bodyHandler(body -> {
                    received.add(new Received(
                            request.getHeader("webhook-id"),
                            request.getHeader("webhook-timestamp"),
                            request.getHeader("webhook-signature"),
                            body.toString()));
                    Integer status = answers.poll();
                    request.response()
                            .setStatusCode(status == null ? 200 : status)
                            .end();
                }))
                .listen(0, "127.0.0.1")
                .toCompletionStage()
                .toCompletableFuture()
                .get(10, TimeUnit.SECONDS);
    }

    @AfterEach
    void close() {
        var unused = receiver.close();
    }

    private String url() {
        return "http://127.0.0.1:" + receiver.actualPort() + "/hooks";
    }

    private JsonNode create(String events, String more) {
        Answer made = owner.post(webhooks, "{\"url\":\"%s\",\"events\":%s%s}".formatted(url(), events, more));
        assertThat(made.status()).as(made.toString()).isEqualTo(201);
        return made.body();
    }

    private Answer patch(String path, String body) {
        return owner.send("PATCH", path, BodyPublishers.ofString(body));
    }

    @Test
    void what_happens_in_an_organization_reaches_its_receiver_signed() {
        JsonNode webhook = create("[\"state.*\"]", ",\"secret\":\"" + SECRET + "\"");
        Api anna = owner.newUser(organization, "anna", "member");

        String state = anna.post("/api/v1/states", "{\"organization\":\"%s\",\"name\":\"net\"}".formatted(organization))
                .body()
                .path("id")
                .asText();
        Answer begun = anna.post("/api/v1/states/" + state + "/mutations", "{\"kind\":\"plan\"}");
        assertThat(begun.status()).as(begun.toString()).isLessThan(300);

        Received first = Eventually.see(received::peek, one -> one != null);
        assertThat(first.body()).contains("state.mutation_begun", "state:" + state + "/1");
        assertThat(first.signature())
                .isEqualTo(Secret.signatures(
                        List.of(Secret.read(SECRET).orElseThrow()),
                        first.id(),
                        Long.parseLong(first.timestamp()),
                        first.body()));
        String deliveries = webhooks + "/" + webhook.path("id").asText() + "/deliveries";
        Answer shown = Eventually.see(
                () -> owner.get(deliveries + "/" + first.id()),
                answer -> answer.body().path("status").asText().equals("delivered"));
        assertThat(shown.body().path("body").asText()).isEqualTo(first.body());
        assertThat(shown.body().at("/attemptLog/0/statusCode").asInt()).isEqualTo(200);
        assertThat(shown.text()).doesNotContain("whsec_", first.signature());
    }

    @Test
    void a_secret_is_shown_once() {
        JsonNode made = create("[\"*\"]", ",\"description\":\"a\"");
        String one = webhooks + "/" + made.path("id").asText();

        assertThat(made.path("secret").asText()).startsWith("whsec_");
        assertThat(owner.get(one).text()).doesNotContain("whsec_").contains("\"description\":\"a\"");
        assertThat(owner.get(webhooks).text()).doesNotContain("whsec_");
        Answer rotated = owner.post(one + "/rotate", "{\"overlap\":\"PT1H\"}");
        assertThat(rotated.status()).isEqualTo(200);
        assertThat(rotated.header("Cache-Control")).isEqualTo("no-store");
        assertThat(rotated.body().path("secret").asText())
                .startsWith("whsec_")
                .isNotEqualTo(made.path("secret").asText());
        assertThat(rotated.body().path("previousSecretUntil").isNull()).isFalse();
        assertThat(patch(one, "{\"description\":\"b\"}").text()).doesNotContain("whsec_");
    }

    @Test
    void a_webhook_is_tried_out_and_a_delivery_repeated_with_the_same_id() {
        String one = webhooks + "/" + create("[\"*\"]", "").path("id").asText();

        Answer test = owner.post(one + "/test", "");
        assertThat(test.status()).as(test.toString()).isEqualTo(202);
        String delivery = test.header("Location");
        Answer first = Eventually.see(
                () -> owner.get(delivery),
                answer -> answer.body().path("status").asText().equals("delivered"));
        Answer again = owner.post(delivery + "/redeliver", "");
        assertThat(again.status()).as(again.toString()).isEqualTo(202);
        Eventually.see(received::size, size -> size == 2);

        assertThat(received)
                .extracting(Received::id)
                .containsOnly(first.body().path("id").asText());
        assertThat(received).extracting(Received::body).allMatch(body -> body.contains("webhook.test"));
        assertThat(owner.get(one + "/deliveries?type=webhook.test&limit=1")
                        .body()
                        .path("items"))
                .hasSize(1);
        assertThat(owner.get(one + "/deliveries?status=failed").body().path("items"))
                .isEmpty();
    }

    @Test
    void a_receiver_that_is_gone_disables_its_webhook_and_a_patch_enables_it() {
        String one = webhooks + "/" + create("[\"workspace.*\"]", "").path("id").asText();
        answers.add(410);

        assertThat(owner.post(one + "/test", "").status()).isEqualTo(202);
        Answer gone = Eventually.see(
                () -> owner.get(one), answer -> !answer.body().path("enabled").asBoolean());

        assertThat(gone.body().path("disabledReason").asText()).isEqualTo("gone");
        assertThat(owner.post(one + "/test", "").code()).isEqualTo("webhook_disabled");
        assertThat(patch(one, "{\"enabled\":true}").body().path("enabled").asBoolean())
                .isTrue();
        assertThat(owner.post(one + "/test", "").status()).isEqualTo(202);
        Eventually.see(received::size, size -> size == 2);
        assertThat(owner.delete(one).status()).isEqualTo(204);
        assertThat(owner.get(one).code()).isEqualTo("webhook_not_found");
        assertThat(owner.get(one + "/deliveries").code()).isEqualTo("webhook_not_found");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{} | missing_field | url",
                "{\"url\":\"https://example.org/\"} | missing_field | events",
                "{\"url\":7,\"events\":[\"*\"]} | wrong_type | url",
                "{\"url\":\"ftp://example.org/\",\"events\":[\"*\"]} | invalid_url | url",
                "{\"url\":\"https://example.org:22/\",\"events\":[\"*\"]} | port_not_allowed | url",
                "{\"url\":\"https://10.0.0.1/\",\"events\":[\"*\"]} | address_not_allowed | url",
                "{\"url\":\"https://[::ffff:169.254.169.254]/\",\"events\":[\"*\"]} | address_not_allowed | url",
                "{\"url\":\"https://example.org/\",\"events\":[]} | out_of_range | events",
                "{\"url\":\"https://example.org/\",\"events\":\"*\"} | wrong_type | events",
                "{\"url\":\"https://example.org/\",\"events\":[\"*\",7]} | wrong_type | events[1]",
                "{\"url\":\"https://example.org/\",\"events\":[\"workspace.climed\"]} | unknown_event_type | events[0]",
                "{\"url\":\"https://example.org/\",\"events\":[\"*\"],\"secret\":\"short\"} | invalid_secret | secret",
                "{\"url\":\"https://example.org/\",\"events\":[\"*\"],\"active\":true} | unknown_field | active",
                "{\"url\":\"https://example.org/\",\"events\":[\"*\"],\"enabled\":\"yes\"} | wrong_type | enabled",
            })
    void a_body_that_cannot_be_used_is_refused_by_its_field(String body, String code, String field) {
        Answer refused = owner.post(webhooks, body);

        assertThat(refused.status()).as(refused.toString()).isIn(400, 422);
        assertThat(refused.code()).isEqualTo(code);
        assertThat(refused.body().at("/errors/0/field").asText()).isEqualTo(field);
    }

    @Test
    void filters_that_mean_nothing_are_refused() {
        String one = webhooks + "/" + create("[\"*\"]", "").path("id").asText();

        assertThat(owner.get(one + "/deliveries?status=lost").code()).isEqualTo("unknown_status");
        assertThat(owner.get(one + "/deliveries?type=workspace.climed").code()).isEqualTo("unknown_event_type");
        assertThat(owner.get(one + "/deliveries/" + UUID.randomUUID()).code()).isEqualTo("delivery_not_found");
        assertThat(owner.post(one + "/deliveries/" + UUID.randomUUID() + "/redeliver", "")
                        .code())
                .isEqualTo("delivery_not_found");
        assertThat(owner.post(one + "/rotate", "{\"overlap\":\"P8D\"}").code()).isEqualTo("overlap_too_long");
    }
}
