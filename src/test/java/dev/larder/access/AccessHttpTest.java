package dev.larder.access;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.model.SystemUser;
import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(LarderTestResource.class)
class AccessHttpTest {

    private final String acme = organization();
    private final String globex = organization();

    @Test
    void a_token_lives_from_its_one_answer_to_its_revocation() {
        Api ada = Api.owner().newUser(acme, "ada", "member");
        Answer issued = ada.post("/api/v1/tokens", "{\"name\":\"laptop\",\"ttl\":\"P30D\"}");
        String secret = issued.body().path("token").asText();
        String address = issued.header("Location");

        assertThat(issued.status()).as(issued.toString()).isEqualTo(201);
        assertThat(secret).matches("larder_[A-Za-z0-9_-]{43}");
        assertThat(issued.header("Cache-Control")).isEqualTo("no-store");
        assertThat(Api.as(secret).get("/api/v1/me").body().path("name").asText())
                .isEqualTo("ada");
        assertThat(ada.get("/api/v1/tokens").text()).contains("laptop").doesNotContain("larder_");

        assertThat(Api.as(secret).delete(address).status()).isEqualTo(204);
        assertThat(Api.as(secret).get("/api/v1/me").code()).isEqualTo("invalid_token");
        assertThat(ada.delete(address).status()).isEqualTo(204);
        assertThat(ada.get("/api/v1/me").status()).isEqualTo(200);
    }

    @Test
    void a_token_that_one_makes_for_oneself_does_not_outlive_the_one_it_was_made_with() {
        Answer hour =
                Api.owner().newUser(acme, "ada", "member").post("/api/v1/tokens", "{\"name\":\"h\",\"ttl\":\"PT1H\"}");
        Api ada = Api.as(hour.body().path("token").asText());
        JsonNode end = hour.body().path("expiresAt");

        Answer endless = ada.post("/api/v1/tokens", "{\"name\":\"endless\"}");
        Answer longer = ada.post("/api/v1/tokens", "{\"name\":\"longer\",\"ttl\":\"P30D\"}");

        assertThat(end.isNull()).isFalse();
        assertThat(endless.body().path("expiresAt")).isEqualTo(end);
        assertThat(longer.body().path("expiresAt")).isEqualTo(end);
    }

    @Test
    void a_token_for_another_is_an_owners_to_give() {
        Api admin = Api.owner().newUser(acme, "admin", "template_admin");
        String bob =
                admin.post(users(acme), user("bob", "member")).body().path("id").asText();

        assertThat(admin.post("/api/v1/tokens", token(bob)).code()).isEqualTo("token_for_another_user");
        assertThat(Api.owner().post("/api/v1/tokens", token(bob)).status()).isEqualTo(201);
        assertThat(Api.owner()
                        .post(
                                "/api/v1/tokens",
                                "{\"name\":\"x\",\"organization\":\"%s\",\"user\":\"bob\"}".formatted(acme))
                        .status())
                .isEqualTo(201);
        assertThat(Api.owner()
                        .post(
                                "/api/v1/tokens",
                                "{\"name\":\"x\",\"organization\":\"%s\",\"user\":\"%s\"}".formatted(globex, bob))
                        .code())
                .isEqualTo("user_not_found");
    }

    @Test
    void the_system_user_can_do_nothing() {
        Answer byId = Api.owner().post("/api/v1/tokens", token(SystemUser.ID.toString()));
        Answer byName = Api.owner().post("/api/v1/tokens", token("system"));
        Answer another = Api.owner().post("/api/v1/users", user("someone", "system"));

        assertThat(List.of(byId.code(), byName.code())).containsOnly("user_not_found");
        assertThat(another.code()).isEqualTo("unknown_role");
        assertThat(Api.owner().get("/api/v1/users?limit=200").text()).doesNotContain(SystemUser.ID.toString());
    }

