package dev.larder.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/**
 * Another clock's time, from what it answered and how long the answer took. All arithmetic is in milliseconds of a
 * counter.
 */
class FollowedTimeTest {

    private static final Instant NOON = Instant.parse("2026-11-28T12:00:00Z");

    private static long ms(long millis) {
        return Duration.ofMillis(millis).toNanos();
    }

    /** What it answered; asked and answered by the counter. */
    private static FollowedTime reading(Instant said, long asked, long answered) {
        return FollowedTime.read(said, ms(asked), ms(answered));
    }

    @Test
    void the_other_clock_was_read_between_question_and_answer() {
        FollowedTime time = reading(NOON, 100, 140);

        // Read at 120, give or take 20: at 140 it is noon and 20 ms.
        assertThat(time.at(ms(140))).isEqualTo(NOON.plusMillis(20));
        assertThat(time.error()).isEqualTo(Duration.ofMillis(20));
    }

    @Test
    void time_goes_on_by_the_counter_alone() {
        FollowedTime time = reading(NOON, 0, 0);

        assertThat(time.at(ms(3_600_000))).isEqualTo(NOON.plus(Duration.ofHours(1)));
    }

    @Test
    void a_slow_answer_takes_nothing_from_what_a_quick_one_told() {
        FollowedTime quick = reading(NOON, 0, 2);

        FollowedTime both = quick.narrowedBy(reading(NOON.plusSeconds(1), 600, 1_600));

        // The quick one says noon is 1 +/- 1; drift over 1.598 s widens that by 1.598 ms to either side.
        assertThat(both.error()).isLessThan(Duration.ofMillis(3));
        assertThat(both.at(ms(1_600))).isBetween(NOON.plusMillis(1_596), NOON.plusMillis(1_602));
    }

    @Test
    void answers_that_agree_only_in_part_leave_the_part_in_which_they_agree() {
        FollowedTime one = reading(NOON, 0, 100);
        FollowedTime other = reading(NOON.plusMillis(180), 100, 200);

        FollowedTime both = one.narrowedBy(other);

        // Noon was at 0 to 100 by the first, and at -80 to 20 by the second; 0.1 ms of drift since.
        assertThat(both.error()).isBetween(Duration.ofMillis(10), Duration.ofMillis(11));
    }

    @Test
    void a_clock_that_was_set_is_followed_at_once_forwards_and_backwards() {
        FollowedTime before = reading(NOON, 0, 2);

        for (Duration step : new Duration[] {Duration.ofHours(1), Duration.ofHours(-1), Duration.ofMillis(50)}) {
            Instant said = NOON.plusSeconds(5).plus(step);
            FollowedTime after = before.narrowedBy(reading(said, 5_000, 5_002));
            assertThat(after.at(ms(5_001))).as("set by %s", step).isEqualTo(said);
        }
    }

    @Test
    void drift_of_either_clock_is_no_step() {
        FollowedTime before = reading(NOON, 0, 2);

        // The other clock gains 0.5 ms in a second.
        FollowedTime after = before.narrowedBy(reading(NOON.plusNanos(ms(1_001) + 500_000), 1_000, 1_004));

        assertThat(after.error()).isLessThan(Duration.ofMillis(2));
        assertThat(after.at(ms(1_004))).isBetween(NOON.plusMillis(1_001), NOON.plusMillis(1_006));
    }

    @Test
    void a_process_that_was_frozen_between_question_and_answer_believes_the_reading_before() {
        FollowedTime before = reading(NOON, 0, 2);

        FollowedTime after = before.narrowedBy(reading(NOON.plusSeconds(1), 1_000, 151_000));

        assertThat(after.at(ms(151_000)))
                .isBetween(
                        NOON.plusSeconds(151).minusMillis(160),
                        NOON.plusSeconds(151).plusMillis(160));
    }
}
