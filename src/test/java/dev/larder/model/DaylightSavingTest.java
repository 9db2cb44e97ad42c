package dev.larder.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.temporal.ChronoUnit;
import java.time.zone.ZoneOffsetTransition;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Every change of every IANA zone's offset within five years before and after, against minutes walked with {@link
 * ZonedDateTime}.
 */
class DaylightSavingTest {

    private static final ZonedDateTime NOW = ZonedDateTime.parse("2026-11-20T00:00:00Z");
    private static final Duration AROUND = Duration.ofHours(3);

    private static final List<Schedule> BY_HOUR = schedules(0, 23, "* %d * * *");
    private static final List<Schedule> BY_DAY_OF_MONTH = schedules(1, 31, "* * %d * *");
    private static final List<Schedule> BY_DAY_OF_WEEK = schedules(0, 6, "* * * * %d");
    private static final List<Schedule> SOME_HOURS =
            List.of(new Schedule("* 23 * * *", 1), new Schedule("* 1-2 * * 0", 2), new Schedule("* 3 * * *", 3));

    private record Change(Instant at, ZoneOffset before, ZoneOffset after) {}

    private static List<Schedule> schedules(int first, int last, String cron) {
        return IntStream.rangeClosed(first, last)
                .mapToObj(number -> new Schedule(cron.formatted(number), number))
                .toList();
    }

    @Test
    void schedules_follow_the_wall_clock_around_every_change_of_every_zone() {
        Set<Change> walked = new HashSet<>();
        int skipping = 0;
        int repeating = 0;

        for (String zone : new TreeSet<>(ZoneId.getAvailableZoneIds())) {
            for (ZoneOffsetTransition change : changes(ZoneId.of(zone))) {
                if (walked.add(new Change(change.getInstant(), change.getOffsetBefore(), change.getOffsetAfter()))) {
                    walk(zone, change.getInstant());
                    skipping += change.isGap() ? 1 : 0;
                    repeating += change.isOverlap() ? 1 : 0;
                }
            }
        }

        System.out.println("changes of offset walked: " + skipping + " skipping, " + repeating + " repeating");
        assertThat(skipping).isGreaterThan(100);
        assertThat(repeating).isGreaterThan(100);
    }

    private static List<ZoneOffsetTransition> changes(ZoneId zone) {
        List<ZoneOffsetTransition> changes = new ArrayList<>();
        Instant end = NOW.plusYears(5).toInstant();
        ZoneOffsetTransition next =
                zone.getRules().nextTransition(NOW.minusYears(5).toInstant());
        while (next != null && next.getInstant().isBefore(end)) {
            changes.add(next);
            next = zone.getRules().nextTransition(next.getInstant());
        }
        return changes;
    }

    private static void walk(String zone, Instant change) {
        Schedules byHour = usable(BY_HOUR, zone);
        Schedules byDayOfMonth = usable(BY_DAY_OF_MONTH, zone);
        Schedules byDayOfWeek = usable(BY_DAY_OF_WEEK, zone);
        Schedules someHours = usable(SOME_HOURS, zone);
        List<Instant> hourEdges = new ArrayList<>();
        List<Instant> someEdges = new ArrayList<>();
        Instant end = change.plus(AROUND);

        ZonedDateTime minute = change.minus(AROUND).atZone(ZoneId.of(zone));
        int hourBefore = minute.getHour();
        int someBefore = some(minute);
        for (; minute.toInstant().isBefore(end); minute = minute.plus(1, ChronoUnit.MINUTES)) {
            Instant at = minute.toInstant();
            expect(byHour, at, minute.getHour(), zone);
            expect(byHour, at.plusNanos(59_999_999_999L), minute.getHour(), zone);
            expect(byDayOfMonth, at, minute.getDayOfMonth() - 1, zone);
            expect(byDayOfWeek, at, minute.getDayOfWeek().getValue() % 7, zone);
            expect(someHours, at, some(minute), zone);
            if (minute.getHour() != hourBefore) {
                hourEdges.add(at);
            }
            if (some(minute) != someBefore) {
                someEdges.add(at);
            }
            hourBefore = minute.getHour();
            someBefore = some(minute);
        }

        assertThat(edges(byHour, change.minus(AROUND), end)).as(zone).isEqualTo(hourEdges);
        assertThat(edges(someHours, change.minus(AROUND), end)).as(zone).isEqualTo(someEdges);
    }

    private static Schedules usable(List<Schedule> schedules, String zone) {
        Schedules read = Schedules.of(schedules, zone);
        assertThat(read.refusals()).as(zone).isEmpty();
        return read;
    }

    /** What {@link #SOME_HOURS} means, said again. */
    private static int some(ZonedDateTime minute) {
        return switch (minute.getHour()) {
            case 23 -> 0;
            case 1, 2 -> minute.getDayOfWeek().getValue() == 7 ? 1 : -1;
            case 3 -> 2;
            default -> -1;
        };
    }

    private static void expect(Schedules schedules, Instant at, int index, String zone) {
        if (schedules.matchingAt(at).orElse(-1) != index) {
            throw new AssertionError(
                    "%s at %s: expected schedule %d but was %s".formatted(zone, at, index, schedules.matchingAt(at)));
        }
    }

    private static List<Instant> edges(Schedules schedules, Instant from, Instant end) {
        List<Instant> edges = new ArrayList<>();
        Instant at = from;
        while (true) {
            at = schedules.nextEdge(at).orElse(end);
            if (!at.isBefore(end)) {
                return edges;
            }
            edges.add(at);
        }
    }
}
