package dev.larder.http;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** How long a call may wait for a result, from the header {@code Prefer: wait=20} (RFC 7240). */
public final class PreferWait {

    private static final Pattern WAIT = Pattern.compile("wait\\s*=\\s*([0-9]{1,9}|\"[0-9]{1,9}\")");
    private static final Pattern OF_THAT_NAME = Pattern.compile("wait\\s*(=.*)?");
    private static final Duration MOST = Duration.ofSeconds(60);

    private PreferWait() {}

    /**
     * Reads the header. Other preferences are ignored, as RFC 7240 requires. {@code respond-async} beside
     * {@code wait} means the time to wait (section 4.3).
     *
     * @return at most a minute; empty where the header names no time
     */
    public static Optional<Duration> of(@Nullable String prefer) {
        if (prefer == null) {
            return Optional.empty();
        }
        boolean atOnce = false;
        for (String preference : prefer.toLowerCase(Locale.ROOT).split(",", -1)) {
            String word = preference.split(";", 2)[0].strip();
            if (OF_THAT_NAME.matcher(word).matches()) {
                return Optional.of(time(word));
            }
            atOnce = atOnce || word.equals("respond-async");
        }
        return atOnce ? Optional.of(Duration.ZERO) : Optional.empty();
    }

    private static Duration time(String word) {
        Matcher wait = WAIT.matcher(word);
        if (!wait.matches()) {
            throw Problem.badRequest("invalid_prefer", "Prefer", "must be like wait=20, in seconds.");
        }
        Duration wanted = Duration.ofSeconds(Long.parseLong(wait.group(1).replace("\"", "")));
        return wanted.compareTo(MOST) > 0 ? MOST : wanted;
    }
}
