package dev.larder.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.http.Problem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the headers of an upload may say. */
class RangeTest {

    @Test
    void without_a_range_the_body_is_the_whole_file() {
        assertThat(Range.of("17", null)).isEqualTo(new Range(0, 17, 17));
        assertThat(Range.of("0", null)).isEqualTo(new Range(0, 0, 0));
    }

    @Test
    void a_range_says_which_bytes_of_which_file() {
        assertThat(Range.of("1048576", "bytes 1048576-2097151/5000000"))
                .isEqualTo(new Range(1_048_576, 1_048_576, 5_000_000));
        assertThat(Range.of("1", "bytes 4999999-4999999/5000000")).isEqualTo(new Range(4_999_999, 1, 5_000_000));
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            value = {
                "-, -, length_required",
                "5, bytes 0-4, invalid_content_range",
                "5, bytes 0-4/*, invalid_content_range",
                "5, bytes 0-5/10, invalid_content_range",
                "5, bytes 5-4/10, invalid_content_range",
                "6, bytes 5-10/10, invalid_content_range",
                "5, bytes -5-0/10, invalid_content_range",
                "5, items 0-4/10, invalid_content_range",
                "5, bytes 0-4/99999999999999999999, invalid_content_range",
                "5, bytes 0-4/10, part_too_small",
            })
    void other_headers_are_refused(String length, String range, String code) {
        assertThatThrownBy(() -> Range.of(length, range))
                .isInstanceOfSatisfying(
                        Problem.class, problem -> assertThat(problem.code()).isEqualTo(code));
    }
}
