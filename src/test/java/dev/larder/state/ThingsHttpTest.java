package dev.larder.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Planted;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What a state and a workspace hold, as clients ask for it: resources, links, outputs, labels, children. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class ThingsHttpTest {

    private static final String STATE = """
            {"version": 4, "terraform_version": "1.11.4", "serial": %d, "lineage": "l",
             "outputs": {"url": {"value": "x://1", "type": "string"},
                         "password": {"value": "SECRET", "type": "string", "sensitive": true}},
             "resources": [
               {"mode": "managed", "type": "aws_vpc", "name": "main", "provider": "provider[\\"registry.terraform.io/hashicorp/aws\\"]",
                "instances": [{"attributes": {"id": "SECRET"}}]},
               {"module": "module.web", "mode": "managed", "type": "aws_instance", "name": "main",
                "instances": [{"index_key": "a/b", "status": "tainted", "dependencies": ["aws_vpc.main", "aws_ami.gone"]},
                              {"index_key": "c", "deposed": "0123abcd", "dependencies": ["aws_vpc.main"]}]}]}
            """.replace("SECRET", Planted.SECRET);

    private final Api owner = Api.owner();
    private final String organization = organization();
    private final Api anna = owner.newUser(organization, "anna", "member");
    private final Api bob = owner.newUser(organization, "bob", "member");
    private final Api otto = owner.newUser(organization, "otto", "auditor");
    private final Api chief = owner.newUser(organization, "chief", "template_admin");

    private static String organization() {
        String name = "org-" + UUID.randomUUID().toString().substring(0, 13);
        assertThat(Api.owner()
                        .post("/api/v1/organizations", "{\"name\":\"" + name + "\"}")
                        .status())
                .isEqualTo(201);
        return name;
    }

    private String state() {
        Answer made = anna.post(
                "/api/v1/states",
                "{\"organization\":\"%s\",\"name\":\"s-%s\"}"
                        .formatted(organization, UUID.randomUUID().toString().substring(0, 8)));
        assertThat(made.status()).as(made.toString()).isEqualTo(201);
        return "/api/v1/states/" + made.body().path("id").asText();
    }

    private void write(String state, String body, String outcome) {
        String mutation = anna.post(state + "/mutations", "{\"kind\":\"update\"}")
                .body()
                .path("id")
                .asText();
        Answer written = anna.with("Mutation-Id", mutation).put(state, body);
        assertThat(written.status()).as(written.toString()).isEqualTo(200);
        Answer ended = anna.post("/api/v1/state-mutations/" + mutation + "/end", "{\"outcome\":\"" + outcome + "\"}");
        assertThat(ended.status()).as(ended.toString()).isEqualTo(200);
    }

    private static String encoded(String address) {
        return URLEncoder.encode(address, StandardCharsets.UTF_8).replace("+", "%20");
    }

    @Test
    void resources_and_links_are_those_of_the_newest_reliable_version_without_attributes() {
        String state = state();
        assertThat(anna.get(state + "/resources").code()).isEqualTo("state_empty");
        write(state, STATE.formatted(1), "succeeded");
        write(state, STATE.formatted(2).replace("\"aws_vpc\"", "\"aws_vpn\""), "failed");

        Answer all = otto.get(state + "/resources");
        Answer named = anna.get(state + "/resources?name=main&limit=2");
        Answer rest = anna.get(state + "/resources?name=main&limit=2&after="
                + named.body().path("next").asText());
        Answer one = anna.get(state + "/resources/" + encoded("module.web.aws_instance.main[\"a/b\"]"));
        Answer links = anna.get(state + "/links");

        assertThat(all.status()).as(all.toString()).isEqualTo(200);
        assertThat(all.header("ETag")).isEqualTo("\"1\"");
        assertThat(all.header("State-Status")).isEqualTo("unreliable");
        assertThat(all.text()).doesNotContain(Planted.SECRET);
        assertThat(all.body().at("/items").findValuesAsText("address"))
                .containsExactly(
                        "aws_vpc.main", "module.web.aws_instance.main[\"a/b\"]", "module.web.aws_instance.main[\"c\"]");
        assertThat(all.body().at("/items").findValuesAsText("status")).containsExactly("created", "tainted", "deposed");
        assertThat(all.body().at("/items/0/provider").asText()).isEqualTo("registry.terraform.io/hashicorp/aws");
        assertThat(named.body().path("items").size()).isEqualTo(2);
        assertThat(rest.body().path("items").size()).isEqualTo(1);
        assertThat(one.body().path("status").asText()).as(one.toString()).isEqualTo("tainted");
        assertThat(links.body().path("items").size()).isEqualTo(3);
        assertThat(links.body().at("/items/0").toString())
                .contains("\"to\":\"aws_vpc.main\"")
                .contains("\"listed\":true");
        assertThat(links.body().at("/items/1/listed").asBoolean()).isFalse();
        assertThat(anna.get(state + "/resources/aws_vpc.other").code()).isEqualTo("resource_not_found");
        assertThat(bob.get(state + "/resources").code()).isEqualTo("state_not_found");
        assertThat(anna.get(state + "/resources?after=AAAAAAAAAAAAAAAAAAAAAA").code())
                .isEqualTo("invalid_cursor");
    }

    @Test
    void a_state_that_its_client_encrypted_says_so() {
        String state = state();
        write(
                state,
                "{\"serial\":1,\"lineage\":\"l\",\"encrypted_data\":\"x\",\"encryption_version\":\"v0\"}",
                "succeeded");

        assertThat(anna.get(state + "/resources").code()).isEqualTo("state_client_encrypted");
        assertThat(anna.get(state + "/links").code()).isEqualTo("state_client_encrypted");
        assertThat(anna.get(state + "/outputs/url").code()).isEqualTo("state_client_encrypted");
    }

    @Test
    void one_output_is_told_from_none_and_a_sensitive_one_is_for_its_owner() {
        String state = state();
        write(state, STATE.formatted(1), "succeeded");

        assertThat(anna.get(state + "/outputs/password").body().path("value").asText())
                .isEqualTo(Planted.SECRET);
        assertThat(otto.get(state + "/outputs/url").body().path("value").asText())
                .isEqualTo("x://1");
        assertThat(otto.get(state + "/outputs/password").text()).doesNotContain(Planted.SECRET);
        assertThat(anna.get(state + "/outputs/none").code()).isEqualTo("output_not_found");
        assertThat(bob.get(state + "/outputs/url").code()).isEqualTo("state_not_found");
        assertThat(anna.get("/api/v1/workspaces/" + UUID.randomUUID() + "/outputs/url")
                        .code())
                .isEqualTo("workspace_not_found");
    }

    @Test
    void labels_of_a_state_are_replaced_under_their_version_and_found() {
        String state = state();
        String labels = state + "/labels";
        String team = "{\"labels\":{\"team\":\"a\"}}";

        assertThat(anna.get(labels).header("ETag")).isEqualTo("\"1\"");
        assertThat(anna.put(labels, team).code()).isEqualTo("missing_if_match");
        assertThat(anna.with("If-Match", "\"2\"").put(labels, team).code()).isEqualTo("version_conflict");
        Answer replaced = anna.with("If-Match", "\"1\"").put(labels, team);
        Answer late = anna.with("If-Match", "\"1\"").put(labels, team);

        assertThat(replaced.status()).as(replaced.toString()).isEqualTo(200);
        assertThat(replaced.header("ETag")).isEqualTo("\"2\"");
        assertThat(late.status()).isEqualTo(412);
        assertThat(late.header("ETag")).isEqualTo("\"2\"");
        assertThat(late.body().path("currentVersion").asInt()).isEqualTo(2);
        assertThat(otto.with("If-Match", "*").put(labels, team).status()).isEqualTo(403);
        assertThat(anna.get("/api/v1/states?label=team=a").body().path("items").size())
                .isEqualTo(1);
        assertThat(anna.get("/api/v1/states?label=team=b").body().path("items").size())
                .isZero();
        assertThat(anna.get("/api/v1/states?label=team!%3Da").code()).isEqualTo("invalid_label_selector");
    }

    /** A workspace of a backend without a state. */
    private String ready() {
        Answer declared = owner.put("/api/v1/organizations/" + organization + "/templates/box", """
                {"backend": "exec",
                 "files": {"start.sh": "#!/bin/sh\\necho '{\\"url\\":\\"for-its-user\\"}' > \\"$LARDER_OUTPUTS\\"\\n"},
                 "presets": [{"name": "stocked", "prebuilds": {"instances": 3}}]}""");
        assertThat(declared.status()).as(declared.toString()).isIn(200, 201);
        return Eventually.see(
                        () -> chief.get("/api/v1/workspaces?limit=200").body().path("items"),
                        items -> items.findValuesAsText("status").stream()
                                        .filter("ready"::equals)
                                        .count()
                                >= 3)
                .path(0)
                .path("id")
                .asText();
    }

    @Test
    void a_workspace_is_claimed_by_its_version_labelled_found_and_given_back() {
        String id = ready();
        String workspace = "/api/v1/workspaces/" + id;
        String first = "{\"expectedVersion\":1,\"labels\":{\"team\":\"a\"}}";

        Answer early = anna.post(workspace + "/claim", "{\"expectedVersion\":7}");
        Answer byTag = anna.with("If-Match", "\"7\"").post(workspace + "/claim", "{}");
        Answer claimed = anna.with("Idempotency-Key", "v1").post(workspace + "/claim", first);
        Answer again = anna.with("Idempotency-Key", "v1").post(workspace + "/claim", first);
        Answer late = bob.post(workspace + "/claim", "{\"expectedVersion\":1}");

        assertThat(early.status()).as(early.toString()).isEqualTo(409);
        assertThat(early.code()).isEqualTo("version_conflict");
        assertThat(early.body().path("currentVersion").asInt()).isEqualTo(1);
        assertThat(byTag.status()).isEqualTo(412);
        assertThat(byTag.header("ETag")).isEqualTo("\"1\"");
        assertThat(claimed.status()).as(claimed.toString()).isEqualTo(200);
        assertThat(claimed.header("ETag")).isEqualTo("\"2\"");
        assertThat(claimed.body().at("/workspace/version").asInt()).isEqualTo(2);
        assertThat(claimed.body().at("/labels/team").asText()).isEqualTo("a");
        assertThat(again.status()).isEqualTo(200);
        assertThat(again.body()).isEqualTo(claimed.body());
        assertThat(late.body().path("currentVersion").asInt()).isEqualTo(2);
        assertThat(bob.post(workspace + "/claim", "{\"expectedVersion\":2}").code())
                .isEqualTo("already_claimed");
        assertThat(bob.post(workspace + "/claim", "{}").code()).isEqualTo("missing_field");
        assertThat(bob.with("If-Match", "\"1\"")
                        .post(workspace + "/claim", "{\"expectedVersion\":2}")
                        .code())
                .isEqualTo("ambiguous_version");
        assertThat(bob.post("/api/v1/workspaces/" + UUID.randomUUID() + "/claim", first)
                        .code())
                .isEqualTo("workspace_not_found");

        assertThat(anna.get("/api/v1/workspaces?label=team=a")
                        .body()
                        .at("/items/0/id")
                        .asText())
                .isEqualTo(id);
        assertThat(anna.get("/api/v1/claims?label=team=b").body().path("items").size())
                .isZero();
        assertThat(anna.with("If-Match", "\"2\"")
                        .put(workspace + "/labels", "{\"labels\":{\"tier\":\"web\"}}")
                        .header("ETag"))
                .isEqualTo("\"3\"");
        assertThat(anna.get(workspace).body().at("/labels/tier").asText()).isEqualTo("web");

        assertThat(anna.get(workspace + "/outputs/url").body().path("value").asText())
                .isEqualTo("for-its-user");
        assertThat(otto.get(workspace + "/outputs").text()).contains("url").doesNotContain("for-its-user");
        assertThat(anna.delete("/api/v1/claims/" + claimed.body().path("id").asText())
                        .status())
                .isEqualTo(204);
        assertThat(anna.get(workspace + "/outputs").text()).doesNotContain("for-its-user");
    }

    @Test
    void a_workspace_is_made_by_id_and_name_once() {
        assertThat(ready()).isNotEmpty();
        String body = """
                {"id": "%s", "name": "review-42", "template": "box", "preset": "stocked"}""".formatted(UUID.randomUUID());

        Answer made = anna.post("/api/v1/workspaces", body);
        Answer again = anna.post("/api/v1/workspaces", body);

        assertThat(made.status()).as(made.toString()).isEqualTo(201);
        assertThat(made.body().at("/workspace/name").asText()).isEqualTo("review-42");
        assertThat(again.status()).isEqualTo(201);
        assertThat(again.body().path("id")).isEqualTo(made.body().path("id"));
        assertThat(again.header("Idempotency-Replayed")).isEqualTo("true");
        assertThat(bob.post("/api/v1/workspaces", body).code()).isEqualTo("workspace_id_taken");
        assertThat(anna.post("/api/v1/workspaces", body.replace("review-42", "other"))
                        .code())
                .isEqualTo("workspace_id_taken");
        assertThat(anna.post(
                                "/api/v1/workspaces",
                                body.replaceFirst(
                                        "[0-9a-f-]{36}", UUID.randomUUID().toString()))
                        .code())
                .isEqualTo("workspace_name_taken");
        assertThat(anna.get("/api/v1/workspaces?name=review-42").body().at("/items/0/id"))
                .isEqualTo(made.body().at("/workspace/id"));
        assertThat(anna.get("/api/v1/workspaces?name=other").body().path("items"))
                .isEmpty();
        assertThat(chief.get("/api/v1/workspaces?name=review-42").body().path("items"))
                .isEmpty();
        assertThat(anna.get("/api/v1/workspaces?name=review-42&limit=2").code()).isEqualTo("conflicting_parameters");
        assertThat(anna.post("/api/v1/workspaces", "{\"name\":\"a\"}").code()).isEqualTo("missing_field");
        assertThat(anna.post("/api/v1/workspaces", body.replace("review-42", "Review"))
                        .code())
                .isEqualTo("invalid_name");
    }

    @Test
    void a_set_is_claimed_with_its_child_and_a_deletion_asks_before_it_takes_the_child() {
        assertThat(ready()).isNotEmpty();
        Answer set = anna.post("/api/v1/claim-sets", """
                {"members": [{"name": "net", "template": "box", "preset": "stocked"},
                             {"name": "db", "on": "net", "template": "box", "preset": "stocked"}]}""");
        assertThat(set.status()).as(set.toString()).isEqualTo(201);
        String parent = set.body().at("/items/0/workspace/id").asText();
        String child = set.body().at("/items/1/workspace/id").asText();
        String workspaces = "/api/v1/workspaces/";
        String link = workspaces + parent + "/children/" + child;

        assertThat(anna.get(workspaces + parent + "/children")
                        .body()
                        .at("/items/0/name")
                        .asText())
                .isEqualTo("db");
        Answer asks = anna.delete(workspaces + parent);
        assertThat(asks.code()).isEqualTo("workspace_has_children");
        assertThat(asks.body().at("/children/0/id").asText()).isEqualTo(child);
        assertThat(anna.delete(workspaces + parent + "?children=eat").code()).isEqualTo("invalid_value");
        assertThat(anna.put(workspaces + child + "/children/" + parent, "{\"name\":\"a\"}")
                        .code())
                .isEqualTo("children_in_circle");
        assertThat(bob.put(link, "{\"name\":\"a\"}").code()).isEqualTo("workspace_not_found");
        assertThat(anna.put(link, "{\"name\":\"store\",\"dependencies\":{\"resources\":[\"aws_vpc.main\"]}}")
                        .status())
                .isEqualTo(204);
        assertThat(anna.put(link, "{\"name\":\"a\",\"dependencies\":{\"x\":[]}}")
                        .code())
                .isEqualTo("unknown_field");
        assertThat(anna.put(link, "{\"name\":\"a\",\"dependencies\":{\"resources\":[1]}}")
                        .code())
                .isEqualTo("wrong_type");
        assertThat(anna.delete(link).status()).isEqualTo(204);
        assertThat(anna.put(link, "{\"name\":\"db\"}").status()).isEqualTo(204);
        assertThat(anna.delete(workspaces + parent + "?children=delete").status())
                .isEqualTo(202);
        Answer gone = Eventually.see(
                () -> anna.get(workspaces + child),
                seen -> !seen.body().path("deletedAt").isNull());
        assertThat(gone.body().path("transition").asText()).isEqualTo("delete");
    }

    @Test
    void workspaces_by_id_come_in_the_order_asked_for_and_every_missing_one_is_named() {
        assertThat(ready()).isNotEmpty();
        var all = chief.get("/api/v1/workspaces").body().path("items");
        String one = all.path(0).path("id").asText();
        String two = all.path(1).path("id").asText();
        String none = UUID.randomUUID().toString();

        Answer found = chief.get("/api/v1/workspaces?ids=" + two + "," + one + "," + two);
        Answer missing = chief.get("/api/v1/workspaces?ids=" + none + "," + one + "," + UUID.randomUUID());

        assertThat(found.body().path("items").findValuesAsText("id")).containsExactly(two, one, two);
        assertThat(missing.status()).as(missing.toString()).isEqualTo(404);
        assertThat(missing.code()).isEqualTo("workspace_not_found");
        assertThat(missing.body().path("errors").findValuesAsText("field")).containsExactly("ids[0]", "ids[2]");
        assertThat(chief.get("/api/v1/workspaces?ids=x").code()).isEqualTo("invalid_id");
        assertThat(chief.get("/api/v1/workspaces?ids=" + one + "&limit=2").code())
                .isEqualTo("conflicting_parameters");
    }
}