    @Test
    void a_token_that_would_never_or_always_open_is_refused() {
        assertThat(code("\"expiresAt\":\"2020-01-01T00:00:00Z\"")).isEqualTo("already_expired");
        assertThat(code("\"expiresAt\":\"tomorrow\"")).isEqualTo("invalid_instant");
        assertThat(code("\"expiresAt\":\"+999999999-12-31T00:00:00Z\"")).isEqualTo("life_too_long");
        assertThat(code("\"ttl\":\"P9999D\"")).isEqualTo("life_too_long");
        assertThat(code("\"ttl\":\"-PT1S\"")).isEqualTo("invalid_duration");
        assertThat(code("\"ttl\":\"PT1H\",\"expiresAt\":\"2030-01-01T00:00:00Z\""))
                .isEqualTo("conflicting_fields");
    }

    private static String code(String fields) {
        return Api.owner()
                .post("/api/v1/tokens", "{\"name\":\"x\"," + fields + "}")
                .code();
    }

    @Test
    void what_belongs_to_another_organization_is_not_found() {
        Api ada = Api.owner().newUser(acme, "ada", "template_admin");
        String stranger = Api.owner()
                .post(users(globex), user("eve", "member"))
                .body()
                .path("id")
                .asText();
        String theirs = Api.owner()
                .post("/api/v1/tokens", token(stranger))
                .body()
                .path("id")
                .asText();

        assertThat(ada.get("/api/v1/organizations/" + globex).code()).isEqualTo("organization_not_found");
        assertThat(ada.get(users(globex)).code()).isEqualTo("organization_not_found");
        assertThat(ada.post(users(globex), user("mallory", "member")).code()).isEqualTo("organization_not_found");
        assertThat(ada.delete("/api/v1/tokens/" + theirs).code()).isEqualTo("token_not_found");
        assertThat(ada.get("/api/v1/organizations").text()).contains(acme).doesNotContain(globex);
        assertThat(ada.get("/api/v1/users").text()).contains("ada").doesNotContain("eve");
        assertThat(ada.get("/api/v1/audit").text()).contains("user.create").doesNotContain(stranger);
    }

    @Test
    void a_template_admin_makes_members_only() {
        Api admin = Api.owner().newUser(acme, "admin", "template_admin");

        assertThat(admin.post(users(acme), user("bob", "member")).status()).isEqualTo(201);
        assertThat(admin.post(users(acme), user("bob", "member")).code()).isEqualTo("user_exists");
        assertThat(admin.post(users(acme), user("carl", "template_admin")).code())
                .isEqualTo("role_not_grantable");
        assertThat(Api.owner().post(users(acme), user("carl", "owner")).code()).isEqualTo("role_is_deployment_wide");
        assertThat(Api.owner().post("/api/v1/users", user("carl", "member")).code())
                .isEqualTo("role_needs_organization");
    }

    @Test
    void an_organization_has_one_name_and_answers_to_it() {
        Answer again = Api.owner().post("/api/v1/organizations", "{\"name\":\"%s\"}".formatted(acme));
        JsonNode found = Api.owner().get("/api/v1/organizations/" + acme).body();
        JsonNode same = Api.owner()
                .get("/api/v1/organizations/" + found.path("id").asText())
                .body();

        assertThat(again.status()).isEqualTo(409);
        assertThat(again.code()).isEqualTo("organization_exists");
        assertThat(same).isEqualTo(found);
        assertThat(Api.owner()
                        .post("/api/v1/organizations", "{\"name\":\"%s\"}".formatted(UUID.randomUUID()))
                        .code())
                .isEqualTo("invalid_name");
    }

    @Test
    void every_change_is_in_the_audit_newest_first() {
        Api admin = Api.owner().newUser(acme, "admin", "template_admin");
        String token = admin.post("/api/v1/tokens", "{\"name\":\"x\"}")
                .body()
                .path("id")
                .asText();
        int revoked = admin.delete("/api/v1/tokens/" + token).status();

        JsonNode items = admin.get("/api/v1/audit").body().path("items");

        assertThat(revoked).isEqualTo(204);
        assertThat(items.findValuesAsText("action"))
                .containsExactlyInAnyOrder(
                        "token.revoke", "token.create", "token.create", "user.create", "organization.create");
        assertThat(items.path(0).path("actorName").asText()).isNotBlank();
        assertThat(items.findValuesAsText("at")).isSortedAccordingTo(java.util.Comparator.reverseOrder());
    }

