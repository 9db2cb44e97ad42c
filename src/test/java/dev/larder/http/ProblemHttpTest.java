package dev.larder.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.io.ByteArrayInputStream;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(LarderTestResource.class)
class ProblemHttpTest {

    private static final String ORGANIZATIONS = "/api/v1/organizations";

    @Test
    void a_call_without_a_token_is_told_so() {
        Answer answer = Api.anonymous().get("/api/v1/me");

        assertProblem(answer, 401, "missing_token");
        assertThat(answer.header("WWW-Authenticate")).isEqualTo("Bearer");
    }

    @Test
    void an_unknown_token_and_another_scheme_are_invalid() {
        Answer unknown = Api.as("larder_" + "x".repeat(43)).get("/api/v1/me");
        Answer malformed = Api.as("nonsense").get("/api/v1/me");
        Answer basic = Api.anonymous().with("Authorization", "Basic YTpi").get("/api/v1/me");

        assertProblem(unknown, 401, "invalid_token");
        assertProblem(malformed, 401, "invalid_token");
        assertProblem(basic, 401, "invalid_token");
        assertThat(unknown.header("WWW-Authenticate")).contains("invalid_token");
    }

    @Test
    void an_unknown_address_under_the_api_is_a_problem_with_and_without_a_token() {
        assertProblem(Api.owner().get("/api/v1/nothing"), 404, "not_found");
        assertProblem(Api.anonymous().get("/api/v1/nothing"), 404, "not_found");
        assertProblem(Api.owner().get("/api/nothing"), 404, "not_found");
        assertProblem(Api.owner().get("/api"), 404, "not_found");
    }

    @Test
    void a_wrong_method_media_type_or_accept_header_is_a_problem() {
        assertProblem(Api.owner().delete(ORGANIZATIONS), 405, "method_not_allowed");
        assertProblem(
                Api.owner().with("Content-Type", "text/plain").post(ORGANIZATIONS, "x"), 415, "unsupported_media_type");
        assertProblem(Api.owner().with("Accept", "image/png").get("/api/v1/me"), 406, "not_acceptable");
        assertProblem(Api.owner().with("Content-Type", "???").post(ORGANIZATIONS, "{}"), 415, "unsupported_media_type");
    }

    @Test
    void a_body_that_is_no_json_object_is_a_problem() {
        Answer malformed = Api.owner().post(ORGANIZATIONS, "{\"name\": secret");

        assertProblem(malformed, 400, "malformed_json");
        assertThat(malformed.text()).doesNotContain("secret").contains("line 1");
        assertProblem(Api.owner().post(ORGANIZATIONS, "[]"), 400, "not_an_object");
        assertProblem(Api.owner().post(ORGANIZATIONS, ""), 400, "not_an_object");
        assertProblem(Api.owner().post(ORGANIZATIONS, "{} {}"), 400, "malformed_json");
        assertProblem(Api.owner().post(ORGANIZATIONS, "{\"name\":\"a\",\"name\":\"b\"}"), 400, "malformed_json");
        assertProblem(Api.owner().post(ORGANIZATIONS, "[".repeat(5000)), 400, "malformed_json");
    }

    @Test
    void a_wrong_field_is_named() {
        assertField(Api.owner().post(ORGANIZATIONS, "{\"nam\":\"a\"}"), "unknown_field", "nam");
        assertField(Api.owner().post(ORGANIZATIONS, "{\"name\":5}"), "wrong_type", "name");
        assertField(Api.owner().post(ORGANIZATIONS, "{\"name\":null}"), "missing_field", "name");
        assertField(Api.owner().post(ORGANIZATIONS, "{\"name\":\"a\\u0000\"}"), "invalid_text", "name");
        assertField(Api.owner().post(ORGANIZATIONS, "{\"name\":\"Ä\"}"), "invalid_name", "name");
    }

    @Test
    void a_body_that_is_too_large_is_a_problem_announced_or_not() {
        byte[] large = new byte[2 * 1024 * 1024 + 1];

        Answer announced = Api.owner().send("POST", ORGANIZATIONS, BodyPublishers.ofByteArray(large));
        Answer chunked = Api.owner()
                .send("POST", ORGANIZATIONS, BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(large)));

        assertProblem(announced, 413, "body_too_large");
        assertProblem(chunked, 413, "body_too_large");
    }

    @Test
    void a_body_of_unknown_length_is_read_like_any_other() {
        Answer chunked = Api.owner()
                .send(
                        "POST",
                        ORGANIZATIONS,
                        BodyPublishers.ofInputStream(
                                () -> new ByteArrayInputStream("{}".getBytes(StandardCharsets.UTF_8))));

        assertField(chunked, "missing_field", "name");
    }

    @Test
    void a_page_that_cannot_be_read_is_a_problem() {
        assertField(Api.owner().get(ORGANIZATIONS + "?limit=0"), "invalid_limit", "limit");
        assertField(Api.owner().get(ORGANIZATIONS + "?limit=201"), "invalid_limit", "limit");
        assertField(Api.owner().get(ORGANIZATIONS + "?limit=x"), "invalid_limit", "limit");
        assertField(Api.owner().get(ORGANIZATIONS + "?after=x"), "invalid_cursor", "after");
    }

    @Test
    void characters_that_postgres_cannot_hold_are_the_callers_mistake() {
        Answer answer = Api.owner().get(ORGANIZATIONS + "/a%00b");

        assertThat(answer.status()).as(answer.toString()).isBetween(400, 404);
    }

    private static void assertField(Answer answer, String code, String field) {
        assertThat(answer.status()).as(answer.toString()).isIn(400, 422);
        assertProblem(answer, answer.status(), code);
        assertThat(answer.body().path("errors").path(0).path("field").asText()).isEqualTo(field);
    }

    private static void assertProblem(Answer answer, int status, String code) {
        assertThat(answer.status()).as(answer.toString()).isEqualTo(status);
        assertThat(answer.code()).as(answer.toString()).isEqualTo(code);
        assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
        assertThat(answer.body().path("status").asInt()).isEqualTo(status);
        assertThat(answer.body().path("title").asText()).isNotBlank();
        assertThat(answer.text()).doesNotContain("Exception", "\tat ");
    }
}
