package dev.larder.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FiltersTest {

    private static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");

    @Test
    void since_is_a_time_or_a_duration_back() {
        assertThat(Filters.since(null, NOON)).isEmpty();
        assertThat(Filters.since("90s", NOON)).contains(NOON.minusSeconds(90));
        assertThat(Filters.since("1h30m", NOON)).contains(NOON.minus(Duration.ofMinutes(90)));
        assertThat(Filters.since("P7D", NOON)).contains(NOON.minus(Duration.ofDays(7)));
        assertThat(Filters.since("2026-11-20T10:00:00+02:00", NOON)).contains(NOON.minus(Duration.ofHours(4)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "yesterday",
                "-1h",
                "2026-11-20",
                "36501d",
                "0001-01-01T00:00:00Z",
                "+999999999-12-31T23:59:59Z",
                "PT0.5S"
            })
    void another_since_is_a_problem_that_names_the_parameter(String text) {
        assertThatThrownBy(() -> Filters.since(text, NOON)).isInstanceOfSatisfying(Problem.class, refused -> {
            assertThat(refused.code()).isEqualTo("invalid_since");
            assertThat(refused.refusals().getFirst().field()).isEqualTo("since");
        });
    }

    @Test
    void an_unknown_status_is_refused_with_those_that_are_allowed() {
        assertThatThrownBy(() -> Filters.status("done", List.of("pending", "running")))
                .hasMessage("status: must be one of pending, running.");
        assertThat(Filters.status("pending", List.of("pending"))).contains("pending");
    }
}
