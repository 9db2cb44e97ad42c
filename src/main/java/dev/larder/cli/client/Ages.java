package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.function.Function;

/** How long ago something was, short: {@code 45s}, {@code 12m}, {@code 5h}, {@code 3d}. */
final class Ages {

    private static final long MINUTES_FROM = 120;
    private static final long HOURS_FROM = 120 * 60;
    private static final long DAYS_FROM = 48 * 3600;

    private Ages() {}

    /** @param now the server's time */
    static Function<JsonNode, String> since(String field, Instant now) {
        return row -> of(Json.text(row, field), now);
    }

    private static String of(String instant, Instant now) {
        try {
            return instant.isEmpty() ? "" : of(Duration.between(Instant.parse(instant), now));
        } catch (DateTimeException otherForm) {
            return instant;
        }
    }

    static String of(Duration age) {
        long seconds = Math.max(0, age.toSeconds());
        if (seconds < MINUTES_FROM) {
            return seconds + "s";
        }
        if (seconds < HOURS_FROM) {
            return age.toMinutes() + "m";
        }
        return seconds < DAYS_FROM ? age.toHours() + "h" : age.toDays() + "d";
    }
}
