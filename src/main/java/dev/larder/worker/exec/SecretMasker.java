package dev.larder.worker.exec;

import java.util.Collection;
import java.util.Comparator;
import java.util.TreeSet;

/**
 * Values that must not be read in a log. A value of several lines is looked for as a whole and line by line, since it is
 * printed so. Not thread-safe.
 */
final class SecretMasker {

    static final String MASK = "***";
    private static final int PIECE_CHARACTERS_MIN = 4;

    // Longest first, so that a value which contains another is masked as a whole.
    private final TreeSet<String> values =
            new TreeSet<>(Comparator.comparingInt(String::length).reversed().thenComparing(Comparator.naturalOrder()));

    /** @param shortest shorter values are left alone: masking every {@code 1} would hide the log and no secret */
    void add(Collection<String> secrets, int shortest) {
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

    String mask(String line) {
        String masked = line;
        for (String value : values) {
            masked = masked.replace(value, MASK);
        }
        return masked;
    }

    /** Of a line that was cut, also what may be the beginning of a value at its end. */
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
