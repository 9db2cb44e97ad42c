package dev.larder.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Declaration;
import dev.larder.model.Parameter;
import dev.larder.model.ParameterLimits;
import dev.larder.model.Refusal;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which values a declared parameter takes, and when (decision 0040). */
class ParameterDeclarationTest {

    private static ParsedDeclaration parse(String backend, String parameters, String values) {
        String files = backend.equals("terraform") ? "main.tf: 'variable \"a\" {}'" : "";
        String yaml = """
                backend: %s
                files: {%s}
                parameters: [%s]
                presets: [{name: p, parameters: {%s}}]
                """.formatted(
                        backend.equals("exec") ? "exec" : backend,
                        backend.equals("exec") ? "start.sh: x" : files,
                        parameters,
                        values);
        return DeclarationParser.parse(yaml.getBytes(StandardCharsets.UTF_8), "application/yaml");
    }

    private static Parameter accepted(String parameter) {
        ParsedDeclaration parsed = parse("exec", parameter, "");
        assertThat(parsed).isInstanceOf(ParsedDeclaration.Accepted.class);
        Declaration declaration = ((ParsedDeclaration.Accepted) parsed).declaration();
        return declaration.parameters().getFirst();
    }

    private static List<String> refusals(ParsedDeclaration parsed) {
        assertThat(parsed).isInstanceOf(ParsedDeclaration.Refused.class);
        return ((ParsedDeclaration.Refused) parsed)
                .refusals().stream().map(ParameterDeclarationTest::told).toList();
    }

    private static String told(Refusal refusal) {
        return refusal.code() + " " + refusal.field();
    }

    @Test
    void reads_everything_a_parameter_can_say() {
        assertThat(accepted(
                        "{name: a, late: true, sensitive: true, description: what it is, minLength: 1, maxLength: 9,"
                                + " pattern: '[a-z]+', allowed: [x, y], default: x}"))
                .isEqualTo(new Parameter(
                        "a",
                        "string",
                        new Parameter.Use(false, false, true, true),
                        "x",
                        new ParameterLimits(List.of("x", "y"), null, null, 1, 9, "[a-z]+"),
                        "what it is"));
        assertThat(accepted("{name: a, type: number, min: -1.5, max: 1e2, allowed: [1, '2']}")
                        .limits())
                .isEqualTo(new ParameterLimits(
                        List.of("1", "2"), new BigDecimal("-1.5"), new BigDecimal("1e2"), null, null, null));
    }

    @Test
    void a_parameter_without_limits_is_what_it_was() {
        assertThat(accepted("{name: a, default: x}")).isEqualTo(new Parameter("a", "string", false, false, false, "x"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "late: perhaps | wrong_type late",
                "description: [a] | wrong_type description",
                "allowed: x | wrong_type allowed",
                "allowed: [] | too_few_values allowed",
                "allowed: [[a]] | wrong_type allowed[0]",
                "type: number, allowed: [1, x] | value_not_of_type allowed[1]",
                "type: bool, allowed: ['true'] | option_without_effect allowed",
                "type: list, maxLength: 1 | option_without_effect maxLength",
                "type: map, pattern: a | option_without_effect pattern",
                "type: number, pattern: a | option_without_effect pattern",
                "type: number, minLength: 1 | option_without_effect minLength",
                "min: 1 | option_without_effect min",
                "type: number, min: x | wrong_type min",
                "type: number, min: 2, max: 1 | out_of_range max",
                "minLength: -1 | out_of_range minLength",
                "maxLength: 16385 | out_of_range maxLength",
                "minLength: 2, maxLength: 1 | out_of_range maxLength",
                "pattern: '(ab)' | invalid_pattern pattern",
                "pattern: '[a' | invalid_pattern pattern",
                "type: number, max: 1, default: 2 | value_not_allowed default",
                "allowed: [a, b], default: c | value_not_allowed default",
                "pattern: '[a-z]+', default: A | value_not_allowed default",
            })
    void what_a_parameter_cannot_say_is_refused_by_field(String parameter, String refusal) {
        String[] codeAndField = refusal.split(" ");

        assertThat(refusals(parse("exec", "{name: a, " + parameter + "}", "")))
                .contains(codeAndField[0] + " parameters[0]." + codeAndField[1]);
    }

    @Test
    void what_is_too_long_is_refused() {
        assertThat(refusals(parse("exec", "{name: a, description: " + "x".repeat(1_001) + "}", "")))
                .containsExactly("value_too_long parameters[0].description");
        assertThat(refusals(parse("exec", "{name: a, pattern: " + "x".repeat(257) + "}", "")))
                .containsExactly("invalid_pattern parameters[0].pattern");
        assertThat(refusals(parse("exec", "{name: a, allowed: [" + "x".repeat(257) + "]}", "")))
                .contains("value_too_long parameters[0].allowed[0]");
        assertThat(refusals(parse("exec", "{name: a, allowed: [" + "x,".repeat(101) + "]}", "")))
                .containsExactly("too_many_values parameters[0].allowed");
    }

    @Test
    void the_value_of_a_preset_keeps_the_limits_too() {
        assertThat(refusals(parse("exec", "{name: a, type: number, max: 1}", "a: 1.5")))
                .containsExactly("value_not_allowed presets[0].parameters.a");
        assertThat(parse("exec", "{name: a, type: number, max: 1}", "a: 1"))
                .isInstanceOf(ParsedDeclaration.Accepted.class);
    }

    @ParameterizedTest
    @CsvSource({
        "exec, false, true",
        "exec, true, true",
        "postgres, false, true",
        "postgres, true, false",
        "terraform, false, false",
        "terraform, true, false"
    })
    void a_parameter_is_late_where_a_value_can_reach_a_built_workspace(
            String backend, boolean sensitive, boolean accepted) {
        ParsedDeclaration parsed = parse(backend, "{name: a, late: true, sensitive: " + sensitive + "}", "");

        if (accepted) {
            assertThat(parsed).isInstanceOf(ParsedDeclaration.Accepted.class);
        } else {
            assertThat(refusals(parsed)).containsExactly("late_without_effect parameters[0].late");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"late: true", "description: x", "maxLength: 3", "pattern: x", "allowed: [x]"})
    void each_field_makes_a_new_version(String field) {
        assertThat(canonical("{name: a, " + field + "}")).isNotEqualTo(canonical("{name: a}"));
    }

    private static byte[] canonical(String parameter) {
        return Canonical.of(((ParsedDeclaration.Accepted) parse("exec", parameter, "")).declaration())
                .whole();
    }
}
