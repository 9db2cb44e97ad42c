package dev.larder.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SchedulesTest {

    private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");

    private static boolean matches(String cron, String local) {
        Instant at = LocalDateTime.parse(local).atZone(BERLIN).toInstant();
        return Schedules.matches(new Schedule(cron, 1), BERLIN, at);
    }

    private static List<Refusal> validate(@Nullable String timezone, String... crons) {
        return Schedules.validate(
                Stream.of(crons).map(cron -> new Schedule(cron, 1)).toList(), timezone);
    }

    // What matches

    @ParameterizedTest
    @CsvSource({
        "2026-11-20T08:59:59.999999999, false",
        "2026-11-20T09:00:00, true",
        "2026-11-20T18:59:59.999999999, true",
        "2026-11-20T19:00:00, false",
        "2026-11-21T12:00:00, false", // a Saturday
        "2026-11-23T12:00:00, true",
    })
    void a_range_includes_its_first_instant_and_excludes_its_end(String local, boolean matches) {
        assertThat(matches("* 9-18 * * 1-5", local)).isEqualTo(matches);
    }

    /** Days are those of the week of Sunday, 2026-11-22, as digits 0 to 6. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0       | 0",
                "7       | 0",
                "SUN     | 0",
                "sun,Wed | 03",
                "5-7     | 056",
                "FRI-SUN | 056",
                "0-7     | 0123456",
                "1-5/2   | 135",
                "*/2     | 0246",
                "*/3     | 036",
                "3/2     | 35",
                "1,7     | 01",
            })
    void days_of_the_week_are_numbers_names_ranges_and_steps(String field, String days) {
        Set<Integer> expected =
                new HashSet<>(days.chars().map(c -> c - '0').boxed().toList());

        Set<Integer> matching = new HashSet<>(IntStream.range(0, 7)
                .filter(day -> matches("* * * * " + field, "2026-11-" + (22 + day) + "T12:00:00"))
                .boxed()
                .toList());

        assertThat(matching).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "* */5 * * *          | 0 5 10 15 20",
                "* 3/8 * * *          | 3 11 19",
                "* 9,11-12,*/12 * * * | 0 9 11 12",
                "* 8-12/2 * * *       | 8 10 12",
                "*  09\u0020 * * *    | 9",
                "* * * NOV *          | 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23",
                "* * * JAN-OCT,12 *   | ''",
                "* 23 31 2 *          | ''",
            })
    void hours_and_months_are_numbers_lists_ranges_names_and_steps(String cron, String hours) {
        List<String> expected = hours.isEmpty() ? List.of() : List.of(hours.split(" "));

        List<String> matching = IntStream.range(0, 24)
                .filter(hour -> matches(cron, "2026-11-20T%02d:30:00".formatted(hour)))
                .mapToObj(String::valueOf)
                .toList();

        assertThat(matching).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "* * 1 * *     | 1",
                "* * * * MON   | 2 9 16 23 30",
                "* * 1 * MON   | 1 2 9 16 23 30",
                "* * 1 * */1   | 1",
                "* * */15 * *  | 1 16 31",
                "* * */15 * 1  | 1 2 9 16 23 30 31",
            })
    void either_day_field_is_enough_where_both_are_restricted(String cron, String days) {
        List<String> expected =
                Stream.of(days.split(" ")).filter(day -> !day.equals("31")).toList();

        List<String> matching = IntStream.rangeClosed(1, 30)
                .filter(day -> matches(cron, LocalDate.of(2026, 11, day) + "T12:00:00"))
                .mapToObj(String::valueOf)
                .toList();

        assertThat(matching).isEqualTo(expected);
    }

    @Test
    void a_skipped_hour_never_matches_and_a_repeated_one_matches_twice() {
        Schedule two = new Schedule("* 2 * * *", 1);

        assertThat(minutesMatching(two, "2026-03-29")).isZero();
        assertThat(minutesMatching(two, "2026-10-25")).isEqualTo(120);
        assertThat(minutesMatching(two, "2026-10-26")).isEqualTo(60);
    }

    private static long minutesMatching(Schedule schedule, String day) {
        Instant midnight = LocalDate.parse(day).atStartOfDay(BERLIN).toInstant();
        return IntStream.range(0, 6 * 60)
                .filter(minute -> Schedules.matches(schedule, BERLIN, midnight.plusSeconds(60L * minute)))
                .count();
    }

    @Test
    void the_first_that_matches_is_told_by_its_index() {
        var schedules = Schedules.of(List.of(new Schedule("* 9 * * *", 2), new Schedule("* 10-11 * * *", 3)), null);

        assertThat(schedules.refusals()).isEmpty();
        assertThat(schedules.matchingAt(Instant.parse("2026-11-20T09:30:00Z"))).hasValue(0);
        assertThat(schedules.matchingAt(Instant.parse("2026-11-20T11:59:59Z"))).hasValue(1);
        assertThat(schedules.matchingAt(Instant.parse("2026-11-20T12:00:00Z"))).isEmpty();
    }

    @Test
    void schedules_that_should_have_been_refused_match_never() {
        var schedules = Schedules.of(List.of(new Schedule("* * * * *", 2), new Schedule("nonsense", 3)), "UTC");

        assertThat(schedules.refusals()).hasSize(1);
        assertThat(schedules.matchingAt(Instant.parse("2026-11-20T09:30:00Z"))).isEmpty();
        assertThat(schedules.nextEdge(Instant.parse("2026-11-20T09:30:00Z"))).isEmpty();
    }

    // What is refused

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "*",
                "* * * *",
                "* * * * * *",
                "60 * * * *",
                "* 24 * * *",
                "* -1 * * *",
                "* * 0 * *",
                "* * 32 * *",
                "* * * 13 *",
                "* * * 0 *",
                "* * * * 8",
                "* 22-2 * * *",
                "* * * * SAT-MON",
                "* */0 * * *",
                "* */-1 * * *",
                "* 1- * * *",
                "* 1,,2 * * *",
                "* 1, * * *",
                "* 1/2/3 * * *",
                "* ** * * *",
                "* * L * *",
                "* * 1W * *",
                "* * * * 1#2",
                "* * ? * *",
                "* H * * *",
                "* * * FOO *",
                "* 99999999999 * * *",
                "* 9.5 * * *",
                "* 9|10 * * *",
                "* 9 * * *||* 10 * * *",
                "* +9 * * *",
                "* \u0663 * * *",
                "* 9 * * *\n",
                "*\t9 * * *",
                "* 9 * * *\u0000",
                "@daily",
                "@every 1h",
                "TZ=UTC * * * * *",
                "nonsense",
            })
    void what_is_no_five_field_cron_is_refused(String cron) {
        assertThat(validate("UTC", cron)).singleElement().satisfies(refusal -> {
            assertThat(refusal.code()).isEqualTo("invalid_cron");
            assertThat(refusal.field()).isEqualTo("schedules[0].cron");
            assertThat(refusal.detail()).isNotBlank();
        });
    }

    @Test
    void a_huge_cron_is_refused_and_not_repeated() {
        String huge = "* " + "1,".repeat(1_000_000) + "1 * * *";

        assertThat(validate("UTC", huge)).singleElement().satisfies(refusal -> {
            assertThat(refusal.code()).isEqualTo("invalid_cron");
            assertThat(refusal.detail()).hasSizeLessThan(200);
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"0 9 * * *", "*/5 9 * * *", "*/1 9 * * *", "0-59 * * * *", "*,1 * * * *", "  5 * * * *"})
    void a_minute_other_than_any_is_refused(String cron) {
        assertThat(validate("UTC", "* 1 * * *", cron)).singleElement().satisfies(refusal -> {
            assertThat(refusal.code()).isEqualTo("cron_minute_not_any");
            assertThat(refusal.field()).isEqualTo("schedules[1].cron");
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "Moon/Tycho", "europe/berlin", "+02:00", "UTC+2", "Z", "CEST", "Europe/Berlin "})
    void an_unknown_timezone_is_refused(String timezone) {
        assertThat(validate(timezone, "* 1 * * *"))
                .extracting(Refusal::code, Refusal::field)
                .containsExactly(org.assertj.core.groups.Tuple.tuple("unknown_timezone", "timezone"));
    }

    @Test
    void without_a_timezone_schedules_are_in_utc() {
        assertThat(validate(null, "* 1 * * *")).isEmpty();
        assertThat(Schedules.of(List.of(new Schedule("* 1 * * *", 1)), null)
                        .matchingAt(Instant.parse("2026-11-20T01:00:00Z")))
                .hasValue(0);
    }

    @Test
    void everything_wrong_is_told_at_once() {
        assertThat(validate("Moon/Tycho", "* 1 * * *", "bad", "5 * * * *", "* 0-1 * * *", "* 2 * * *"))
                .extracting(refusal -> refusal.field() + " " + refusal.code())
                .containsExactly(
                        "timezone unknown_timezone",
                        "schedules[1].cron invalid_cron",
                        "schedules[2].cron cron_minute_not_any",
                        "schedules[3].cron overlapping_schedules");
    }

    @Test
    void more_schedules_than_can_be_meant_are_refused_unread() {
        String[] many = IntStream.range(0, 100_000).mapToObj(i -> "* * * * *").toArray(String[]::new);

        assertThat(validate("UTC", many)).extracting(Refusal::code).containsExactly("too_many_schedules");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "* 9-12 * * *    | * 12-13 * * *   | true",
                "* 9-12 * * *    | * 13-14 * * *   | false",
                "* 9 * * 1-5     | * 9 * * 6,7     | false",
                "* 9 * * 0       | * 9 * * 7       | true",
                "* 9 * * 1       | * 9 1 * *       | true",
                "* 9 * 2 *       | * 9 30 * *      | false",
                "* 9 29 2 *      | * 9 * 2 SUN     | true",
                "* 9 1 * MON     | * 9 2 * *       | true",
                "* 9 1-15 1 *    | * 9 16-31 1 *   | false",
                "* 9 31 * *      | * 9 * 4,6,9,11 * | false",
                "* 9 31 2 *      | * 9 31 2 *      | false",
                "* */2 * * *     | * 1/2 * * *     | false",
            })
    void overlapping_schedules_are_refused(String first, String second, boolean overlap) {
        assertThat(validate("UTC", first, second))
                .extracting(Refusal::code)
                .isEqualTo(overlap ? List.of("overlapping_schedules") : List.of());
    }

    @Test
    void an_overlap_names_the_other_one_and_an_instance_of_it() {
        assertThat(validate("UTC", "* 9-12 * * 1", "* 20 * * *", "* 12 1 * *"))
                .containsExactly(new Refusal(
                        "overlapping_schedules",
                        "schedules[2].cron",
                        "overlaps schedules[0], for instance at 12:00 on a Monday that is 01-01"));
    }
}
