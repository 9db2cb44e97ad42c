package dev.larder.model;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * How far a job is. Derived from the job's timestamps and error by the generated column {@code jobs.status}.
 */
public enum JobStatus {
    PENDING,
    RUNNING,
    SUCCEEDED,
    CANCELING,
    CANCELED,
    FAILED;

    /** The words of all. */
    public static final List<String> WORDS =
            Arrays.stream(values()).map(JobStatus::word).toList();

    /** Whether a worker may still change the workspace. Nothing else may touch it then. */
    public boolean active() {
        return switch (this) {
            case PENDING, RUNNING, CANCELING -> true;
            case SUCCEEDED, CANCELED, FAILED -> false;
        };
    }

    /** The word the database and the API use. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static JobStatus of(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
