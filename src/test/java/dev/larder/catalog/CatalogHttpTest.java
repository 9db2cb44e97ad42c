package dev.larder.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.argumentSet;

import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Planted;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.time.Instant;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The catalog as a caller meets it: media types, codes, tags, rights. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class CatalogHttpTest {

    private static final String YAML = """
            backend: exec
            files: {start.sh: "true"}
            parameters: [{name: secret, sensitive: true, default: SECRET}]
            presets:
              - name: small
                prebuilds: {instances: 0, ttl: 8h, schedules: [{cron: "* 9-17 * * *", instances: 0}]}
            """.replace("SECRET", Planted.SECRET);

    private final Api owner = Api.owner();
    private String organization = "";
    private String templates = "";

    @BeforeEach
    void make_an_organization() {
        organization = name();
        templates = "/api/v1/organizations/" + organization + "/templates";
        assertThat(owner.post("/api/v1/organizations", "{\"name\":\"" + organization + "\"}")
                        .status())
                .isEqualTo(201);
    }

    @Test
    void a_declaration_is_applied_once_and_found_again() {
        Answer first = apply(owner, "db", YAML);
        Answer again = apply(owner, "db", YAML);
        Answer seen = owner.get(templates + "/db");

        assertThat(first.status()).as(first.toString()).isEqualTo(201);
        assertThat(first.body().path("version").asInt()).isEqualTo(1);
        assertThat(again.status()).as(again.toString()).isEqualTo(200);
        assertThat(again.body().path("versionCreated").asBoolean()).isFalse();
        assertThat(seen.status()).as(seen.toString()).isEqualTo(200);
        assertThat(seen.header("ETag")).isEqualTo(first.header("ETag")).startsWith("\"");
        assertThat(seen.body().at("/presets/0/ttlSeconds").asInt()).isEqualTo(28_800);
        assertThat(seen.body().at("/presets/0/schedules/0/cron").asText()).isEqualTo("* 9-17 * * *");
        assertThat(seen.body().at("/version/files/start.sh").asInt()).isEqualTo(4);
        assertThat(first.text() + seen.text()).doesNotContain(Planted.SECRET);
    }

    @Test
    void json_declares_the_same_as_yaml() {
        Answer yaml = apply(owner, "db", "{backend: exec, files: {start.sh: \"x\"}}");
        Answer json = owner.put(templates + "/db", "{\"files\": {\"start.sh\": \"x\"}, \"backend\": \"exec\"}");

        assertThat(yaml.status()).isEqualTo(201);
        assertThat(json.status()).as(json.toString()).isEqualTo(200);
        assertThat(json.body().path("version").asInt()).isEqualTo(1);
    }

    @Test
    void an_organization_is_named_by_its_id_too() {
        Answer applied = apply(owner, "db", YAML);
        String id = applied.body().at("/template/organizationId").asText();

        assertThat(owner.get("/api/v1/organizations/" + id + "/templates/db").status())
                .isEqualTo(200);
    }

    @Test
    void if_match_guards_against_what_others_did() {
        String tag = apply(owner, "db", YAML).header("ETag");
        String changed = apply(owner, "db", YAML.replace("8h", "9h")).header("ETag");

        assertThat(apply(owner.with("If-Match", tag), "db", YAML).status()).isEqualTo(412);
        assertThat(apply(owner.with("If-Match", changed), "db", YAML).status()).isEqualTo(200);
        assertThat(apply(owner.with("If-Match", "*"), "new", YAML).status()).isEqualTo(412);
        assertThat(apply(owner.with("If-Match", "W/\"x\""), "db", YAML).code()).isEqualTo("invalid_if_match");
    }

    @Test
    void a_dry_run_says_what_would_change_and_writes_nothing() {
        assertThat(apply(owner, "db", YAML).status()).isEqualTo(201);
        String dry = templates + "/db?dryRun=true";
        Api yaml = owner.with("Content-Type", "application/yaml");

        Answer same = yaml.put(dry, YAML);
        Answer other = yaml.put(
                dry, YAML.replace("8h", "9h").replace(Planted.SECRET, Planted.SECRET + "x") + "  - name: more\n");
        Answer less = yaml.put(dry, "{backend: exec, files: {start.sh: other}, presets: []}");
        Answer fresh = yaml.put(templates + "/fresh?dryRun=true", YAML);

        assertThat(same.status()).as(same.toString()).isEqualTo(200);
        assertThat(same.body().at("/preview/change").asText()).isEqualTo("none");
        assertThat(same.body().at("/preview/fields")).isEmpty();
        assertThat(other.body().path("version").asInt()).isEqualTo(2);
        assertThat(other.body().at("/preview/change").asText()).isEqualTo("new_version");
        assertThat(other.body().at("/preview/fields").toString())
                .isEqualTo("[{\"field\":\"parameters.secret.default\",\"from\":null,\"to\":null,\"sensitive\":true}]");
        assertThat(other.body().at("/preview/added").toString()).isEqualTo("[\"more\"]");
        assertThat(other.body().at("/preview/changed/0/name").asText()).isEqualTo("small");
        assertThat(other.body().at("/preview/changed/0/fields").toString())
                .isEqualTo("[{\"field\":\"ttl\",\"from\":\"8h\",\"to\":\"9h\",\"sensitive\":false}]");
        assertThat(less.body().at("/preview/removed").toString()).isEqualTo("[\"small\"]");
        assertThat(less.body().at("/preview/fields").findValuesAsText("field")).contains("files.start.sh");
        assertThat(fresh.status()).isEqualTo(200);
        assertThat(fresh.body().at("/preview/added").toString()).isEqualTo("[\"small\"]");
        assertThat(owner.get(templates + "/fresh").code()).isEqualTo("template_not_found");
        assertThat(owner.get(templates + "/db/versions").body().path("items")).hasSize(1);
        assertThat(other.text()).doesNotContain(Planted.SECRET);
    }

    @Test
    void a_preset_is_reached_by_its_names_and_a_miss_says_which_is_unknown() {
        assertThat(apply(owner, "db", YAML).status()).isEqualTo(201);
        String small = templates + "/db/presets/small";

        String id = owner.get(small).body().path("id").asText();
        Answer paused = owner.post(small + "/pause", "{\"scope\": \"create\"}");
        Answer listed = owner.get("/api/v1/pools?organization=" + organization + "&total=true");

        assertThat(owner.get("/api/v1/presets/" + id).body().path("name").asText())
                .isEqualTo("small");
        assertThat(paused.body().path("id").asText()).isEqualTo(id);
        assertThat(listed.body().at("/total/count").asInt())
                .as(listed.toString())
                .isEqualTo(1);
        assertThat(listed.body().at("/items/0/presetId").asText()).isEqualTo(id);
        assertThat(listed.body().at("/items/0/pause/level").asText()).isEqualTo("preset");
        assertThat(listed.body().at("/items/0/holds/0/kind").asText()).isEqualTo("paused");
        assertThat(listed.body().at("/items/0/desired").asInt()).isZero();
        assertThat(owner.get(small + "/pool").body().path("preset").asText()).isEqualTo(id);
        assertThat(owner.get(templates + "/db/presets").body().path("items")).hasSize(1);
        assertThat(owner.get(templates + "/db/presets/none/pool").code()).isEqualTo("preset_not_found");
        assertThat(owner.get(templates + "/none/presets/small/plan").code()).isEqualTo("template_not_found");
        assertThat(owner.post("/api/v1/organizations/none/templates/db/presets/small/reset", "")
                        .code())
                .isEqualTo("organization_not_found");
        assertThat(owner.get("/api/v1/organizations/none/templates/db").code()).isEqualTo("organization_not_found");
    }

    @Test
    void an_import_is_promoted_later() {
        assertThat(apply(owner, "db", YAML).status()).isEqualTo(201);

        Answer imported = owner.with("Content-Type", "application/yaml")
                .put(templates + "/db?promote=false", YAML.replace("8h", "9h"));
        Answer promoted = owner.post(templates + "/db/promote", "{\"version\": 2}");

        assertThat(imported.body().at("/template/activeVersion").asInt()).isEqualTo(1);
        assertThat(imported.body().path("version").asInt()).isEqualTo(2);
        assertThat(promoted.body().path("activeVersion").asInt()).isEqualTo(2);
        assertThat(owner.get(templates + "/db/versions")
                        .body()
                        .at("/items/0/number")
                        .asInt())
                .isEqualTo(2);
        assertThat(owner.get(templates + "/db/versions/1")
                        .body()
                        .at("/presets/0/ttlSeconds")
                        .asInt())
                .isEqualTo(28_800);
    }

    @Test
    void a_template_is_deprecated_paused_invalidated_and_deleted() {
        assertThat(apply(owner, "db", YAML).status()).isEqualTo(201);
        String db = templates + "/db";

        assertThat(owner.post(db + "/deprecate", "{\"reason\": \"old\"}")
                        .body()
                        .path("deprecatedReason")
                        .asText())
                .isEqualTo("old");
        assertThat(owner.delete(db + "/deprecate")
                        .body()
                        .path("deprecatedReason")
                        .isNull())
                .isTrue();
        assertThat(owner.post(db + "/pause", "{\"scope\": \"all\"}")
                        .body()
                        .at("/pause/scope")
                        .asText())
                .isEqualTo("all");
        assertThat(owner.post(db + "/resume", "").body().path("pause").isNull()).isTrue();
        assertThat(owner.post(db + "/invalidate", "").status()).isEqualTo(200);
        assertThat(owner.delete(db).status()).isEqualTo(204);
        assertThat(owner.get(db).code()).isEqualTo("template_not_found");
        assertThat(owner.delete(db).status()).isEqualTo(404);
        assertThat(owner.get(templates).body().path("items")).isEmpty();
    }

    @Test
    void a_preset_is_paused_resumed_invalidated_and_reset() {
        String preset = "/api/v1/presets/"
                + apply(owner, "db", YAML).body().at("/presets/0/id").asText();

        Answer paused = owner.post(preset + "/pause", "{\"scope\": \"create\", \"until\": \"2035-01-01T00:00:00Z\"}");
        Answer resumed = owner.post(preset + "/resume", "");
        Answer stale = owner.post(preset + "/invalidate", "");
        Answer invalidated = owner.post(preset + "/invalidate?immediately=true", "");
        Answer reset = owner.post(preset + "/reset", "");

        assertThat(paused.body().at("/pause/until").asText())
                .as(paused.toString())
                .isEqualTo("2035-01-01T00:00:00Z");
        assertThat(resumed.body().path("pause").isNull()).isTrue();
        assertThat(stale.body().path("staleFrom").isTextual()).isTrue();
        assertThat(stale.body().path("lastInvalidatedAt").isNull()).isTrue();
        assertThat(invalidated.body().path("lastInvalidatedAt").isTextual()).isTrue();
        assertThat(owner.post(preset + "/invalidate?immediately=now", "").code())
                .isEqualTo("invalid_value");
        assertThat(reset.body().path("status").asText()).isEqualTo("healthy");
        assertThat(owner.post("/api/v1/presets/" + UUID.randomUUID() + "/reset", "")
                        .status())
                .isEqualTo(404);
        assertThat(owner.post("/api/v1/presets/no-id/reset", "").status()).isEqualTo(404);
    }

    @Test
    void the_body_of_an_invalidation_may_say_that_it_is_immediate() {
        String preset = "/api/v1/presets/"
                + apply(owner, "db", YAML).body().at("/presets/0/id").asText() + "/invalidate";
        String template = "/api/v1/organizations/" + organization + "/templates/db";

        Answer later = owner.post(preset, "{\"immediately\": false}");
        Answer now = owner.post(preset, "{\"immediately\": true}");

        assertThat(later.body().path("lastInvalidatedAt").isNull())
                .as(later.toString())
                .isTrue();
        assertThat(now.body().path("lastInvalidatedAt").isTextual())
                .as(now.toString())
                .isTrue();
        assertThat(owner.post(template + "/invalidate", "{\"immediately\": true}")
                        .status())
                .isEqualTo(200);
        assertThat(owner.post(template + "/presets/small/invalidate", "{\"immediately\": true}")
                        .status())
                .isEqualTo(200);
        assertThat(owner.post(preset + "?immediately=false", "{\"immediately\": true}")
                        .code())
                .isEqualTo("conflicting_parameters");
        assertThat(owner.post(preset, "{\"immediately\": \"now\"}").code()).isEqualTo("wrong_type");
        assertThat(owner.post(preset, "{\"immediatly\": true}").code()).isEqualTo("unknown_field");
    }

    @Test
    void organization_and_deployment_are_paused() {
        Answer organizationPaused =
                owner.post("/api/v1/organizations/" + organization + "/pause", "{\"scope\": \"create\"}");
        Answer paused = owner.put("/api/v1/settings/reconciliation", "{\"paused\": true, \"scope\": \"all\"}");
        Answer seen = owner.get("/api/v1/settings/reconciliation");
        Answer resumed = owner.put("/api/v1/settings/reconciliation", "{\"paused\": false}");

        assertThat(organizationPaused.status())
                .as(organizationPaused.toString())
                .isEqualTo(200);
        assertThat(owner.post("/api/v1/organizations/" + organization + "/resume", "")
                        .body()
                        .path("pause")
                        .isNull())
                .isTrue();
        assertThat(paused.status()).as(paused.toString()).isEqualTo(200);
        assertThat(seen.body().path("scope").asText()).isEqualTo("all");
        assertThat(Instant.parse(seen.body().path("lastFinishedAt").asText()))
                .isBefore(Instant.now().plusSeconds(1));
        assertThat(seen.body().path("lastFinishedAgeSeconds").isIntegralNumber())
                .isTrue();
        assertThat(resumed.body().path("paused").asBoolean()).isFalse();
    }

    @Test
    void other_organizations_are_not_found_and_members_only_read() {
        assertThat(apply(owner, "db", YAML).status()).isEqualTo(201);
        String preset = owner.get(templates + "/db").body().at("/presets/0/id").asText();
        String elsewhere = name();
        assertThat(owner.post("/api/v1/organizations", "{\"name\":\"" + elsewhere + "\"}")
                        .status())
                .isEqualTo(201);
        Api stranger = owner.newUser(elsewhere, "stranger", "template_admin");
        Api member = owner.newUser(organization, "member", "member");
        Api admin = owner.newUser(organization, "admin", "template_admin");

        assertThat(apply(stranger, "db", YAML).code()).isEqualTo("organization_not_found");
        assertThat(stranger.get(templates).status()).isEqualTo(404);
        assertThat(stranger.get(templates + "/db").status()).isEqualTo(404);
        assertThat(stranger.delete(templates + "/db").status()).isEqualTo(404);
        assertThat(stranger.post(templates + "/db/promote", "{\"version\": 1}").status())
                .isEqualTo(404);
        assertThat(stranger.post("/api/v1/presets/" + preset + "/reset", "").status())
                .isEqualTo(404);
        assertThat(stranger.post("/api/v1/organizations/" + organization + "/resume", "")
                        .status())
                .isEqualTo(404);
        assertThat(member.get(templates + "/db").status()).isEqualTo(200);
        assertThat(apply(member, "db", YAML).status()).isEqualTo(403);
        assertThat(member.delete(templates + "/db").status()).isEqualTo(403);
        assertThat(member.post("/api/v1/presets/" + preset + "/reset", "").status())
                .isEqualTo(403);
        assertThat(apply(admin, "db", YAML).status()).isEqualTo(200);
        assertThat(admin.put("/api/v1/settings/reconciliation", "{\"paused\": false}")
                        .status())
                .isEqualTo(403);
        assertThat(Api.anonymous().get(templates).status()).isEqualTo(401);
    }

    @Test
    void every_call_of_the_catalog_is_described() {
        String described = Api.anonymous().get("/q/openapi?format=json").text();

        assertThat(described)
                .contains("applyTemplate", "promoteVersion", "deprecateTemplate", "undeprecateTemplate")
                .contains("pauseTemplate", "pausePreset", "pauseOrganization", "putReconciliationSettings")
                .contains("application/yaml");
    }

    static Stream<Arguments> badDeclarations() {
        return Stream.of(
                argumentSet("empty", "application/yaml", "", 400, "malformed_body"),
                argumentSet("cut off", "application/json", "{\"backend\":", 400, "malformed_body"),
                argumentSet("alias", "text/yaml", "a: &x 1\nb: *x", 400, "malformed_body"),
                argumentSet("XML", "application/xml", "<a/>", 415, "unsupported_media_type"),
                argumentSet("unknown field", "application/yaml", "{backend: postgres, x: 1}", 422, "unknown_field"),
                argumentSet(
                        "NUL",
                        "application/json",
                        "{\"backend\":\"postgres\",\"tags\":{\"a\":\"\\u0000\"}}",
                        422,
                        "invalid_text"),
                argumentSet("too large", "application/yaml", "#" + "x".repeat(2 * 1024 * 1024), 413, "body_too_large"));
    }

    @ParameterizedTest
    @MethodSource("badDeclarations")
    void a_bad_declaration_gets_a_clear_answer_and_leaves_nothing(String type, String body, int status, String code) {
        Answer answer = owner.with("Content-Type", type).put(templates + "/db", body);

        assertThat(answer.status()).as(answer.toString()).isEqualTo(status);
        assertThat(answer.code()).isEqualTo(code);
        assertThat(owner.get(templates + "/db").status()).isEqualTo(404);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            promote    | {}                                        | 400 | missing_field
            promote    | {"version": "1"}                          | 400 | wrong_type
            promote    | {"version": 9}                            | 422 | unknown_version
            promote    | {"version": 1, "force": true}             | 400 | unknown_field
            promote    | []                                        | 400 | not_an_object
            deprecate  | {"reason": " "}                           | 422 | out_of_range
            deprecate  | {"reason": "\\u0000"}                     | 400 | invalid_text
            pause      | {}                                        | 400 | missing_field
            pause      | {"scope": "everything"}                   | 422 | invalid_scope
            pause      | {"scope": "all", "until": "tomorrow"}     | 400 | invalid_instant
            pause      | {"scope": "all", "until": "2001-01-01T00:00:00Z"} | 422 | out_of_range
            pause      | {"scope": "all", "until": "+999999999-01-01T00:00:00Z"} | 422 | out_of_range
            """)
    void a_bad_body_is_refused_by_the_name_of_its_field(String call, String body, int status, String code) {
        assertThat(apply(owner, "db", YAML).status()).isEqualTo(201);

        Answer answer = owner.post(templates + "/db/" + call, body);

        assertThat(answer.status()).as(answer.toString()).isEqualTo(status);
        assertThat(answer.code()).isEqualTo(code);
    }

    @Test
    void bad_names_and_parameters_are_refused() {
        assertThat(apply(owner, "Db", YAML).code()).isEqualTo("invalid_name");
        assertThat(apply(owner, "db?promote=perhaps", YAML).code()).isEqualTo("wrong_type");
        assertThat(owner.get(templates + "/%00").status()).isBetween(400, 404);
        assertThat(owner.get(templates + "/Db/versions/x").status()).isEqualTo(404);
        assertThat(owner.get(templates + "?limit=x").code()).isEqualTo("invalid_limit");
        assertThat(owner.put("/api/v1/settings/reconciliation", "{\"paused\": false, \"scope\": \"all\"}")
                        .code())
                .isEqualTo("not_paused");
    }

    private Answer apply(Api as, String template, String yaml) {
        return as.with("Content-Type", "application/yaml").put(templates + "/" + template, yaml);
    }

    private static String name() {
        return "o" + UUID.randomUUID().toString().substring(0, 13);
    }
}
