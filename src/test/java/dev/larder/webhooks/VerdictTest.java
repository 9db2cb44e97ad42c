package dev.larder.webhooks;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.webhooks.Verdict.Again;
import dev.larder.webhooks.Verdict.Delivered;
import dev.larder.webhooks.Verdict.GivenUp;
import dev.larder.webhooks.Verdict.Gone;
import dev.larder.webhooks.Verdict.Outcome;
import dev.larder.webhooks.Verdict.Outcome.Answered;
import dev.larder.webhooks.Verdict.Outcome.Failed;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What follows from an attempt, and when the next one is. */
class VerdictTest {

    private static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");
    private static final UUID ID = new UUID(1, 2);

    private static Verdict after(Outcome outcome, int attempts) {
        return Verdict.of(outcome, ID, attempts, NOON, NOON.plus(ofHours(24)));
    }

    private static Outcome answered(int status) {
        return new Answered(status, Optional.empty());
    }

    private static Outcome answered(int status, Duration retryAfter) {
        return new Answered(status, Optional.of(retryAfter));
    }

    @Test
    void only_an_answer_of_2xx_is_success_and_410_ends_the_webhook() {
        for (int status = 100; status < 600; status++) {
            Class<?> expected = status / 100 == 2 ? Delivered.class : status == 410 ? Gone.class : Again.class;
            assertThat(after(answered(status), 1)).as("status " + status).isInstanceOf(expected);
        }
        assertThat(after(new Failed("timed_out"), 1)).isInstanceOf(Again.class);
    }

    @Test
    void waits_double_from_5_seconds_to_an_hour_less_a_quarter_at_most() {
        Duration full = ofSeconds(5);
        for (int attempts = 1; attempts <= 40; attempts++) {
            for (int delivery = 0; delivery < 100; delivery++) {
                assertThat(Verdict.wait(new UUID(7, delivery), attempts))
                        .as("after attempt " + attempts)
                        .isGreaterThan(full.multipliedBy(3).dividedBy(4))
                        .isLessThanOrEqualTo(full);
            }
            full = full.multipliedBy(2).compareTo(ofHours(1)) > 0 ? ofHours(1) : full.multipliedBy(2);
        }
    }

    @Test
    void deliveries_that_failed_together_are_repeated_apart() {
        Set<Duration> waits = new HashSet<>();
        IntStream.range(0, 1_000).forEach(delivery -> waits.add(Verdict.wait(new UUID(3, delivery), 6)));

        assertThat(waits).hasSizeGreaterThan(300);
    }

    @Test
    void a_delivery_is_given_up_after_its_time_and_has_had_some_thirty_attempts() {
        Instant now = NOON;
        Instant end = NOON.plus(ofHours(24));
        int attempts = 1;
        while (Verdict.of(new Failed("timed_out"), ID, attempts, now, end) instanceof Again(Instant at)) {
            assertThat(at).isAfter(now).isBeforeOrEqualTo(end);
            now = at;
            attempts++;
        }

        assertThat(Verdict.of(new Failed("timed_out"), ID, attempts, now, end)).isEqualTo(new GivenUp());
        assertThat(attempts).isBetween(30, 45);
        assertThat(now).isAfter(end.minus(ofHours(1)));
    }

    @ParameterizedTest
    @ValueSource(ints = {429, 503, 500})
    void what_a_receiver_asks_for_is_kept_between_the_own_wait_and_an_hour(int status) {
        assertThat(after(answered(status, ofMinutes(7)), 1)).isEqualTo(new Again(NOON.plus(ofMinutes(7))));
        assertThat(after(answered(status, ofSeconds(1)), 4)).isEqualTo(new Again(NOON.plus(Verdict.wait(ID, 4))));
        assertThat(after(answered(status, ofHours(500)), 1)).isEqualTo(new Again(NOON.plus(ofHours(1))));
    }

    @ParameterizedTest
    @CsvSource({
        "120, 120",
        "0, 0",
        "'Fri, 20 Nov 2026 12:02:00 GMT', 120",
        "'Fri, 20 Nov 2026 11:58:00 GMT', -1",
        "soon, -1",
        "-5, -1",
        "99999999999999999999, -1",
        "1.5, -1",
        "'', -1",
    })
    void retry_after_is_seconds_or_a_date(String header, long seconds) {
        assertThat(RetryAfter.of(header, NOON))
                .isEqualTo(seconds < 0 ? Optional.empty() : Optional.of(ofSeconds(seconds)));
    }
}
