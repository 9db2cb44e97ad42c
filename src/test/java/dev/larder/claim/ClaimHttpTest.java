package dev.larder.claim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@QuarkusTest
@WithTestResource(LarderTestResource.class)
class ClaimHttpTest {

    private static final String DECLARATION = """
            {"backend": "exec",
             "files": {"start.sh": "#!/bin/sh\\nprintf '{\\"secret\\":\\"hush-%s\\"}' \\"$LARDER_WORKSPACE_ID\\" > \\"$LARDER_OUTPUTS\\"\\n"},
             "presets": [{"name": "stocked", "prebuilds": {"instances": 2}},
                         {"name": "empty", "prebuilds": {"instances": 0}},
                         {"name": "plain"}]}""";

    private final Api owner = Api.owner();
    private String organization = "";
    private Api anna = owner;

    @BeforeEach
    void stock_a_pool() {
        organization = "org-" + UUID.randomUUID().toString().substring(0, 8);
        assertThat(owner.post("/api/v1/organizations", "{\"name\":\"" + organization + "\"}")
                        .status())
                .isEqualTo(201);
        anna = owner.newUser(organization, "anna", "member");
        Answer declared = owner.put("/api/v1/organizations/" + organization + "/templates/box", DECLARATION);
        assertThat(declared.status()).as(declared.toString()).isEqualTo(201);
    }

    private static String wanting(String preset) {
        return "{\"template\":\"box\",\"preset\":\"" + preset + "\"}";
    }

    private static String wanting(String preset, String policy) {
        return "{\"template\":\"box\",\"preset\":\"" + preset + "\",\"policy\":\"" + policy + "\"}";
    }

    private Answer claimWhenReady(Api caller, String body) {
        return Eventually.see(() -> caller.post("/api/v1/claims", body), answer -> answer.status() != 409);
    }

    private String presetId(String name) {
        for (var preset : anna.get("/api/v1/presets").body().path("items")) {
            if (preset.path("name").asText().equals(name)) {
                return preset.path("id").asText();
            }
        }
        throw new AssertionError("no preset " + name);
    }

    private void awaitEligible(int count) {
        String pool = "/api/v1/presets/" + presetId("stocked") + "/pool";
        Eventually.see(
                () -> anna.get(pool), seen -> seen.body().at("/counts/eligible").asInt() == count);
    }

    @Test
    void a_claim_answers_with_the_workspace_and_its_outputs_and_the_pool_refills() {
        Answer claim = claimWhenReady(anna, wanting("stocked"));

        assertThat(claim.status()).as(claim.toString()).isEqualTo(201);
        assertThat(claim.body().path("path").asText()).isEqualTo("warm");
        String workspace = claim.body().at("/workspace/id").asText();
        assertThat(claim.body().at("/workspace/outputs/secret").asText()).isEqualTo("hush-" + workspace);
        assertThat(claim.body().at("/workspace/status").asText()).isEqualTo("ready");
        assertThat(claim.header("ETag")).isEqualTo("\"2\"");
        awaitEligible(2);
    }

    @Test
    void the_same_key_and_body_get_the_same_answer_and_another_body_is_refused() {
        Api keyed = anna.with("Idempotency-Key", "k1");
        Answer first = claimWhenReady(keyed, wanting("stocked"));

        Answer again = keyed.post("/api/v1/claims", "{\"preset\":\"stocked\", \"template\":\"box\"}");
        Answer other = keyed.post("/api/v1/claims", wanting("empty"));

        assertThat(first.status()).as(first.toString()).isEqualTo(201);
        assertThat(again.status()).as(again.toString()).isEqualTo(201);
        assertThat(again.body()).isEqualTo(first.body());
        assertThat(again.header("Idempotency-Replayed")).isEqualTo("true");
        assertThat(other.status()).isEqualTo(422);
        assertThat(other.code()).isEqualTo("idempotency_key_reused");
    }