    @Test
    void lists_are_read_page_by_page() {
        for (String name : List.of("a", "b", "c")) {
            assertThat(Api.owner().post(users(acme), user(name, "member")).status())
                    .isEqualTo(201);
        }

        JsonNode first = Api.owner().get(users(acme) + "?limit=2").body();
        JsonNode second = Api.owner()
                .get(users(acme) + "?limit=2&after=" + first.path("next").asText())
                .body();

        assertThat(first.path("items").findValuesAsText("name")).hasSize(2);
        assertThat(second.path("items").findValuesAsText("name")).hasSize(1);
        assertThat(second.path("next").isNull()).isTrue();
    }

    @Test
    void a_user_is_changed_disabled_and_deleted_by_name_or_id() {
        Api ada = Api.owner().newUser(acme, "ada", "member");
        String address = users(acme) + "/ada";
        String id = Api.owner().get(address).body().path("id").asText();

        assertThat(patch(Api.owner(), users(acme) + "/" + id, "{\"role\":\"auditor\"}")
                        .body()
                        .path("role")
                        .asText())
                .isEqualTo("auditor");
        assertThat(ada.get("/api/v1/me").body().path("role").asText()).isEqualTo("auditor");
        Answer disabled = patch(Api.owner(), address, "{\"disabled\":true}");
        assertThat(disabled.body().path("tokens").asInt()).isEqualTo(1);
        assertThat(ada.get("/api/v1/me").code()).isEqualTo("invalid_token");
        Answer deleted = Api.owner().delete(address);
        assertThat(deleted.body().path("tokens").asInt()).as(deleted.toString()).isEqualTo(1);

        assertThat(Api.owner().get(address).code()).isEqualTo("user_not_found");
        assertThat(Api.owner().get(users(acme)).text()).doesNotContain("ada");
        assertThat(Api.owner().get("/api/v1/audit?limit=10").body().findValuesAsText("action"))
                .contains("user.delete", "user.change");
    }

    @Test
    void a_change_of_a_user_that_makes_no_sense_is_refused_by_name() {
        assertThat(Api.owner().post(users(acme), user("ada", "member")).status())
                .isEqualTo(201);
        String address = users(acme) + "/ada";

        assertThat(patch(Api.owner(), address, "{}").code()).isEqualTo("missing_field");
        assertThat(patch(Api.owner(), address, "{\"role\":\"king\"}").code()).isEqualTo("unknown_role");
        assertThat(patch(Api.owner(), address, "{\"role\":\"owner\"}").code()).isEqualTo("role_is_deployment_wide");
        assertThat(patch(Api.owner(), address, "{\"disabled\":\"yes\"}").code()).isEqualTo("wrong_type");
        assertThat(patch(Api.owner(), users(acme) + "/system", "{\"disabled\":true}")
                        .code())
                .isEqualTo("user_not_found");
        assertThat(Api.owner().delete(address + "?claims=keep").code()).isEqualTo("invalid_value");
        assertThat(Api.owner().post(users(acme), user("System", "member")).code())
                .isEqualTo("reserved_name");
        assertThat(Api.owner().post(users(acme), user("\u0430da", "member")).code())
                .isEqualTo("mixed_scripts");
    }

