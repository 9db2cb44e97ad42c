package dev.larder.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.larder.testing.Api;
import dev.larder.testing.Api.Answer;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** The OpenAPI document is what a generator of clients needs, and what the server does. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class OpenApiHttpTest {

    private static final Path KEPT = Path.of("src/docs/api/openapi.yaml");
    private static final Path SERVED = Path.of("target/openapi.yaml");
    private static final List<String> METHODS = List.of("get", "put", "post", "delete", "patch");

    private record Described(String method, String path, JsonNode operation) {

        /** The fields of its JSON body; empty where it has none, or one of another shape. */
        List<String> fields(JsonNode document) {
            JsonNode schema = operation
                    .at("/requestBody/content/application~1json/schema")
                    .path("$ref");
            List<String> fields = new ArrayList<>();
            document.at(schema.asText("#").substring(1))
                    .path("properties")
                    .fieldNames()
                    .forEachRemaining(fields::add);
            return schema.isMissingNode() ? List.of() : fields;
        }
    }

    private static JsonNode document() {
        return Api.anonymous().get("/q/openapi?format=json").body();
    }

    private static List<Described> operations(JsonNode document) {
        List<Described> operations = new ArrayList<>();
        document.path("paths")
                .properties()
                .forEach(path -> path.getValue().properties().stream()
                        .filter(method -> path.getKey().startsWith("/api/") && METHODS.contains(method.getKey()))
                        .forEach(method -> operations.add(new Described(
                                method.getKey().toUpperCase(Locale.ROOT), path.getKey(), method.getValue()))));
        assertThat(operations).hasSizeGreaterThan(60);
        return operations;
    }

    @Test
    void the_copy_in_the_repository_is_the_served_document() throws IOException {
        String served = Api.anonymous().get("/q/openapi?format=yaml").text();
        Files.createDirectories(SERVED.getParent());
        Files.writeString(SERVED, served);
        YAMLMapper yaml = new YAMLMapper();

        assertThat(yaml.readTree(Files.readString(KEPT)))
                .as("the API has changed; if that is wanted: cp " + SERVED + " " + KEPT)
                .isEqualTo(yaml.readTree(served));
    }

    @Test
    void every_operation_has_an_id_of_its_own() {
        assertThat(operations(document()))
                .extracting(one -> one.operation().path("operationId").asText())
                .doesNotHaveDuplicates()
                .allMatch(id -> id.matches("[a-z][A-Za-z]+"));
    }

    @Test
    void every_operation_needs_a_token() {
        assertThat(operations(document()))
                .allMatch(one -> one.operation().path("security").path(0).has("token"));
    }

    @Test
    void every_error_is_a_problem_and_every_other_answer_has_a_schema_or_no_body() {
        List<String> undescribed = new ArrayList<>();
        for (Described one : operations(document())) {
            assertThat(one.operation().path("responses").has("default")).isTrue();
            one.operation().path("responses").properties().forEach(response -> {
                boolean error = !response.getKey().startsWith("2");
                JsonNode content = response.getValue().path("content");
                boolean described = error
                        ? content.at("/application~1problem+json/schema/$ref")
                                .asText()
                                .endsWith("/Problem")
                        : List.of("202", "204").contains(response.getKey())
                                || StreamSupport.stream(content.spliterator(), false)
                                        .anyMatch(type -> type.path("schema").size() > 0);
                if (!described) {
                    undescribed.add(one + " " + response);
                }
            });
        }
        assertThat(undescribed).isEmpty();
    }

    /**
     * The records are those of {@code RecordedCallsTest}: {@code name | caller METHOD path}, then status and
     * media type.
     */
    @Test
    void every_recorded_answer_is_described() throws IOException {
        Pattern answer = Pattern.compile(
                "^\\S.* (GET|PUT|POST|DELETE|PATCH) (/api/\\S+)\\n  (2\\d\\d) ([^;\\n]+)", Pattern.MULTILINE);
        JsonNode paths = document().path("paths");
        List<String> undescribed = new ArrayList<>();
        List<String> all = new ArrayList<>();
        for (String name :
                List.of("access", "catalog", "claims", "inventory", "operation", "states", "things", "workers")) {
            String recorded = Files.readString(Path.of("src/test/resources/recorded", name + ".txt"));
            answer.matcher(recorded).results().forEach(seen -> {
                JsonNode described = paths.path(seen.group(2))
                        .path(seen.group(1).toLowerCase(Locale.ROOT))
                        .path("responses")
                        .path(seen.group(3));
                boolean empty = seen.group(4).equals("no body");
                all.add(seen.group());
                if (described.isMissingNode()
                        || (!empty && !described.path("content").has(seen.group(4)))) {
                    undescribed.add(seen.group());
                }
            });
        }
        assertThat(all).hasSizeGreaterThan(100);
        assertThat(undescribed).isEmpty();
    }

    @Test
    void every_reference_names_a_schema_that_is_there() {
        JsonNode document = document();

        assertThat(document.findValuesAsText("$ref"))
                .isNotEmpty()
                .allMatch(reference -> document.at(reference.substring(1)).isObject());
    }

    /**
     * A null counts as an absent field, so a body of nulls is refused for many reasons, but not for a field's
     * name.
     */
    @Test
    void a_body_may_have_the_fields_that_its_schema_shows_and_no_others() {
        JsonNode document = document();
        Api worker = Api.owner().newUser(null, "worker-" + UUID.randomUUID(), "worker");
        List<Described> taking = operations(document).stream()
                .filter(one -> !one.fields(document).isEmpty())
                .toList();
        assertThat(taking).hasSizeGreaterThan(20);

        String organization = "org-" + UUID.randomUUID().toString().substring(0, 8);
        assertThat(Api.owner()
                        .post("/api/v1/organizations", "{\"name\":\"" + organization + "\"}")
                        .status())
                .isEqualTo(201);

        for (Described one : taking) {
            ObjectNode nulls = new ObjectMapper().createObjectNode();
            one.fields(document).forEach(nulls::putNull);
            Api api = one.operation().path("security").toString().contains("owner") ? Api.owner() : worker;
            String path = one.path()
                    .replace("{organization}", organization)
                    .replaceAll("\\{[^}]*}", UUID.randomUUID().toString());

            Answer known = api.send(one.method(), path, BodyPublishers.ofString(nulls.toString()));
            nulls.putNull("bogus");
            Answer unknown = api.send(one.method(), path, BodyPublishers.ofString(nulls.toString()));

            String call = one.method() + " " + one.path();
            assertThat(known.text()).as(call).doesNotContain("unknown_field");
            assertThat(unknown.code()).as(call + unknown).isEqualTo("unknown_field");
            assertThat(unknown.body().at("/errors/0/field").asText()).as(call).isEqualTo("bogus");
            assertThat(unknown.body().path("errors")).as(call).hasSize(1);
        }
    }
}
