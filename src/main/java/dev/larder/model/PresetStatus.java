package dev.larder.model;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Whether a preset's prebuilds may be created (design, sections 2.3.4 and 2.3.5). */
public enum PresetStatus {
    HEALTHY,
    /** The newest attempts all failed: creation waits for a person. */
    HARD_LIMITED,
    /** It cannot be built as declared: creation waits for another declaration. */
    VALIDATION_FAILED;

    /** The words of all. */
    public static final List<String> WORDS =
            Arrays.stream(values()).map(PresetStatus::word).toList();

    /** The word the database and the API use. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static PresetStatus of(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
