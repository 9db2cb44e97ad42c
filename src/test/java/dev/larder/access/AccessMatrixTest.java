package dev.larder.access;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Who is let in where: every endpoint of the OpenAPI document is called as every role. {@code golden/access.txt} is the
 * table; an endpoint that is not in it fails the test.
 */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class AccessMatrixTest {

    private static final Set<String> METHODS = Set.of("get", "post", "put", "patch", "delete");

    private final String acme = organization();
    private final Map<String, Api> roles = roles(acme);
    private final Api stranger = Api.owner().newUser(organization(), "stranger", "template_admin");

    private record Endpoint(String method, String path) {
        @Override
        public String toString() {
            return "%-6s %s".formatted(method, path);
        }
    }

    @Test
    void every_endpoint_lets_in_the_roles_of_the_table_and_nobody_without_a_token() {
        Map<String, String> actual = new TreeMap<>();
        for (Endpoint endpoint : endpoints()) {
            Answer nobody = call(Api.anonymous(), endpoint);
            assertThat(nobody.status())
                    .as(endpoint + " without a token: " + nobody)
                    .isEqualTo(401);
            actual.put(
                    endpoint.path() + " " + endpoint.method(),
                    "%-88s %s".formatted(endpoint, admitted(endpoint)).stripTrailing());
        }

        assertThat(actual.values().stream().collect(Collectors.joining("\n", "", "\n")))
                .isEqualTo(golden());
    }

    @Test
    void no_endpoint_finds_another_organization() {
        for (Endpoint endpoint : endpoints()) {
            if (endpoint.path().contains("{organization}")) {
                // A body may be refused before anything is looked up; without one nothing comes before that.
                boolean bare = !takesBody(endpoint);
                assertThat(callWithValidBody(stranger, endpoint).status())
                        .as(endpoint + " as a stranger")
                        .isIn(bare ? List.of(403, 404) : List.of(400, 403, 404, 415, 422));
            }
        }
    }

    private String admitted(Endpoint endpoint) {
        return roles.entrySet().stream()
                .filter(role -> lets(role.getKey(), role.getValue(), endpoint))
                .map(Map.Entry::getKey)
                .collect(Collectors.joining(" "));
    }

    private boolean lets(String role, Api api, Endpoint endpoint) {
        Answer answer = call(api, endpoint);
        assertThat(answer.status()).as(endpoint + " as " + role + ": " + answer).isLessThan(500);
        assertThat(answer.status()).as(endpoint + " as " + role + ": " + answer).isNotEqualTo(401);
        return answer.status() != 403;
    }

    /** With a body that nothing accepts, so that nothing is changed. */
    private Answer call(Api api, Endpoint endpoint) {
        return send(api, endpoint, "{\"nothing takes\": \"this\"");
    }

    /** With one that is well formed at least, so that it is the organization that is not found. */
    private Answer callWithValidBody(Api api, Endpoint endpoint) {
        return send(api, endpoint, "{\"name\":\"x\",\"role\":\"member\"}");
    }

    private Answer send(Api api, Endpoint endpoint, String body) {
        boolean takesBody =
                !endpoint.method().equals("GET") && !endpoint.method().equals("DELETE");
        return api.send(
                endpoint.method(),
                concrete(endpoint.path()),
                takesBody(endpoint) ? BodyPublishers.ofString(body) : BodyPublishers.noBody());
    }

    private static boolean takesBody(Endpoint endpoint) {
        return !endpoint.method().equals("GET") && !endpoint.method().equals("DELETE");
    }

    private String concrete(String path) {
        return path.replace("{organization}", acme)
                .replace("{name}", "nothing")
                .replaceAll("\\{[a-zA-Z]+}", UUID.randomUUID().toString());
    }

    private static List<Endpoint> endpoints() {
        JsonNode paths = Api.anonymous().get("/q/openapi?format=json").body().path("paths");
        return paths.properties().stream()
                .filter(path -> path.getKey().startsWith("/api/"))
                .flatMap(path -> path.getValue().properties().stream()
                        .map(Map.Entry::getKey)
                        .filter(METHODS::contains)
                        .map(method -> new Endpoint(method.toUpperCase(Locale.ROOT), path.getKey())))
                .toList();
    }

    private static Map<String, Api> roles(String organization) {
        Map<String, Api> roles = new LinkedHashMap<>();
        roles.put("owner", Api.owner());
        for (String role : List.of("template_admin", "member", "worker", "auditor")) {
            roles.put(role, Api.owner().newUser(organization, role, role));
        }
        return roles;
    }

    private static String organization() {
        String name = "org-" + UUID.randomUUID().toString().substring(0, 13);
        Answer made = Api.owner().post("/api/v1/organizations", "{\"name\":\"%s\"}".formatted(name));
        assertThat(made.status()).as(made.toString()).isEqualTo(201);
        return name;
    }

    private static String golden() {
        try (InputStream in = AccessMatrixTest.class.getResourceAsStream("/golden/access.txt")) {
            return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw new java.io.UncheckedIOException(unreadable);
        }
    }
}
