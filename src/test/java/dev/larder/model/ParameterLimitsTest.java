package dev.larder.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which values a parameter takes: each limit just kept and just broken. */
class ParameterLimitsTest {

    private static ParameterLimits limits(String kind) {
        return switch (kind) {
            case "allowed" -> new ParameterLimits(List.of("1", "2.50"), null, null, null, null, null);
            case "range" ->
                new ParameterLimits(List.of(), new BigDecimal("-1"), new BigDecimal("1e2"), null, null, null);
            case "length" -> new ParameterLimits(List.of(), null, null, 2, 3, null);
            case "pattern" -> new ParameterLimits(List.of(), null, null, null, null, "[a-z]+-[0-9]");
            default -> ParameterLimits.NONE;
        };
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "none | string | anything | true",
                "none | number | 1e9999 | true",
                "none | list | [1] | true",
                "allowed | string | 1 | true",
                "allowed | string | 1.0 | false",
                "allowed | string | 2.50 | true",
                "allowed | string | '' | false",
                "allowed | number | 1 | true",
                "allowed | number | 1.00 | true",
                "allowed | number | 10e-1 | true",
                "allowed | number | 2.5 | true",
                "allowed | number | 3 | false",
                "range | number | -1 | true",
                "range | number | -1.0000000000000000001 | false",
                "range | number | 100 | true",
                "range | number | 100.0000000000000000001 | false",
                "range | number | 1e9999 | false",
                "range | number | -1e9999 | false",
                "range | number | 1e-9999 | true",
                "length | string | a | false",
                "length | string | ab | true",
                "length | string | abc | true",
                "length | string | abcd | false",
                "length | string | 😀 | false",
                "length | string | 😀😀😀 | true",
                "pattern | string | eu-1 | true",
                "pattern | string | eu-12 | false",
                "pattern | string | '' | false",
            })
    void a_value_is_taken_or_refused(String kind, String type, String value, boolean taken) {
        var refusal = limits(kind).refusal(type, value, "parameters.x");

        assertThat(refusal.isEmpty()).isEqualTo(taken);
        refusal.ifPresent(told -> {
            assertThat(told.code()).isEqualTo("value_not_allowed");
            assertThat(told.field()).isEqualTo("parameters.x");
            assertThat(told.detail()).startsWith("must ").endsWith(".");
        });
    }

    @Test
    void a_refusal_does_not_repeat_the_value() {
        for (String kind : List.of("allowed", "length", "pattern")) {
            assertThat(limits(kind).refusal("string", "the secret", "parameters.x"))
                    .hasValueSatisfying(told -> assertThat(told.detail()).doesNotContain("secret"));
        }
    }

    @Test
    void a_refusal_names_ten_of_many_allowed_values() {
        List<String> many = IntStream.range(0, 100).mapToObj(i -> "v" + i).toList();

        assertThat(new ParameterLimits(many, null, null, null, null, null).refusal("string", "x", "f"))
                .hasValueSatisfying(told -> assertThat(told.detail()).endsWith("v9 and 90 more."));
    }

    @ParameterizedTest
    @CsvSource({"none", "allowed", "range", "length", "pattern"})
    void limits_are_read_as_they_were_written(String kind) {
        assertThat(ParameterLimits.of(limits(kind).json())).isEqualTo(limits(kind));
    }
}
