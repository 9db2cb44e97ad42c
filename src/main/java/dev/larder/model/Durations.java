package dev.larder.model;

import java.time.DateTimeException;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How a duration is written in declarations, in bodies and parameters of calls, and on the command line (decision
 * 0043). Both forms are read: the short one ({@code 90s}, {@code 10m}, {@code 1h30m}, {@code 7d}) and ISO 8601
 * ({@code PT1H30M}). The short one is written.
 */
public final class Durations {

    /** What a refusal says after "must be". */
    public static final String EXAMPLES = "a duration like 90s, 10m, 1h30m, 7d or PT8H";

    private static final Pattern SHORT =
            Pattern.compile("(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?");

    /** Long enough for every ISO duration that a person writes; the parser of the JDK takes longer ones too. */
    private static final int LENGTH_MAX = 64;

    private Durations() {}

    /**
     * Reads a duration of whole seconds, zero or more. A day has 24 hours. Bounds are the caller's.
     *
     * @return empty where the text is no duration, has a sign or a fraction of a second, or is too large
     */
    public static Optional<Duration> read(String text) {
        if (text.isEmpty() || text.length() > LENGTH_MAX) {
            return Optional.empty();
        }
        Matcher parts = SHORT.matcher(text);
        return parts.matches() ? Optional.of(sum(parts)) : iso(text);
    }

    private static Duration sum(Matcher parts) {
        return Duration.ofDays(amount(parts, 1))
                .plusHours(amount(parts, 2))
                .plusMinutes(amount(parts, 3))
                .plusSeconds(amount(parts, 4));
    }

    private static long amount(Matcher parts, int unit) {
        String digits = parts.group(unit);
        return digits == null ? 0 : Long.parseLong(digits);
    }

    private static Optional<Duration> iso(String text) {
        if (text.indexOf('-') >= 0 || text.indexOf('+') >= 0) {
            // The JDK reads PT1H-30M as half an hour.
            return Optional.empty();
        }
        try {
            Duration duration = Duration.parse(text);
            return duration.getNano() == 0 ? Optional.of(duration) : Optional.empty();
        } catch (DateTimeException | ArithmeticException notADuration) {
            return Optional.empty();
        }
    }

    /**
     * The short form, with the largest units first: {@code 1d12h}, {@code 1m30s}, {@code 0s}. {@link #read} gives the
     * same duration.
     *
     * @param duration not negative; a fraction of a second is left out
     */
    public static String written(Duration duration) {
        String text = part(duration.toDays(), "d")
                + part(duration.toHoursPart(), "h")
                + part(duration.toMinutesPart(), "m")
                + part(duration.toSecondsPart(), "s");
        return text.isEmpty() ? "0s" : text;
    }

    private static String part(long amount, String unit) {
        return amount == 0 ? "" : amount + unit;
    }
}
