package dev.larder.catalog;

import java.time.DateTimeException;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads a duration in whole seconds: {@code 90s}, {@code 10m}, {@code 8h}, {@code 7d}, or ISO 8601
 * ({@code PT8H}).
 */
final class Durations {

    private static final Pattern SHORT = Pattern.compile("([0-9]{1,9})([smhd])");
    private static final int LENGTH_MAX = 64;

    private Durations() {}

    /** Empty where the text is none. A day has 24 hours. */
    static Optional<Duration> read(String text) {
        Matcher parts = SHORT.matcher(text);
        if (parts.matches()) {
            return Optional.of(of(Long.parseLong(parts.group(1)), parts.group(2)));
        }
        try {
            Duration duration = text.length() > LENGTH_MAX ? Duration.ofNanos(1) : Duration.parse(text);
            return duration.getNano() == 0 ? Optional.of(duration) : Optional.empty();
        } catch (DateTimeException | ArithmeticException notADuration) {
            return Optional.empty();
        }
    }

    private static Duration of(long amount, String unit) {
        return switch (unit) {
            case "s" -> Duration.ofSeconds(amount);
            case "m" -> Duration.ofMinutes(amount);
            case "h" -> Duration.ofHours(amount);
            default -> Duration.ofDays(amount);
        };
    }
}
