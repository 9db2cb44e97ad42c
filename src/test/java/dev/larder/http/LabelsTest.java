package dev.larder.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.model.LabelSelector;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Labels and selectors have the form that Kubernetes gives them. */
class LabelsTest {

    private static final String LONG = "x".repeat(63);

    private static Map<String, String> read(String labels) {
        return Labels.of(("{\"labels\":" + labels + "}").getBytes(StandardCharsets.UTF_8));
    }

    private static String refusal(String labels) {
        try {
            return "read: " + read(labels);
        } catch (Problem refused) {
            return refused.status() + " " + refused.code() + " "
                    + refused.refusals().getFirst().field();
        }
    }

    @Test
    void labels_are_a_map_of_texts() {
        assertThat(read("{\"team\":\"a\",\"example.com/cost-center\":\"4_2.x\",\"empty\":\"\"}"))
                .containsOnly(
                        Map.entry("team", "a"), Map.entry("example.com/cost-center", "4_2.x"), Map.entry("empty", ""));
        assertThat(read("{\"" + LONG + "\":\"" + LONG + "\"}")).hasSize(1);
        assertThat(read("{}")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"":"a"}              | labels.
            {"-a":"a"}            | labels.-a
            {"a-":"a"}            | labels.a-
            {"a b":"a"}           | labels.a b
            {"/a":"a"}            | labels./a
            {"a/":"a"}            | labels.a/
            {"A.b/a":"a"}         | labels.A.b/a
            {"a..b/a":"a"}        | labels.a..b/a
            {"a/b/c":"a"}         | labels.a/b/c
            {"ä":"a"}             | labels.ä
            {"a":"-"}             | labels.a
            {"a":"b c"}           | labels.a
            {"a":"b,c"}           | labels.a
            {"a":"b=c"}           | labels.a
            {"a":"\\u0000"}       | labels.a
            {"a":1}               | labels.a
            {"a":null}            | labels.a
            {"a":{}}              | labels.a
            """)
    void another_key_or_value_is_refused_by_name(String labels, String field) {
        assertThat(refusal(labels)).isEqualTo("422 invalid_label " + field);
    }

    @Test
    void one_character_or_one_label_more_than_the_bound_is_refused() {
        StringBuilder many = new StringBuilder("{\"k0\":\"\"");
        for (int i = 1; i <= Labels.COUNT_MAX; i++) {
            many.append(",\"k").append(i).append("\":\"\"");
        }

        assertThat(refusal("{\"x" + LONG + "\":\"\"}")).startsWith("422 invalid_label");
        assertThat(refusal("{\"a\":\"x" + LONG + "\"}")).startsWith("422 invalid_label");
        assertThat(refusal(many + "}")).isEqualTo("400 wrong_type labels");
        assertThat(refusal("[]")).isEqualTo("400 wrong_type labels");
        assertThat(refusal("null")).isEqualTo("400 missing_field labels");
    }

    @Test
    void a_selector_names_pairs_and_keys() {
        assertThat(Labels.selector(List.of("team=a,example.com/tier", "empty=")))
                .hasValue(new LabelSelector(Map.of("team", "a", "empty", ""), List.of("example.com/tier")));
        assertThat(Labels.selector(List.of())).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ",",
                "=a",
                "a,",
                "a=b=c",
                "a!=b",
                "a in (b)",
                "a==b",
                "team=a,team=b",
                "a= b",
                "!a",
                "a=\u0000"
            })
    void another_selector_is_a_problem_that_names_the_parameter(String text) {
        assertThatThrownBy(() -> Labels.selector(List.of(text))).isInstanceOfSatisfying(Problem.class, refused -> {
            assertThat(refused.status()).isEqualTo(400);
            assertThat(refused.code()).isEqualTo("invalid_label_selector");
            assertThat(refused.refusals().getFirst().field()).isEqualTo("label");
        });
    }
}
