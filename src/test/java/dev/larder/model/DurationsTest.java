package dev.larder.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationsTest {

    @ParameterizedTest
    @CsvSource({
        "90s,90",
        "10m,600",
        "8h,28800",
        "7d,604800",
        "1h30m,5400",
        "1d12h,129600",
        "1d1s,86401",
        "1h90m,9000",
        "0s,0",
        "PT8H,28800",
        "PT1H30M,5400",
        "pt90s,90",
        "P7D,604800",
        "P1DT12H,129600",
        "PT0S,0",
        "PT1.0S,1",
        "999999999d,86399999913600"
    })
    void both_forms_are_read(String text, long seconds) {
        assertThat(Durations.read(text)).contains(Duration.ofSeconds(seconds));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "90",
                "s",
                "1 h",
                " 1h",
                "1h ",
                "1H",
                "1w",
                "1mo",
                "500ms",
                "1.5h",
                "30m1h",
                "1h1h",
                "-1h",
                "+1h",
                "1h-30m",
                "1000000000d",
                "99999999999999999999s",
                "\u0661h",
                "PT",
                "P1Y",
                "P1W",
                "PT0.5S",
                "-PT1H",
                "PT-5S",
                "+PT5S",
                "PT1H-30M",
                "P999999999999999999D",
                "PT000000000000000000000000000000000000000000000000000000000000001S",
                "soon"
            })
    void nothing_else_is_a_duration(String text) {
        assertThat(Durations.read(text)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "0,0s",
        "1,1s",
        "90,1m30s",
        "600,10m",
        "5400,1h30m",
        "86399,23h59m59s",
        "86400,1d",
        "129601,1d12h1s",
        "2592000,30d"
    })
    void the_short_form_is_written(long seconds, String text) {
        assertThat(Durations.written(Duration.ofSeconds(seconds))).isEqualTo(text);
        assertThat(Durations.read(text)).contains(Duration.ofSeconds(seconds));
    }

    @Test
    void a_fraction_of_a_second_is_left_out_where_it_is_written() {
        assertThat(Durations.written(Duration.ofMillis(1_999))).isEqualTo("1s");
        assertThat(Durations.written(Duration.ofMillis(999))).isEqualTo("0s");
    }
}