    @Test
    void a_template_admin_removes_members_of_its_own_organization_only() {
        Api admin = Api.owner().newUser(acme, "admin", "template_admin");
        for (String organization : List.of(acme, globex)) {
            assertThat(Api.owner()
                            .post(users(organization), user("bob", "member"))
                            .status())
                    .isEqualTo(201);
        }

        assertThat(admin.delete(users(acme) + "/admin").code()).isEqualTo("user_not_changeable");
        assertThat(admin.delete(users(globex) + "/bob").code()).isEqualTo("organization_not_found");
        assertThat(patch(admin, users(acme) + "/bob", "{\"role\":\"template_admin\"}")
                        .code())
                .isEqualTo("role_not_grantable");
        assertThat(admin.delete(users(acme) + "/bob").status()).isEqualTo(200);
    }

    @Test
    void an_organization_is_deleted_when_it_is_empty() {
        assertThat(Api.owner().post(users(acme), user("ada", "member")).status())
                .isEqualTo(201);

        assertThat(Api.owner().delete("/api/v1/organizations/" + acme).code()).isEqualTo("organization_not_empty");
        assertThat(Api.owner().delete(users(acme) + "/ada").status()).isEqualTo(200);
        assertThat(Api.owner().delete("/api/v1/organizations/" + acme).status()).isEqualTo(204);

        assertThat(Api.owner().get("/api/v1/organizations/" + acme).code()).isEqualTo("organization_not_found");
        assertThat(Api.owner()
                        .post("/api/v1/organizations", "{\"name\":\"%s\"}".formatted(acme))
                        .status())
                .isEqualTo(201);
    }

    @Test
    void a_token_is_rotated_in_one_call() {
        Api ada = Api.owner().newUser(acme, "ada", "worker");
        String old = ada.get("/api/v1/tokens")
                .body()
                .path("items")
                .path(0)
                .path("id")
                .asText();

        Answer rotated = ada.send("POST", "/api/v1/tokens/" + old + "/rotate", BodyPublishers.noBody());

        assertThat(rotated.status()).as(rotated.toString()).isEqualTo(201);
        assertThat(ada.get("/api/v1/me").code()).isEqualTo("invalid_token");
        Api renewed = Api.as(rotated.body().path("token").asText());
        assertThat(renewed.get("/api/v1/me").body().path("name").asText()).isEqualTo("ada");
        assertThat(renewed.post("/api/v1/tokens/" + old + "/rotate", "{}").code())
                .isEqualTo("token_not_found");
        assertThat(renewed.post(rotated.header("Location") + "/rotate", "{\"overlap\":\"P8D\"}")
                        .code())
                .isEqualTo("overlap_too_long");
    }

    @Test
    void a_token_is_revoked_with_all_that_were_made_with_it() {
        Api ada = Api.owner().newUser(acme, "ada", "member");
        Answer child = ada.post("/api/v1/tokens", "{\"name\":\"child\"}");
        Answer grandchild =
                Api.as(child.body().path("token").asText()).post("/api/v1/tokens", "{\"name\":\"grandchild\"}");

        Answer revoked = ada.delete(child.header("Location") + "?descendants=true");

        assertThat(revoked.body().path("items").findValuesAsText("name")).containsExactly("child", "grandchild");
        assertThat(Api.as(grandchild.body().path("token").asText())
                        .get("/api/v1/me")
                        .code())
                .isEqualTo("invalid_token");
        assertThat(ada.delete(child.header("Location") + "?descendants=maybe").code())
                .isEqualTo("invalid_value");
    }

    private static Answer patch(Api api, String address, String body) {
        return api.send("PATCH", address, BodyPublishers.ofString(body));
    }

    private static String organization() {
        String name = "org-" + UUID.randomUUID().toString().substring(0, 13);
        Answer made = Api.owner().post("/api/v1/organizations", "{\"name\":\"%s\"}".formatted(name));
        assertThat(made.status()).as(made.toString()).isEqualTo(201);
        return name;
    }

    private static String users(String organization) {
        return "/api/v1/organizations/" + organization + "/users";
    }

    private static String user(String name, String role) {
        return "{\"name\":\"%s\",\"role\":\"%s\"}".formatted(name, role);
    }

    private static String token(String user) {
        return "{\"name\":\"x\",\"user\":\"%s\"}".formatted(user);
    }
}
