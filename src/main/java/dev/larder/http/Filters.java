package dev.larder.http;

import dev.larder.model.Durations;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Values of query parameters that say which items a list shows. What cannot be read is a 400 problem. */
public final class Filters {

    /** What the parameter {@code dryRun} of a call that changes all that match says of itself. */
    public static final String DRY_RUN = "true: counts what matches, up to 10,000, and changes nothing";

    /** What its parameter {@code after} says of itself. */
    public static final String BULK_AFTER = "The next of the answer before, to go on behind it";

    /** What the parameter {@code since} says of itself. */
    public static final String SINCE = "Only what was created since this time, or in the last 90s, 10m, 7d";

    /** What the parameter {@code status} says of itself. */
    public static final String STATUS = "Only with this status";

    /** What the parameter {@code organization} says of itself. */
    public static final String ORGANIZATION = "Only of this organization, by name or id";

    /** What the parameter {@code owner} says of itself. */
    public static final String OWNER = "Only of this user, by name or id";

    private static final Duration SINCE_MAX = Duration.ofDays(36_500);

    private Filters() {}

    /** A status, one of these words. Code {@code unknown_status}. */
    public static Optional<String> status(@Nullable String value, List<String> words) {
        return word("status", value, words);
    }

    /** One of these words. Code {@code unknown_} and the parameter. */
    public static Optional<String> word(String parameter, @Nullable String value, List<String> words) {
        if (value != null && !words.contains(value)) {
            String code = "unknown_" + parameter;
            throw Problem.badRequest(code, parameter, "must be one of " + String.join(", ", words) + ".");
        }
        return Optional.ofNullable(value);
    }

    /** A text that PostgreSQL can compare. Code {@code invalid_text}. */
    public static Optional<String> text(String parameter, @Nullable String value) {
        if (value != null && (value.isEmpty() || value.indexOf('\0') >= 0)) {
            throw Problem.badRequest("invalid_text", parameter, "must not be empty or contain the character U+0000.");
        }
        return Optional.ofNullable(value);
    }

    /** Code {@code invalid_value}; false without the parameter. */
    public static boolean flag(String parameter, @Nullable String value) {
        if (value != null && !value.equals("true") && !value.equals("false")) {
            throw Problem.badRequest("invalid_value", parameter, "must be true or false.");
        }
        return "true".equals(value);
    }

    /** A time within a century of now, or a duration back. Code {@code invalid_since}. */
    public static Optional<Instant> since(@Nullable String value, Instant now) {
        return Optional.ofNullable(value).map(text -> {
            Optional<Instant> since = Durations.read(text)
                    .filter(back -> back.compareTo(SINCE_MAX) <= 0)
                    .map(now::minus)
                    .or(() -> time(text));
            return since.filter(time -> Duration.between(time, now).abs().compareTo(SINCE_MAX) <= 0)
                    .orElseThrow(() -> Problem.badRequest(
                            "invalid_since",
                            "since",
                            "must be a time like 2026-11-20T09:00:00Z, or " + Durations.EXAMPLES + " back."));
        });
    }

    private static Optional<Instant> time(String text) {
        try {
            return Optional.of(OffsetDateTime.parse(text).toInstant());
        } catch (DateTimeException notATime) {
            return Optional.empty();
        }
    }
}
