package dev.larder.claim;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.CreationStatus.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** When something may be ready (design, section 3.4). */
class WaitTimeTest {

    private static final Duration BUILD = ofSeconds(60);
    private static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");

    @Test
    void with_nothing_under_way_it_takes_a_whole_build() {
        assertThat(WaitTime.of(1, List.of(), BUILD)).isEqualTo(BUILD);
    }

    @Test
    void with_nothing_under_way_those_behind_wait_a_build_each() {
        assertThat(WaitTime.of(3, List.of(), BUILD)).isEqualTo(ofMinutes(3));
    }

    @Test
    void each_is_given_the_next_build_that_ends() {
        List<Duration> starting = List.of(ofSeconds(50), ofSeconds(20), ofSeconds(5));

        assertThat(WaitTime.of(1, starting, BUILD)).isEqualTo(ofSeconds(10));
        assertThat(WaitTime.of(2, starting, BUILD)).isEqualTo(ofSeconds(40));
        assertThat(WaitTime.of(3, starting, BUILD)).isEqualTo(ofSeconds(55));
    }

    @Test
    void who_is_behind_all_of_them_waits_for_the_next_round() {
        List<Duration> starting = List.of(ofSeconds(50), ofSeconds(20));

        assertThat(WaitTime.of(3, starting, BUILD)).isEqualTo(ofSeconds(10 + 60));
        assertThat(WaitTime.of(4, starting, BUILD)).isEqualTo(ofSeconds(40 + 60));
        assertThat(WaitTime.of(5, starting, BUILD)).isEqualTo(ofSeconds(10 + 120));
    }

    @Test
    void a_build_that_takes_longer_than_they_did_may_end_at_any_moment() {
        assertThat(WaitTime.of(1, List.of(ofMinutes(10)), BUILD)).isEqualTo(ofSeconds(1));
        assertThat(WaitTime.of(2, List.of(ofMinutes(10)), BUILD)).isEqualTo(BUILD);
    }

    @Test
    void it_is_a_second_at_least_and_an_hour_at_most() {
        assertThat(WaitTime.of(1, List.of(), ofMillis(3))).isEqualTo(ofSeconds(1));
        assertThat(WaitTime.of(1, List.of(), Duration.ZERO)).isEqualTo(ofSeconds(1));
        assertThat(WaitTime.of(Long.MAX_VALUE, List.of(), Duration.ZERO)).isEqualTo(ofSeconds(1));
        assertThat(WaitTime.of(1, List.of(), ofHours(5))).isEqualTo(ofHours(1));
        assertThat(WaitTime.of(Long.MAX_VALUE, List.of(), BUILD)).isEqualTo(ofHours(1));
        assertThat(WaitTime.of(Long.MAX_VALUE, List.of(), ofMillis(1))).isEqualTo(ofHours(1));
        assertThat(WaitTime.of(61, List.of(), BUILD)).isEqualTo(ofHours(1));
        assertThat(WaitTime.of(60, List.of(), BUILD)).isEqualTo(ofHours(1));
        assertThat(WaitTime.of(59, List.of(), BUILD)).isEqualTo(ofMinutes(59));
    }

    @Test
    void who_is_behind_somebody_is_never_told_to_be_served_before() {
        for (int abreast = 0; abreast <= 5; abreast++) {
            List<Duration> starting = new ArrayList<>();
            for (int i = 0; i < abreast; i++) {
                starting.add(ofSeconds(59 - 11L * i));
            }
            for (long position = 1; position < 40; position++) {
                assertThat(WaitTime.of(position + 1, starting, BUILD))
                        .as("%d abreast, position %d", abreast, position + 1)
                        .isGreaterThanOrEqualTo(WaitTime.of(position, starting, BUILD));
            }
        }
    }

    private static Reason until(@Nullable Instant end) {
        return new Reason("backoff", end, "2 failed builds are remembered");
    }

    private static Optional<Duration> stopped(long position, List<Duration> starting, Reason... stops) {
        return WaitTime.of(position, starting, BUILD, List.of(stops), NOON);
    }

    @Test
    void while_nothing_stops_creation_it_is_the_same() {
        assertThat(stopped(3, List.of(ofSeconds(50)))).contains(WaitTime.of(3, List.of(ofSeconds(50)), BUILD));
    }

    @Test
    void a_build_under_way_serves_its_claim_whatever_stops_the_next() {
        assertThat(stopped(1, List.of(ofSeconds(50)), until(null))).contains(ofSeconds(10));
    }

    @Test
    void who_needs_a_further_build_waits_for_the_end_of_the_backoff_and_then_for_the_build() {
        assertThat(stopped(1, List.of(), until(NOON.plusSeconds(40)))).contains(ofSeconds(40 + 60));
        assertThat(stopped(2, List.of(ofSeconds(50)), until(NOON.plusSeconds(40))))
                .contains(ofSeconds(40 + 60));
        assertThat(stopped(2, List.of(), until(NOON.plusSeconds(40)))).contains(ofSeconds(40 + 120));
    }

    @Test
    void of_several_stops_the_last_to_end_counts() {
        assertThat(stopped(1, List.of(), until(NOON.plusSeconds(40)), until(NOON.plus(ofHours(9)))))
                .contains(ofHours(9).plusSeconds(60));
    }

    @Test
    void what_does_not_end_by_itself_has_no_time() {
        assertThat(stopped(1, List.of(), until(null))).isEmpty();
        assertThat(stopped(1, List.of(), until(NOON.plusSeconds(40)), until(null)))
                .isEmpty();
    }

    @Test
    void a_stop_that_has_just_ended_adds_nothing() {
        assertThat(stopped(1, List.of(), until(NOON.minusSeconds(1)))).contains(BUILD);
    }
}
