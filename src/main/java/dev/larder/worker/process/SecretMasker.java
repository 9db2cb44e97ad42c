package dev.larder.worker.process;

import java.util.Collection;
import java.util.Comparator;
import java.util.TreeSet;

/**
 * Replaces secret values in lines of a log by {@value #MASK}. A value of several lines is masked as a whole and line by
 * line. Not thread-safe.
 */
public final class SecretMasker {

    static final String MASK = "***";
    private static final int PIECE_CHARACTERS_MIN = 4;

    // Longest first, so that a value which contains another is masked as a whole.
    private final TreeSet<String> values =
            new TreeSet<>(Comparator.comparingInt(String::length).reversed().thenComparing(Comparator.naturalOrder()));

    /**
     * Adds values to mask from now on. Blank values are ignored.
     *
     * @param shortest characters; shorter values are not masked, because masking every {@code 1} makes a log unreadable
     */
    public void add(Collection<String> secrets, int shortest) {
        for (String secret : secrets) {
            if (!secret.isBlank() && secret.length() >= shortest) {
                values.add(secret);
            }
            secret.lines()
                    .map(String::strip)
                    .filter(piece -> piece.length() >= PIECE_CHARACTERS_MIN)
                    .forEach(values::add);
        }
    }

    /** The line with every secret value replaced. */
    public String mask(String line) {
        String masked = line;
        for (String value : values) {
            masked = masked.replace(value, MASK);
        }
        return masked;
    }

    /** The same for a line that was cut: an end that may be the beginning of a value is removed. */
    String maskCut(String line) {
        int kept = line.length();
        for (String value : values) {
            for (int length = Math.min(value.length(), line.length()); length > 0; length--) {
                if (line.endsWith(value.substring(0, length))) {
                    kept = Math.min(kept, line.length() - length);
                    break;
                }
            }
        }
        return mask(line.substring(0, kept));
    }
}