    @Test
    void a_claim_step_prepares_the_workspace_for_its_claimer_after_the_answer() {
        String declaration = """
                {"backend": "exec",
                 "files": {"start.sh": "#!/bin/sh\\necho '{\\"for\\":\\"nobody\\"}' > \\"$LARDER_OUTPUTS\\"\\n",
                           "claim.sh": "#!/bin/sh\\necho '{\\"for\\":\\"'$LARDER_OWNER'\\"}' > \\"$LARDER_OUTPUTS\\"\\n"},
                 "presets": [{"name": "one", "prebuilds": {"instances": 1}}]}""";
        assertThat(owner.put("/api/v1/organizations/" + organization + "/templates/step", declaration)
                        .status())
                .isEqualTo(201);

        Answer claim = claimWhenReady(anna, "{\"template\":\"step\",\"preset\":\"one\"}");

        assertThat(claim.status()).as(claim.toString()).isEqualTo(201);
        assertThat(claim.body().at("/step/status").asText()).isIn("pending", "running", "succeeded");
        String address = "/api/v1/claims/" + claim.body().path("id").asText();
        Answer prepared = Eventually.see(
                () -> anna.get(address),
                seen -> seen.body().at("/step/status").asText().equals("succeeded"));
        assertThat(prepared.body().at("/workspace/status").asText()).isEqualTo("ready");
        assertThat(prepared.body().at("/workspace/outputs/for").asText()).isEqualTo("anna");
    }

    @Test
    void nothing_in_stock_is_a_conflict_that_says_when_to_ask_again() {
        Answer none = anna.post("/api/v1/claims", wanting("empty"));

        assertThat(none.status()).isEqualTo(409);
        assertThat(none.code()).isEqualTo("no_claimable_workspace");
        assertThat(Integer.parseInt(none.header("Retry-After"))).isPositive();
    }

    @ParameterizedTest
    @CsvSource({"empty", "plain"})
    void a_cold_claim_is_built_for_the_caller(String preset) {
        Answer cold = anna.post("/api/v1/claims", wanting(preset, "cold"));

        assertThat(cold.status()).as(cold.toString()).isEqualTo(201);
        assertThat(cold.body().path("path").asText()).isEqualTo("cold");
        String claim = "/api/v1/claims/" + cold.body().path("id").asText();
        Answer ready = Eventually.see(
                () -> anna.get(claim),
                seen -> seen.body().at("/workspace/status").asText().equals("ready"));
        assertThat(ready.body().at("/workspace/outputs/secret").asText()).startsWith("hush-");
    }

    @Test
    void a_claim_is_seen_by_its_claimer_whole_by_admins_without_outputs_and_by_nobody_else() {
        String claim = "/api/v1/claims/"
                + claimWhenReady(anna, wanting("stocked")).body().path("id").asText();
        Api admin = owner.newUser(organization, "admin", "template_admin");
        Api bob = owner.newUser(organization, "bob", "member");

        assertThat(anna.get(claim).body().at("/workspace/outputs").size()).isEqualTo(1);
        assertThat(admin.get(claim).status()).isEqualTo(200);
        assertThat(admin.get(claim).text()).doesNotContain("hush");
        assertThat(bob.get(claim).status()).isEqualTo(404);
        assertThat(bob.delete(claim).status()).isEqualTo(404);
        assertThat(bob.get("/api/v1/claims").body().path("items")).isEmpty();
        assertThat(anna.get("/api/v1/claims").body().path("items")).hasSize(1);
        assertThat(anna.get("/api/v1/claims").text()).doesNotContain("hush");
    }

    @Test
    void what_is_given_back_is_destroyed_and_giving_it_back_again_is_no_error() {
        Answer claimed = claimWhenReady(anna, wanting("stocked"));
        String claim = "/api/v1/claims/" + claimed.body().path("id").asText();
        String workspace =
                "/api/v1/workspaces/" + claimed.body().at("/workspace/id").asText();

        assertThat(anna.delete(claim).status()).isEqualTo(204);
        assertThat(anna.delete(claim).status()).isEqualTo(204);

        assertThat(anna.get(claim).body().path("status").asText()).isEqualTo("released");
        assertThat(anna.get(claim).text()).doesNotContain("hush");
        Eventually.see(
                () -> anna.get(workspace),
                seen -> !seen.body().path("deletedAt").isNull());
    }

    @Test
    void exactly_this_workspace_is_claimed_at_its_version_only() {
        awaitEligible(2);
        Api admin = owner.newUser(organization, "admin", "template_admin");
        var prebuild = admin.get("/api/v1/workspaces").body().at("/items/0");
        String body = "{\"workspaceId\":\"" + prebuild.path("id").asText() + "\"}";

        assertThat(anna.post("/api/v1/claims", body).status()).isEqualTo(428);
        assertThat(anna.with("If-Match", "garbage").post("/api/v1/claims", body).code())
                .isEqualTo("invalid_if_match");
        assertThat(anna.with("If-Match", "\"9\"").post("/api/v1/claims", body).status())
                .isEqualTo(412);
        Answer claimed = anna.with("If-Match", "\"1\"").post("/api/v1/claims", body);
        assertThat(claimed.status()).as(claimed.toString()).isEqualTo(201);
        assertThat(claimed.body().at("/workspace/id").asText())
                .isEqualTo(prebuild.path("id").asText());
        assertThat(anna.with("If-Match", "\"1\"").post("/api/v1/claims", body).code())
                .isEqualTo("workspace_not_claimable");
    }

