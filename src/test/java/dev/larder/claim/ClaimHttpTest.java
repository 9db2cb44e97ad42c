package dev.larder.claim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.inject.Inject;
import java.time.Instant;
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

    @Inject
    Pool pool;

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
        assertThat(claim.header("Larder-Pool-Ready")).isIn("0", "1");
        assertThat(claim.header("Server-Timing")).contains("queued;dur=", "picked;dur=", "bound;dur=");
        String workspace = claim.body().at("/workspace/id").asText();
        assertThat(claim.body().at("/workspace/outputs/secret").asText()).isEqualTo("hush-" + workspace);
        assertThat(claim.body().at("/workspace/status").asText()).isEqualTo("ready");
        assertThat(claim.header("ETag")).isEqualTo("\"2\"");
        awaitEligible(2);
    }

    @Test
    void a_workspace_whose_outputs_cannot_be_opened_is_given_to_nobody() {
        awaitEligible(2);
        var damaged = pool.preparedQuery("""
                        UPDATE workspaces SET outputs_sealed = '\\x0102'
                         WHERE id = (SELECT id FROM workspaces WHERE preset_id = $1 AND ready_at IS NOT NULL
                                      ORDER BY created_at, id LIMIT 1)""").executeAndAwait(Tuple.of(UUID.fromString(presetId("stocked"))));
        assertThat(damaged.rowCount()).isEqualTo(1);

        Answer unreadable = anna.post("/api/v1/claims", wanting("stocked"));
        Answer next = anna.post("/api/v1/claims", wanting("stocked"));

        assertThat(unreadable.status()).as(unreadable.toString()).isEqualTo(503);
        assertThat(unreadable.code()).isEqualTo("workspace_unreadable");
        assertThat(next.status()).as(next.toString()).isEqualTo(201);
        var claims = anna.get("/api/v1/claims").body().path("items");
        assertThat(claims.size()).isEqualTo(2);
        assertThat(claims.get(1).path("status").asText()).as(claims.toString()).isEqualTo("released");
    }

    @Test
    void claims_by_names_are_counted_released_together_and_seen_to_end() {
        String stocked = "/api/v1/organizations/" + organization + "/templates/box/presets/stocked/claims";
        awaitEligible(2);
        Answer first = anna.post(stocked, "");
        Answer second = anna.post(stocked, "{\"ttl\": \"1h30m\"}");

        Answer listed = anna.get(stocked + "?status=active&total=true&limit=1");
        Answer counted = anna.post("/api/v1/claims/release?dryRun=true", "{\"preset\": \"stocked\"}");
        Answer none = anna.post("/api/v1/claims/release", "{\"owner\": \"bob\"}");
        Answer released = anna.post("/api/v1/claims/release", "{\"preset\": \"stocked\", \"status\": \"active\"}");

        assertThat(first.status()).as(first.toString()).isEqualTo(201);
        assertThat(second.body().path("expiresAt").asText()).isNotEmpty();
        assertThat(listed.body().at("/items/0/id")).isEqualTo(second.body().path("id"));
        assertThat(listed.body().at("/total/count").asInt()).isEqualTo(2);
        assertThat(counted.body().path("count").asInt()).as(counted.toString()).isEqualTo(2);
        assertThat(counted.body().path("dryRun").asBoolean()).isTrue();
        assertThat(none.body().path("count").asInt()).isZero();
        assertThat(released.body().path("count").asInt())
                .as(released.toString())
                .isEqualTo(2);
        assertThat(released.body().path("more").asBoolean()).isFalse();
        assertThat(anna.get(stocked + "?status=released").body().path("items")).hasSize(2);
        Answer gone = Eventually.see(
                () -> anna.with("Prefer", "wait=20")
                        .get("/api/v1/workspaces/"
                                + first.body().at("/workspace/id").asText()),
                seen -> seen.body().path("status").asText().equals("deleted"));
        assertThat(gone.status()).isEqualTo(200);
        assertThat(owner.get("/api/v1/audit?organization=" + organization + "&owner=anna")
                        .body()
                        .toString())
                .contains("claims.release");
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
    void a_claim_holds_until_something_fit_is_found_and_sets_the_rest_aside() {
        String declaration = """
                {"backend": "exec",
                 "files": {"start.sh": "#!/bin/sh\\necho '{\\"id\\":\\"'$LARDER_WORKSPACE_ID'\\"}' > \\"$LARDER_OUTPUTS\\"\\n",
                           "verify.sh": "#!/bin/sh\\nmkdir \\"$LARDER_WORKSPACE_DIR/../../unfit-$LARDER_ORGANIZATION\\" || exit 0; exit 1\\n"},
                 "presets": [{"name": "one", "prebuilds": {"instances": 2}}]}""";
        assertThat(owner.put("/api/v1/organizations/" + organization + "/templates/checked", declaration)
                        .status())
                .isEqualTo(201);

        Answer claim = claimWhenReady(anna, "{\"template\":\"checked\",\"preset\":\"one\"}");

        assertThat(claim.status()).as(claim.toString()).isEqualTo(201);
        assertThat(claim.body().path("status").asText()).isEqualTo("active");
        assertThat(claim.body().at("/workspace/outputs/id").asText())
                .isEqualTo(claim.body().at("/workspace/id").asText());
        assertThat(owner.get("/api/v1/workspaces?limit=100").body().toString())
                .as("the evidence")
                .contains("\"status\":\"start_failed\"");
    }

    @Test
    void who_will_not_hold_is_shown_nothing_of_what_is_being_verified() {
        String declaration = """
                {"backend": "exec",
                 "files": {"start.sh": "#!/bin/sh\\necho '{\\"id\\":\\"x\\"}' > \\"$LARDER_OUTPUTS\\"\\n",
                           "verify.sh": "#!/bin/sh\\nsleep 1\\n"},
                 "presets": [{"name": "one", "prebuilds": {"instances": 1}}]}""";
        assertThat(owner.put("/api/v1/organizations/" + organization + "/templates/slow", declaration)
                        .status())
                .isEqualTo(201);

        Answer claim =
                claimWhenReady(anna.with("Prefer", "respond-async"), "{\"template\":\"slow\",\"preset\":\"one\"}");

        assertThat(claim.status()).as(claim.toString()).isEqualTo(202);
        assertThat(claim.body().path("status").asText()).isEqualTo("waiting");
        assertThat(claim.body().at("/waiting/position").asInt()).isZero();
        assertThat(claim.body().path("workspace").isNull()).isTrue();
        Answer fit = anna.with("Prefer", "wait=20")
                .get("/api/v1/claims/" + claim.body().path("id").asText());
        assertThat(fit.body().path("status").asText()).isEqualTo("active");
        assertThat(fit.body().at("/workspace/outputs/id").asText()).isEqualTo("x");
        Answer several = anna.post("/api/v1/claims", "{\"template\":\"slow\",\"preset\":\"one\",\"count\":2}");
        assertThat(several.status()).isEqualTo(422);
        assertThat(several.code()).isEqualTo("count_not_for_verified");
    }

    @Test
    void a_waiting_claim_is_served_when_something_becomes_ready_and_holds_its_caller_meanwhile() {
        Answer waited = anna.with("Prefer", "wait=25").post("/api/v1/claims", wanting("stocked", "wait"));

        assertThat(waited.status()).as(waited.toString()).isEqualTo(201);
        assertThat(waited.body().at("/workspace/status").asText()).isEqualTo("ready");
        assertThat(waited.body().at("/workspace/outputs/secret").asText()).startsWith("hush-");
    }

    @Test
    void who_will_not_hold_is_told_position_and_time_and_finds_the_claim_by_its_key() {
        Api keyed = anna.with("Idempotency-Key", "w1").with("Prefer", "respond-async");

        Answer waiting = keyed.post("/api/v1/claims", wanting("empty", "wait"));
        Answer again = keyed.post("/api/v1/claims", wanting("empty", "wait"));

        assertThat(waiting.status()).as(waiting.toString()).isEqualTo(202);
        assertThat(waiting.body().path("status").asText()).isEqualTo("waiting");
        assertThat(waiting.body().at("/waiting/position").asInt()).isEqualTo(1);
        assertThat(waiting.body().at("/waiting/etaSeconds").isNull()).isTrue();
        assertThat(waiting.body().at("/waiting/creationStopped/0/why").asText()).isEqualTo("none_wanted");
        assertThat(Integer.parseInt(waiting.header("Retry-After"))).isPositive();
        assertThat(again.status()).isEqualTo(202);
        assertThat(again.body().path("id")).isEqualTo(waiting.body().path("id"));
        assertThat(again.header("Idempotency-Replayed")).isEqualTo("true");
        String address = waiting.header("Location");
        assertThat(anna.get(address).body().path("status").asText()).isEqualTo("waiting");
        assertThat(anna.delete(address).status()).isEqualTo(204);
        assertThat(anna.get(address).body().path("status").asText()).isEqualTo("canceled");
        assertThat(anna.delete(address).status()).isEqualTo(204);
        Answer ended = keyed.post("/api/v1/claims", wanting("empty", "wait"));
        assertThat(ended.code()).isEqualTo("claim_ended");
        assertThat(ended.body().path("instance").asText()).isEqualTo(address);
    }

    @Test
    void no_caller_hangs_past_the_deadline_of_its_claim() {
        Answer late = anna.post(
                "/api/v1/claims",
                "{\"template\":\"box\",\"preset\":\"empty\",\"policy\":\"wait\",\"timeout\":\"PT1S\"}");
        Answer cold = anna.post(
                "/api/v1/claims",
                "{\"template\":\"box\",\"preset\":\"empty\",\"policy\":\"wait_then_cold\",\"timeout\":\"PT1S\"}");

        assertThat(late.code()).isEqualTo("no_claimable_workspace");
        assertThat(late.header("Retry-After"))
                .as("nothing is going to be built")
                .isEmpty();
        Answer named = anna.get(late.body().path("instance").asText());
        assertThat(named.body().path("status").asText()).isEqualTo("timed_out");
        assertThat(cold.status()).as(cold.toString()).isEqualTo(201);
        assertThat(cold.body().path("path").asText()).isEqualTo("cold");
    }

    @Test
    void events_tell_of_a_claim_until_it_waits_no_longer() {
        Answer waiting = anna.with("Prefer", "respond-async")
                .post(
                        "/api/v1/claims",
                        "{\"template\":\"box\",\"preset\":\"empty\",\"policy\":\"wait\",\"timeout\":\"PT1S\"}");

        Answer events = anna.with("Accept", "text/event-stream").get(waiting.header("Location") + "/events");

        assertThat(events.status()).isEqualTo(200);
        assertThat(events.text()).contains("\"status\":\"waiting\"").contains("\"status\":\"timed_out\"");
    }

    @Test
    void a_lease_is_renewed_by_its_holder_and_by_nobody_after_its_end() {
        Answer claim = claimWhenReady(anna, "{\"template\":\"box\",\"preset\":\"stocked\",\"ttl\":\"PT10M\"}");
        String address = "/api/v1/claims/" + claim.body().path("id").asText();
        Api eve = owner.newUser(organization, "eve", "member");
        String hour = "{\"ttl\":\"PT1H\"}";

        Answer renewed = anna.with("If-Match", claim.header("ETag")).post(address + "/renew", hour);

        assertThat(renewed.status()).as(renewed.toString()).isEqualTo(200);
        assertThat(Instant.parse(renewed.body().path("expiresAt").asText()))
                .isAfter(Instant.parse(claim.body().path("expiresAt").asText()));
        assertThat(anna.with("If-Match", "\"9\"").post(address + "/renew", hour).code())
                .isEqualTo("generation_mismatch");
        assertThat(anna.with("If-Match", "nonsense")
                        .post(address + "/renew", hour)
                        .code())
                .isEqualTo("invalid_if_match");
        assertThat(eve.post(address + "/renew", hour).code()).isEqualTo("claim_not_found");
        assertThat(anna.post(address + "/renew", "{}").code()).isEqualTo("missing_field");
        assertThat(anna.delete(address).status()).isEqualTo(204);
        assertThat(anna.post(address + "/renew", hour).code()).isEqualTo("claim_ended");
    }

    @Test
    void several_at_once_are_all_or_nothing_or_as_many_as_there_are() {
        awaitEligible(2);
        Api keyed = anna.with("Idempotency-Key", "b1");
        String three = "{\"template\":\"box\",\"preset\":\"stocked\",\"count\":3";

        assertThat(anna.post("/api/v1/claims", three + "}").code()).isEqualTo("no_claimable_workspace");
        Answer some = keyed.post("/api/v1/claims", three + ",\"atLeast\":1}");
        Answer again = keyed.post("/api/v1/claims", three + ",\"atLeast\":1}");

        assertThat(some.status()).as(some.toString()).isEqualTo(201);
        assertThat(some.body().path("items").size()).isBetween(1, 3);
        assertThat(again.body()).isEqualTo(some.body());
    }

    @Test
    void presets_are_tried_in_their_order_and_found_by_parameters() {
        Answer second = claimWhenReady(anna, "{\"template\":\"box\",\"presets\":[\"empty\",\"stocked\"]}");
        Answer fitting = anna.post("/api/v1/claims", "{\"template\":\"box\",\"parameters\":{},\"policy\":\"cold\"}");
        Answer unknown =
                anna.post("/api/v1/claims", "{\"template\":\"box\",\"parameters\":{\"size\":1},\"policy\":\"cold\"}");

        assertThat(second.body().at("/workspace/preset").asText()).isEqualTo("stocked");
        assertThat(fitting.status()).as(fitting.toString()).isEqualTo(201);
        assertThat(fitting.body().at("/workspace/preset").asText()).isEqualTo("empty");
        assertThat(unknown.code()).isEqualTo("unknown_parameter");
        assertThat(unknown.body().at("/errors/0/field").asText()).isEqualTo("parameters.size");
    }

    @Test
    void a_name_among_others_that_is_no_presets_is_refused_and_not_passed_over() {
        Answer unknown = anna.post("/api/v1/claims", "{\"template\":\"box\",\"presets\":[\"empty\",\"stokced\"]}");
        Answer none = anna.post("/api/v1/claims", "{\"template\":\"box\",\"presets\":[\"a\",\"b\"]}");

        assertThat(unknown.status()).isEqualTo(422);
        assertThat(unknown.code()).isEqualTo("preset_not_found");
        assertThat(unknown.body().at("/errors/0/field").asText()).isEqualTo("presets[1]");
        assertThat(none.status()).isEqualTo(404);
        assertThat(none.code()).isEqualTo("preset_not_found");
    }

    @Test
    void more_than_the_quota_is_refused_with_its_numbers() {
        String quota = "/api/v1/organizations/" + organization + "/quota";
        assertThat(owner.put(quota, "{\"workspacesPerUser\":1}").status()).isEqualTo(200);
        Api keyed = anna.with("Idempotency-Key", "q1");
        Answer first = claimWhenReady(keyed, wanting("stocked"));

        Answer second = anna.post("/api/v1/claims", wanting("stocked"));
        Answer cold = anna.post("/api/v1/claims", wanting("empty", "cold"));
        Answer replay = keyed.post("/api/v1/claims", wanting("stocked"));

        assertThat(first.status()).as(first.toString()).isEqualTo(201);
        assertThat(second.status()).isEqualTo(403);
        assertThat(second.code()).isEqualTo("quota_exceeded");
        assertThat(second.text()).contains("1 of 1");
        assertThat(cold.code()).isEqualTo("quota_exceeded");
        assertThat(replay.body().path("id")).isEqualTo(first.body().path("id"));
        assertThat(anna.put(quota, "{}").status()).isEqualTo(403);
        assertThat(owner.put(quota, "{\"workspaces\":-1}").code()).isEqualTo("out_of_range");
        assertThat(owner.put(quota, "{}").status()).isEqualTo(200);
        assertThat(anna.get(quota).body().path("held").asInt()).isEqualTo(1);
    }

    @Test
    void an_answer_that_cannot_be_given_in_the_wanted_form_takes_nothing() {
        awaitEligible(2);

        Answer refused = anna.with("Accept", "application/xml").post("/api/v1/claims", wanting("stocked"));

        assertThat(refused.status()).as(refused.toString()).isEqualTo(406);
        assertThat(anna.get("/api/v1/claims").body().path("items").size()).isZero();
    }

    @Test
    void another_organizations_quota_is_not_seen_through_its_workspaces() {
        awaitEligible(2);
        assertThat(owner.put("/api/v1/organizations/" + organization + "/quota", "{\"workspaces\":0}")
                        .status())
                .isEqualTo(200);
        String elsewhere = organization + "-y";
        assertThat(owner.post("/api/v1/organizations", "{\"name\":\"" + elsewhere + "\"}")
                        .status())
                .isEqualTo(201);
        Api stranger = owner.newUser(elsewhere, "eve", "member");
        String workspace = "";
        for (var seen : owner.get("/api/v1/workspaces?limit=200").body().path("items")) {
            if (seen.path("organization").asText().equals(organization)) {
                workspace = seen.path("id").asText();
            }
        }

        Answer refused =
                stranger.with("If-Match", "\"1\"").post("/api/v1/claims", "{\"workspaceId\":\"" + workspace + "\"}");

        assertThat(workspace).isNotEmpty();
        assertThat(refused.code()).isEqualTo("workspace_not_claimable");
    }

    @Test
    void nothing_in_stock_is_a_conflict_that_says_when_to_ask_again() {
        awaitEligible(2);
        Answer batch = anna.post("/api/v1/claims", "{\"template\":\"box\",\"preset\":\"stocked\",\"count\":9}");

        assertThat(batch.status()).isEqualTo(409);
        assertThat(batch.code()).isEqualTo("no_claimable_workspace");
        assertThat(Integer.parseInt(batch.header("Retry-After"))).isPositive();
    }

    @ParameterizedTest
    @CsvSource({"empty, none_wanted", "plain, no_prebuilds"})
    void a_preset_that_wants_no_prebuilds_says_so_and_names_no_time(String preset, String why) {
        Answer none = anna.post("/api/v1/claims", wanting(preset));

        assertThat(none.code()).isEqualTo("no_claimable_workspace");
        assertThat(none.header("Retry-After")).isEmpty();
        assertThat(none.body().at("/creationStopped/0/why").asText()).isEqualTo(why);
    }

    @Test
    void a_preset_whose_creation_is_paused_says_so_to_those_who_ask_and_those_who_wait() {
        awaitEligible(2);
        assertThat(owner.post("/api/v1/presets/" + presetId("stocked") + "/pause", "{\"scope\":\"create\"}")
                        .status())
                .isEqualTo(200);
        assertThat(anna.post("/api/v1/claims", wanting("stocked")).status()).isEqualTo(201);
        assertThat(anna.post("/api/v1/claims", wanting("stocked")).status()).isEqualTo(201);

        Answer none = anna.post("/api/v1/claims", wanting("stocked"));
        Answer waiting = anna.with("Prefer", "respond-async").post("/api/v1/claims", wanting("stocked", "wait"));

        assertThat(none.status()).isEqualTo(409);
        assertThat(none.code()).isEqualTo("creation_stopped");
        assertThat(none.header("Retry-After")).isEmpty();
        assertThat(none.body().at("/creationStopped/0/why").asText()).isEqualTo("paused");
        assertThat(waiting.status()).isEqualTo(202);
        assertThat(waiting.body().at("/waiting/creationStopped/0/why").asText()).isEqualTo("paused");
        assertThat(waiting.body().at("/waiting/etaSeconds").isNull()).isTrue();
    }

    private void declare(String template, String verify, String start) {
        String declaration = """
                {"backend": "exec",
                 "files": {"start.sh": "#!/bin/sh\\n%s\\n"%s},
                 "presets": [{"name": "one", "prebuilds": {"instances": 1}}, {"name": "none"}]}""".formatted(start, verify);
        Answer declared = owner.put("/api/v1/organizations/" + organization + "/templates/" + template, declaration);
        assertThat(declared.status()).as(declared.toString()).isEqualTo(201);
    }

    private static final String EMPTY = "echo '{}' > $LARDER_OUTPUTS";

    private static String one(String template, String preset, String policy) {
        return "{\"template\":\"%s\",\"preset\":\"%s\",\"policy\":\"%s\"}".formatted(template, preset, policy);
    }

    @Test
    void a_verification_that_always_fails_is_told_to_its_claim_and_stops_the_building() {
        declare("unfit", ", \"verify.sh\": \"#!/bin/sh\\nexit 1\\n\"", EMPTY);

        Answer refused = Eventually.see(
                () -> anna.post("/api/v1/claims", one("unfit", "one", "fail")),
                answer -> !answer.code().equals("no_claimable_workspace"));

        assertThat(refused.status()).as(refused.toString()).isEqualTo(409);
        assertThat(refused.code()).isEqualTo("verification_failed");
        assertThat(refused.text()).contains("verify.sh ended with exit code 1");
        Answer ended = anna.get(refused.body().path("instance").asText());
        assertThat(ended.body().path("status").asText()).isEqualTo("failed");
        assertThat(ended.body().path("code").asText()).isEqualTo("verification_failed");
        assertThat(ended.body().path("unfit").asInt()).isBetween(1, 3);
        Answer waiting = anna.with("Prefer", "wait=2").post("/api/v1/claims", one("unfit", "one", "wait"));
        assertThat(waiting.status()).as(waiting.toString()).isEqualTo(202);
        assertThat(waiting.body().at("/waiting/creationStopped/0/why").asText()).isEqualTo("backoff");
        assertThat(waiting.body().at("/waiting/etaSeconds").asInt()).isGreaterThan(30);
        assertThat(owner.get("/api/v1/workspaces?limit=100").body().toString().split("\"template\":\"unfit\"", -1))
                .as("built within some seconds")
                .hasSizeLessThanOrEqualTo(1 + 3);
    }

    @Test
    void a_cold_build_that_fails_ends_its_claim_and_its_followers_are_told_at_once() {
        declare("broken", "", "sleep 1; exit 7");
        Api keyed = anna.with("Idempotency-Key", "c1");

        Answer cold = keyed.post("/api/v1/claims", one("broken", "none", "cold"));
        String address = "/api/v1/claims/" + cold.body().path("id").asText();
        Answer events = anna.with("Accept", "text/event-stream").get(address + "/events");
        Answer held = anna.with("Prefer", "wait=20").get(address);
        Answer again = keyed.post("/api/v1/claims", one("broken", "none", "cold"));

        assertThat(cold.status()).as(cold.toString()).isEqualTo(201);
        assertThat(events.text()).contains("\"status\":\"active\"").contains("\"status\":\"failed\"");
        assertThat(held.body().path("status").asText()).isEqualTo("failed");
        assertThat(held.body().path("code").asText()).isEqualTo("script_failed");
        assertThat(held.body().path("reason").asText()).contains("start.sh ended with exit code 7");
        assertThat(held.body().path("endedAt").isNull()).isFalse();
        assertThat(again.status()).isEqualTo(201);
        assertThat(again.header("Idempotency-Replayed")).isEqualTo("true");
        assertThat(again.body().path("status").asText()).isEqualTo("failed");
        assertThat(again.body().path("id")).isEqualTo(cold.body().path("id"));
        Eventually.see(
                () -> anna.get(address),
                seen -> seen.body().at("/workspace/status").asText().equals("deleted"));
    }

    @Test
    void a_follower_of_a_cold_claim_is_held_until_its_workspace_is_ready() {
        declare("cold", "", "sleep 1; " + EMPTY);

        Answer cold = anna.post("/api/v1/claims", one("cold", "none", "cold"));
        Answer held = anna.with("Prefer", "wait=20")
                .get("/api/v1/claims/" + cold.body().path("id").asText());

        assertThat(held.body().path("status").asText()).isEqualTo("active");
        assertThat(held.body().at("/workspace/status").asText()).isEqualTo("ready");
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
        assertThat(stranger.post("/api/v1/claims", byName).code()).isEqualTo("organization_not_found");
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
                "{\"template\":\"no\",\"preset\":\"stocked\"}          | 404 | template_not_found",
                "{\"template\":\"no\",\"parameters\":{\"size\":\"s\"}} | 404 | template_not_found",
                "{\"organization\":\"no\",\"template\":\"box\",\"preset\":\"stocked\"} | 404 | organization_not_found",
                "{\"presetId\":\"x\"}                                  | 400 | invalid_id",
                "{\"presetId\":\"00000000-0000-7000-8000-00000000ffff\"} | 404 | preset_not_found",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"policy\":\"maybe\"} | 422 | unknown_policy",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"lease\":1} | 400 | unknown_field",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"ttl\":1} | 400 | wrong_type",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"ttl\":\"PT0S\"} | 400 | invalid_duration",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"ttl\":\"-PT5M\"} | 400 | invalid_duration",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"ttl\":\"P3650D\"} | 422 | out_of_range",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"count\":0} | 422 | out_of_range",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"count\":10000} | 422 | out_of_range",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"count\":2,\"atLeast\":3} | 422 | out_of_range",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"count\":2,\"policy\":\"wait\"} | 422 | policy_not_for_batches",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"timeout\":\"PT5S\"} | 422 | not_for_this_policy",
                "{\"template\":\"box\",\"preset\":\"empty\",\"policy\":\"wait\",\"priority\":1} | 403 | priority_not_allowed",
                "{\"template\":\"box\",\"preset\":\"stocked\",\"presets\":[\"empty\"]} | 400 | ambiguous_claim",
                "{\"template\":\"box\",\"presets\":[]} | 400 | wrong_type",
                "{\"template\":\"box\",\"presets\":[7]} | 400 | wrong_type",
                "{\"template\":\"box\",\"parameters\":{\"a\":[]}} | 422 | unknown_parameter",
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
