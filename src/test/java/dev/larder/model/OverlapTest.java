package dev.larder.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Overlap against brute force: a calendar of days, and sets of numbers that never saw the parser. */
class OverlapTest {

    /** Within 28 years of the Julian cycle every date, 29 February too, falls on every day of the week. */
    private static final LocalDate FIRST_DAY = LocalDate.of(2001, 1, 1);

    private static final LocalDate LAST_DAY = LocalDate.of(2028, 12, 31);

    private record Field(String text, Set<Integer> values, boolean any) {}

    private record Generated(Field hours, Field daysOfMonth, Field months, Field daysOfWeek) {

        String cron() {
            return "* %s %s %s %s".formatted(hours.text(), daysOfMonth.text(), months.text(), daysOfWeek.text());
        }

        boolean matches(LocalDate day) {
            boolean byMonth = daysOfMonth.values().contains(day.getDayOfMonth());
            boolean byWeek = daysOfWeek.values().contains(day.getDayOfWeek().getValue() % 7);
            boolean either = !daysOfMonth.any() && !daysOfWeek.any();
            return months.values().contains(day.getMonthValue()) && (either ? byMonth || byWeek : byMonth && byWeek);
        }

        BitSet days() {
            BitSet days = new BitSet();
            for (LocalDate day = FIRST_DAY; !day.isAfter(LAST_DAY); day = day.plusDays(1)) {
                days.set((int) (day.toEpochDay() - FIRST_DAY.toEpochDay()), matches(day));
            }
            return days;
        }
    }

    @Test
    void every_date_falls_on_every_day_of_the_week_within_the_calendars_cycle() {
        Set<List<Integer>> seen = new HashSet<>();

        for (LocalDate day = FIRST_DAY; !day.isAfter(LAST_DAY); day = day.plusDays(1)) {
            seen.add(List.of(
                    day.getMonthValue(), day.getDayOfMonth(), day.getDayOfWeek().getValue()));
        }

        assertThat(seen).hasSize(366 * 7);
    }

    @Test
    void overlap_is_what_going_through_the_days_finds() {
        long seed = new Random().nextLong();
        System.out.println("seed of overlap_is_what_going_through_the_days_finds: " + seed);
        Random random = new Random(seed);
        List<Generated> generated = new ArrayList<>();
        List<BitSet> days = new ArrayList<>();
        for (int i = 0; i < 120; i++) {
            Generated next = generate(random);
            generated.add(next);
            days.add(next.days());
        }

        int overlapping = 0;
        for (int i = 0; i < generated.size(); i++) {
            for (int j = 0; j < i; j++) {
                boolean expected = overlap(generated.get(j), days.get(j), generated.get(i), days.get(i));
                List<Schedule> both = List.of(
                        new Schedule(generated.get(j).cron(), 1),
                        new Schedule(generated.get(i).cron(), 2));

                assertThat(Schedules.validate(both, "UTC"))
                        .as("%s", both)
                        .extracting(Refusal::code)
                        .isEqualTo(expected ? List.of("overlapping_schedules") : List.of());
                overlapping += expected ? 1 : 0;
            }
        }

        // Both answers must have been asked for.
        assertThat(overlapping).isBetween(200, 120 * 119 / 2 - 200);
    }

    private static boolean overlap(Generated first, BitSet firstDays, Generated second, BitSet secondDays) {
        Set<Integer> hours = new HashSet<>(first.hours().values());
        hours.retainAll(second.hours().values());
        return !hours.isEmpty() && firstDays.intersects(secondDays);
    }

    private static Generated generate(Random random) {
        return new Generated(
                field(random, 0, 23, 5), field(random, 1, 31, 2), field(random, 1, 12, 2), field(random, 0, 6, 2));
    }

    private static Field field(Random random, int first, int last, int restrictedOf6) {
        if (random.nextInt(6) >= restrictedOf6) {
            return new Field("*", range(first, last, 1), true);
        }
        List<String> texts = new ArrayList<>();
        Set<Integer> values = new TreeSet<>();
        for (int parts = 1 + random.nextInt(2); parts > 0; parts--) {
            int from = first + random.nextInt(last - first + 1);
            int to = from + random.nextInt(Math.min(last - from, 4) + 1);
            int step = 1 + random.nextInt(3);
            switch (random.nextInt(3)) {
                case 0 -> {
                    texts.add(String.valueOf(from));
                    values.add(from);
                }
                case 1 -> {
                    texts.add(from + "-" + to);
                    values.addAll(range(from, to, 1));
                }
                default -> {
                    texts.add(from + "-" + to + "/" + step);
                    values.addAll(range(from, to, step));
                }
            }
        }
        return new Field(String.join(",", texts), values, false);
    }

    private static Set<Integer> range(int from, int to, int step) {
        Set<Integer> values = new TreeSet<>();
        for (int value = from; value <= to; value += step) {
            values.add(value);
        }
        return values;
    }
}