    @Test
    void presets_of_other_organizations_are_not_there() {
        awaitEligible(2);
        String elsewhere = "org-" + UUID.randomUUID().toString().substring(0, 8);
        assertThat(owner.post("/api/v1/organizations", "{\"name\":\"" + elsewhere + "\"}")
                        .status())
                .isEqualTo(201);
        Api stranger = owner.newUser(elsewhere, "eve", "member");
        String byId = "{\"presetId\":\"" + presetId("stocked") + "\"}";
        String byName = "{\"organization\":\"" + organization + "\",\"template\":\"box\",\"preset\":\"stocked\"}";

        assertThat(stranger.post("/api/v1/claims", byId).code()).isEqualTo("preset_not_found");
        assertThat(stranger.post("/api/v1/claims", byName).code()).isEqualTo("preset_not_found");
        assertThat(anna.post("/api/v1/claims", byId).status()).isEqualTo(201);
    }

    @Test
    void the_plan_of_a_preset_can_be_asked_for_another_instant_but_not_for_nonsense() {
        String plan = "/api/v1/presets/" + presetId("stocked") + "/plan?at=";

        assertThat(anna.get(plan + "2026-12-01T00:00:00Z").status()).isEqualTo(200);
        assertThat(anna.get(plan + "tomorrow").code()).isEqualTo("invalid_instant");
        assertThat(anna.get(plan + "%2B999999999-01-01T00:00:00Z").code()).isEqualTo("invalid_instant");
        assertThat(anna.get("/api/v1/presets/" + presetId("plain") + "/pool").code())
                .isEqualTo("no_prebuilds_declared");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '´',
            value = {
                "{                                                     | 400 | malformed_json",
                "[]                                                    | 400 | not_an_object",
                "{}                                                    | 400 | missing_field",
                "{\"template\":\"box\"}                                | 400 | missing_field",
                "{\"template\":\"box\",\"preset\":7}                   | 400 | wrong_type",
                "{\"template\":\"box\",\"preset\":\"no\"}              | 404 | preset_not_found",
                "{\"template\":\"no\",\"preset\":\"stocked\"}          | 404 | preset_not_found",
                "{\"presetId\":\"x\"}                                  | 400 | invalid_id",
                "{\"presetId\":\"00000000-0000-7000-8000-00000000ffff\"} | 404 | preset_not_found",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"policy\":\"maybe\"} | 422 | unknown_policy",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"ttl\":1} | 400 | unknown_field",
                "{\"template\":\"box\",\"presetId\":\"00000000-0000-7000-8000-00000000ffff\"} | 400 | ambiguous_claim"
            })
    void what_is_wrong_with_a_request_is_said(String body, int status, String code) {
        Answer answer = anna.post("/api/v1/claims", body);

        assertThat(answer.status()).as(answer.toString()).isEqualTo(status);
        assertThat(answer.code()).isEqualTo(code);
    }

    @Test
    void a_deployment_wide_caller_must_name_the_organization() {
        assertThat(owner.post("/api/v1/claims", wanting("stocked")).code()).isEqualTo("missing_field");
    }

    @Test
    void an_idempotency_key_of_blanks_or_without_end_is_refused() {
        assertThat(anna.with("Idempotency-Key", "k".repeat(256))
                        .post("/api/v1/claims", wanting("stocked"))
                        .code())
                .isEqualTo("invalid_idempotency_key");
    }

    @Test
    void a_deprecated_template_hands_nothing_out_and_says_why() {
        String template = "/api/v1/organizations/" + organization + "/templates/box";
        assertThat(owner.post(template + "/deprecate", "{\"reason\":\"use crates\"}")
                        .status())
                .isLessThan(300);

        Answer refused = anna.post("/api/v1/claims", wanting("stocked"));

        assertThat(refused.status()).isEqualTo(409);
        assertThat(refused.code()).isEqualTo("preset_not_active");
        assertThat(refused.text()).contains("use crates");
    }
}
