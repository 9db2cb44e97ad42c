package dev.larder.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.larder.model.TextPattern.InvalidPatternException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Patterns mean what they mean in regular expressions, and no text keeps one busy. */
class TextPatternTest {

    private static final List<String> ITEMS = List.of("a", "b", ".", "[ab]", "[^a]", "[a-c]", "\\.");
    private static final List<String> REPEATS = List.of("", "?", "*", "+", "{2}", "{1,2}", "{2,}", "{0,1}");

    @Test
    void each_pattern_of_up_to_two_items_matches_what_the_regular_expression_matches() {
        List<String> items = new ArrayList<>();
        ITEMS.forEach(item -> REPEATS.forEach(repeat -> items.add(item + repeat)));
        List<String> texts = texts(4);
        for (String first : items) {
            for (String second : items) {
                Pattern expected = Pattern.compile(first + second);
                TextPattern pattern = TextPattern.of("^" + first + second + "$");
                for (String text : texts) {
                    assertThat(pattern.matches(text))
                            .as("%s%s of '%s'", first, second, text)
                            .isEqualTo(expected.matcher(text).matches());
                }
            }
        }
    }

    /** All texts of up to so many of four characters. */
    private static List<String> texts(int length) {
        List<String> all = new ArrayList<>(List.of(""));
        List<String> last = all;
        for (int i = 0; i < length; i++) {
            List<String> longer = new ArrayList<>();
            last.forEach(text -> List.of("a", "b", "d", ".").forEach(sign -> longer.add(text + sign)));
            last = longer;
            all = new ArrayList<>(all);
            all.addAll(longer);
        }
        return all;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            value = {
                "[a-z]{2}-[a-z]+-[0-9] eu-central-1 true",
                "[a-z]{2}-[a-z]+-[0-9] eu-Central-1 false",
                "[a-z]{2}-[a-z]+-[0-9] xeu-central-1 false",
                "\\w+@\\w+\\.example a_1@b.example true",
                "\\w+@\\w+\\.example a_1@bxexample false",
                "[\\w.-]+ a.b-c true",
                "[\\]a-]+ ]-a true",
                "\\d{3} 123 true",
                "\\d{3} ١٢٣ false",
                ".{2} é😀 true",
                "[😀-😂] 😁 true",
                "\\$\\^ $^ true",
                "a\\$ a$ true",
            })
    void a_whole_text_matches(String pattern, String text, boolean matches) {
        assertThat(TextPattern.of(pattern).matches(text)).isEqualTo(matches);
    }

    @Test
    void a_dot_matches_no_line_feed() {
        assertThat(TextPattern.of(".").matches("\n")).isFalse();
        assertThat(TextPattern.of("[^a]").matches("\n")).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "(a|b)",
                "a|b",
                "(?i)a",
                "a)",
                "a**",
                "a+?",
                "a?+",
                "*a",
                "a{",
                "a{1",
                "a{,2}",
                "a{2,1}",
                "a{99999}",
                "a{1}{2}",
                "[",
                "[a",
                "[]",
                "[]-a]",
                "[^]",
                "[z-a]",
                "[a-\\d]",
                "[[a]]",
                "a]",
                "a}",
                "\\",
                "\\s",
                "\\1",
                "\\p{L}",
                "\\b",
                "a^",
                "a$b"
            })
    void what_it_cannot_read_is_refused(String pattern) {
        assertThatThrownBy(() -> TextPattern.of(pattern)).isInstanceOf(InvalidPatternException.class);
    }

    @ParameterizedTest
    @CsvSource({"a*, b", "[a-z]?, 1", "'a{0,16384}', b", "\\w*, $"})
    void no_text_keeps_a_pattern_busy(String item, String last) {
        String items = item.repeat(250 / item.length());
        TextPattern pattern = TextPattern.of(items + (last.equals("$") ? "\\$" : last));

        boolean matches = assertTimeoutPreemptively(Duration.ofSeconds(10), () -> pattern.matches("a".repeat(16_384)));

        assertThat(matches).isFalse();
    }
}
