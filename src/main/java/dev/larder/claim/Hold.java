package dev.larder.claim;

import dev.larder.http.Problem;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** How long a call is to hold for a claim that waits, as {@code Prefer} (RFC 7240) says it. */
final class Hold {

    private static final Pattern WAIT = Pattern.compile("wait\\s*=\\s*\"?([0-9]{1,9})\"?");
    private static final Duration MOST = Duration.ofSeconds(60);

    private Hold() {}

    /**
     * Preferences of other names are not for us and are passed over, as the standard wants it.
     *
     * @return empty where nothing was preferred; at most a minute
     */
    static Optional<Duration> of(@Nullable String prefer) {
        if (prefer == null) {
            return Optional.empty();
        }
        for (String preference : prefer.toLowerCase(Locale.ROOT).split("[,;]", -1)) {
            String word = preference.strip();
            Matcher wait = WAIT.matcher(word);
            if (word.equals("respond-async")) {
                return Optional.of(Duration.ZERO);
            }
            if (wait.matches()) {
                Duration wanted = Duration.ofSeconds(Long.parseLong(wait.group(1)));
                return Optional.of(wanted.compareTo(MOST) > 0 ? MOST : wanted);
            }
            if (word.startsWith("wait")) {
                throw Problem.badRequest("invalid_prefer", "Prefer", "must be like wait=20, in seconds.");
            }
        }
        return Optional.empty();
    }
}
