package dev.larder.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How {@code Prefer: wait=N} is read (RFC 7240). */
class PreferWaitTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "wait=20 | 20",
                "wait=0 | 0",
                "WAIT = 20 | 20",
                "wait=\"20\" | 20",
                "wait=60 | 60",
                "wait=61 | 60",
                "wait=999999999 | 60",
                "return=minimal, wait=5 | 5",
                "wait=5; foo=bar, handling=lenient | 5",
                "wait=5, wait=9 | 5",
                ", ,wait=5, | 5",
            })
    void so_many_seconds_and_a_minute_at_most(String prefer, long seconds) {
        assertThat(PreferWait.of(prefer)).contains(Duration.ofSeconds(seconds));
    }

    @Test
    void to_be_answered_at_once_may_be_preferred_too() {
        assertThat(PreferWait.of("respond-async")).contains(Duration.ZERO);
        assertThat(PreferWait.of("Respond-Async; x=y")).contains(Duration.ZERO);
    }

    @Test
    void both_together_mean_at_once_after_that_time_in_either_order() {
        assertThat(PreferWait.of("respond-async, wait=10")).contains(Duration.ofSeconds(10));
        assertThat(PreferWait.of("wait=10, respond-async")).contains(Duration.ofSeconds(10));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", " ", ",", "return=minimal", "await=5", "waiting-room=5", "wait-more=yes", "foo; wait=5"})
    void preferences_of_other_names_are_passed_over_and_so_are_their_parameters(String prefer) {
        assertThat(PreferWait.of(prefer)).isEmpty();
    }

    @Test
    void none_is_none() {
        assertThat(PreferWait.of(null)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"wait", "wait=", "wait=soon", "wait=-1", "wait=1.5", "wait=5s", "wait=\"5", "wait=9999999999"})
    void what_is_no_number_of_seconds_is_refused(String prefer) {
        assertThatThrownBy(() -> PreferWait.of(prefer)).isInstanceOfSatisfying(Problem.class, problem -> {
            assertThat(problem.status()).isEqualTo(400);
            assertThat(problem.code()).isEqualTo("invalid_prefer");
        });
    }
}
