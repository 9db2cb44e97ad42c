package dev.larder.model;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Why the stock of a preset is replaced. */
public enum RolloutCause {
    /** Another version was promoted. */
    PROMOTION,
    /** A user invalidated the stock. */
    INVALIDATION,
    /** The ttl of prebuilds ends soon. */
    EXPIRY;

    /** The words of all. */
    public static final List<String> WORDS =
            Arrays.stream(values()).map(RolloutCause::word).toList();

    /** The word the database and the API use. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static RolloutCause of(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
