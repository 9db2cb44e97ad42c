package dev.larder.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.larder.http.Contract.Operation;
import dev.larder.model.Refusal;
import io.vertx.core.MultiMap;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class ContractTest {

    private static final Contract CONTRACT = Contract.of("""
            {"paths": {
              "/things": {
                "get": {"parameters": [{"in": "query", "name": "limit"}],
                        "responses": {"200": {"content": {"application/json": {}}}, "400": {"content": {"x/y": {}}}}},
                "post": {"parameters": [{"in": "header", "name": "Idempotency-Key"}],
                         "requestBody": {"content": {"application/json": {}, "application/yaml": {}}}}},
              "/things/{id}": {"get": {}, "delete": {"parameters": [{"in": "header", "name": "If-Match"}]}},
              "/things/places": {"get": {}}}}
            """.getBytes(StandardCharsets.UTF_8));

    @Test
    void an_address_is_found_by_its_path_and_a_literal_segment_goes_before_a_variable() {
        assertThat(template("/things")).isEqualTo("/things");
        assertThat(template("/things/")).isEqualTo("/things");
        assertThat(template("/things/7")).isEqualTo("/things/{id}");
        assertThat(template("/things/places")).isEqualTo("/things/places");
        assertThat(CONTRACT.at("/other")).isEmpty();
        assertThat(CONTRACT.at("/things/7/parts")).isEmpty();
        assertThat(CONTRACT.at("/" + "a/".repeat(5000))).isEmpty();
    }

    @Test
    void an_address_says_which_methods_it_takes() {
        assertThat(CONTRACT.at("/things").orElseThrow().allow()).isEqualTo("GET, HEAD, OPTIONS, POST");
        assertThat(CONTRACT.at("/things/7").orElseThrow().allow()).isEqualTo("DELETE, GET, HEAD, OPTIONS");
        assertThat(CONTRACT.at("/things").orElseThrow().operation("PATCH")).isEmpty();
    }

    @Test
    void head_is_taken_where_get_is() {
        assertThat(operation("/things", "HEAD")).isEqualTo(operation("/things", "GET"));
    }

    @Test
    void an_operation_says_which_types_it_takes_and_gives() {
        assertThat(operation("/things", "POST").takes()).containsExactly("application/json", "application/yaml");
        assertThat(operation("/things", "GET").gives()).containsExactly("application/json");
    }

    @Test
    void a_query_parameter_that_is_not_described_is_refused_by_name() {
        assertThat(ignored("/things", "GET", query("limit", "5"), Set.of(), 0)).isEmpty();
        assertThat(ignored("/things", "GET", query("template", "x"), Set.of(), 0))
                .extracting(Refusal::code, Refusal::field)
                .containsExactly(org.assertj.core.groups.Tuple.tuple("unknown_parameter", "template"));
    }

    @Test
    void a_dry_run_is_refused_by_every_call_that_does_none() throws IOException {
        JsonNode kept =
                new YAMLMapper().readTree(Path.of("src/docs/api/openapi.yaml").toFile());
        Contract whole = Contract.of(new ObjectMapper().writeValueAsBytes(kept));
        Set<String> taking = new TreeSet<>();
        int refusing = 0;
        for (var path : kept.path("paths").properties()) {
            for (String method : List.of("POST", "PUT", "PATCH", "DELETE")) {
                Optional<Operation> operation =
                        whole.at(path.getKey()).orElseThrow().operation(method);
                if (operation.isEmpty()) {
                    continue;
                }
                List<Refusal> refusals =
                        Contract.ignored(operation.get(), query("dryRun", "true"), header -> false, 0, 2);
                if (refusals.isEmpty()) {
                    taking.add(path.getValue()
                            .path(method.toLowerCase(Locale.ROOT))
                            .path("operationId")
                            .asText());
                } else {
                    assertThat(refusals)
                            .as("%s %s", method, path.getKey())
                            .extracting(Refusal::code, Refusal::field)
                            .containsExactly(org.assertj.core.groups.Tuple.tuple("unknown_parameter", "dryRun"));
                    refusing++;
                }
            }
        }
        assertThat(refusing).isGreaterThan(60);
        assertThat(taking)
                .as("these do a dry run")
                .containsExactly("applyTemplate", "cancelJobs", "deleteWorkspaces", "promoteVersion", "releaseClaims");
    }

    @Test
    void a_query_parameter_that_is_given_twice_is_refused() {
        assertThat(ignored("/things", "GET", query("limit", "5").add("limit", "6"), Set.of(), 0))
                .extracting(Refusal::code)
                .containsExactly("repeated_parameter");
    }

    @Test
    void a_header_that_a_client_relies_on_is_refused_where_it_has_no_effect() {
        assertThat(ignored("/things", "POST", query(), Set.of("Idempotency-Key"), 0))
                .isEmpty();
        assertThat(ignored("/things", "POST", query(), Set.of("If-Match"), 0))
                .extracting(Refusal::field)
                .containsExactly("If-Match");
        assertThat(ignored("/things/7", "DELETE", query(), Set.of("If-Match"), 0))
                .isEmpty();
        assertThat(ignored("/things/7", "DELETE", query(), Set.of("Idempotency-Key"), 0))
                .extracting(Refusal::field)
                .containsExactly("Idempotency-Key");
    }

    @Test
    void a_body_is_refused_where_there_is_none_but_an_empty_object_is_no_body() {
        assertThat(ignored("/things/7", "DELETE", query(), Set.of(), 2)).isEmpty();
        assertThat(ignored("/things/7", "DELETE", query(), Set.of(), 3))
                .extracting(Refusal::code)
                .containsExactly("unexpected_body");
        assertThat(ignored("/things", "POST", query(), Set.of(), 3)).isEmpty();
    }

    private static String template(String path) {
        return CONTRACT.at(path).orElseThrow().template();
    }

    private static Operation operation(String path, String method) {
        return CONTRACT.at(path).orElseThrow().operation(method).orElseThrow();
    }

    private static List<Refusal> ignored(
            String path, String method, MultiMap query, Set<String> headers, long bodyBytes) {
        return Contract.ignored(operation(path, method), query, headers::contains, bodyBytes, 2);
    }

    private static MultiMap query(String... pair) {
        MultiMap query = MultiMap.caseInsensitiveMultiMap();
        return pair.length == 0 ? query : query.add(pair[0], pair[1]);
    }
}
