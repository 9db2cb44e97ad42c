package dev.larder.model;

import com.cronutils.model.Cron;
import com.cronutils.model.CronType;
import com.cronutils.model.definition.CronDefinitionBuilder;
import com.cronutils.model.field.CronFieldName;
import com.cronutils.model.field.expression.Always;
import com.cronutils.model.field.expression.And;
import com.cronutils.model.field.expression.Between;
import com.cronutils.model.field.expression.Every;
import com.cronutils.model.field.expression.FieldExpression;
import com.cronutils.model.field.expression.On;
import com.cronutils.model.field.value.FieldValue;
import com.cronutils.model.field.value.IntegerFieldValue;
import com.cronutils.parser.CronParser;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.Month;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The local hours that a cron whose minute is {@code *} covers, as bit sets, so that asking costs nanoseconds.
 *
 * <p>Read as a continuous range: {@code * 9-18 * * 1-5} holds from 09:00:00 up to but not including 19:00:00
 * (design, section 2.4). What the five fields may hold is what cron-utils accepts for UNIX: numbers, names
 * ({@code MON}, {@code JAN}), lists, ascending ranges and steps. Sunday is 0 and 7; a step without an end
 * (<code>*&#47;2</code>, {@code 1/2}) ends with Saturday.
 *
 * <p>Where the day of the month and the day of the week are both restricted, a day that meets <em>either</em>
 * matches, as in Vixie cron; a field is restricted unless it is {@code *} (or <code>*&#47;1</code>).
 *
 * @param hours bits 0 to 23
 * @param daysOfMonth bits 1 to 31
 * @param months bits 1 to 12
 * @param daysOfWeek bits 0 (Sunday) to 6
 * @param eitherDay both day fields are restricted, and one of them is enough
 */
public record CronRange(int hours, int daysOfMonth, int months, int daysOfWeek, boolean eitherDay) {

    /** The longest cron that is read at all. */
    public static final int MAX_LENGTH = 256;

    private static final CronParser PARSER = new CronParser(CronDefinitionBuilder.instanceDefinitionFor(CronType.UNIX));

    // Narrower than the parser, which also takes '|' (several crons in one), '+' and other alphabets' digits.
    private static final Pattern READABLE = Pattern.compile("[A-Za-z0-9*,/\\- ]+");

    /** What became of a cron that was read. */
    public sealed interface Parsed {

        record Valid(CronRange range) implements Parsed {}

        /** @param refusal {@code invalid_cron} or {@code cron_minute_not_any}; its field is {@code cron} */
        record Refused(Refusal refusal) implements Parsed {}
    }

    /** Reads a cron of any origin; a bad one is an answer, never a fault. */
    public static Parsed parse(String cron) {
        if (cron.length() > MAX_LENGTH) {
            return refused("invalid_cron", "a cron has at most " + MAX_LENGTH + " characters");
        }
        if (!READABLE.matcher(cron).matches()) {
            return refused("invalid_cron", "a cron is five fields of digits, names, '*', ',', '-' and '/'");
        }
        try {
            Cron parsed = PARSER.parse(cron);
            return cron.strip().startsWith("* ")
                    ? new Parsed.Valid(of(parsed))
                    : refused(
                            "cron_minute_not_any",
                            "the minute of a schedule's cron must be '*': it is a range of hours");
        } catch (IllegalArgumentException invalid) {
            return refused("invalid_cron", "not a five-field cron: " + invalid.getMessage());
        }
    }

    private static Parsed refused(String code, String detail) {
        return new Parsed.Refused(new Refusal(code, "cron", detail));
    }

    private static CronRange of(Cron cron) {
        FieldExpression daysOfMonth = expression(cron, CronFieldName.DAY_OF_MONTH);
        FieldExpression daysOfWeek = expression(cron, CronFieldName.DAY_OF_WEEK);
        int weekdays = bits(daysOfWeek, 0, 6);
        return new CronRange(
                bits(expression(cron, CronFieldName.HOUR), 0, 23),
                bits(daysOfMonth, 1, 31),
                bits(expression(cron, CronFieldName.MONTH), 1, 12),
                (weekdays | weekdays >>> 7) & 0b111_1111,
                !(daysOfMonth instanceof Always) && !(daysOfWeek instanceof Always));
    }

    private static FieldExpression expression(Cron cron, CronFieldName field) {
        return cron.retrieve(field).getExpression();
    }

    private static int bits(FieldExpression expression, int first, int last) {
        return switch (expression) {
            case Always any -> range(first, last, 1);
            case On on -> 1 << number(on.getTime());
            case Between between -> range(number(between.getFrom()), number(between.getTo()), 1);
            case Every every -> stepped(every, first, last);
            case And and ->
                and.getExpressions().stream()
                        .mapToInt(part -> bits(part, first, last))
                        .reduce(0, (left, right) -> left | right);
            default -> throw new IllegalArgumentException("'" + expression.asString() + "' is not supported");
        };
    }

    private static int stepped(Every every, int first, int last) {
        int step = number(every.getPeriod());
        return switch (every.getExpression()) {
            case Always any -> range(first, last, step);
            case On on -> range(number(on.getTime()), last, step);
            case Between between -> range(number(between.getFrom()), number(between.getTo()), step);
            default -> throw new IllegalArgumentException("'" + every.asString() + "' is not supported");
        };
    }

    private static int number(FieldValue<?> value) {
        if (value instanceof IntegerFieldValue integer) {
            return integer.getValue();
        }
        throw new IllegalArgumentException("'" + value + "' is not a number");
    }

    private static int range(int from, int to, int step) {
        if (step < 1) {
            throw new IllegalArgumentException("a step is at least 1");
        }
        int bits = 0;
        for (int value = from; value <= to; value += step) {
            bits |= 1 << value;
        }
        return bits;
    }

    /** Whether this wall-clock time is covered; minutes and less do not matter. */
    public boolean matches(LocalDateTime local) {
        return matches(local.toLocalDate(), local.getHour());
    }

    boolean matches(LocalDate day, int hour) {
        return has(hours, hour)
                && matchesDay(
                        day.getMonthValue(),
                        day.getDayOfMonth(),
                        day.getDayOfWeek().getValue() % 7);
    }

    private boolean matchesDay(int month, int dayOfMonth, int dayOfWeek) {
        if (!has(months, month)) {
            return false;
        }
        boolean byMonth = has(daysOfMonth, dayOfMonth);
        boolean byWeek = has(daysOfWeek, dayOfWeek);
        return eitherDay ? byMonth || byWeek : byMonth && byWeek;
    }

    /**
     * An hour that both cover, in words; empty when there is none, ever. Every date falls on every day of the
     * week within the calendar's 400 years, so going through dates and days of the week is exact.
     */
    Optional<String> overlap(CronRange other) {
        int sharedHours = hours & other.hours;
        if (sharedHours == 0) {
            return Optional.empty();
        }
        for (Month month : Month.values()) {
            for (int day = 1; day <= month.maxLength(); day++) {
                for (int weekday = 0; weekday < 7; weekday++) {
                    if (matchesDay(month.getValue(), day, weekday)
                            && other.matchesDay(month.getValue(), day, weekday)) {
                        return Optional.of(words(month, day, weekday, Integer.numberOfTrailingZeros(sharedHours)));
                    }
                }
            }
        }
        return Optional.empty();
    }

    private static String words(Month month, int day, int weekday, int hour) {
        String[] names = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
        return String.format(
                Locale.ROOT, "at %02d:00 on a %s that is %02d-%02d", hour, names[weekday], month.getValue(), day);
    }

    private static boolean has(int bits, int value) {
        return (bits >>> value & 1) != 0;
    }
}
