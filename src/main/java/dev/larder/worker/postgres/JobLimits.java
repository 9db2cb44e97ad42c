package dev.larder.worker.postgres;

import dev.larder.model.Assignment;
import java.time.Duration;
import java.time.InstantSource;

/** Time limits for the steps of a job, and resource limits of its roles. */
final class JobLimits {

    private static final Duration SHORTEST = Duration.ofSeconds(1);
    private static final Duration CLEARING_MAX = Duration.ofSeconds(10);
    private static final int CLEARING_PART = 5;
    private static final int KILOBYTE = 1024;

    private JobLimits() {}

    /** The time until the job's deadline; at least a second. */
    static Duration left(Assignment assignment, InstantSource clock) {
        return atLeast(SHORTEST, Duration.between(clock.instant(), assignment.deadlineAt()));
    }

    /**
     * The time for a version's files. Reserves a fifth of the time left, at most 10 s, for the removal of a failed
     * build.
     */
    static Duration forFiles(Assignment assignment, InstantSource clock) {
        Duration left = left(assignment, clock);
        Duration kept = left.dividedBy(CLEARING_PART);
        return left.minus(kept.compareTo(CLEARING_MAX) < 0 ? kept : CLEARING_MAX);
    }

    private static Duration atLeast(Duration least, Duration asked) {
        return asked.compareTo(least) < 0 ? least : asked;
    }

    /** The value of {@code temp_file_limit}: kilobytes, -1 for no limit. */
    static long temporaryFiles(PostgresSettings settings) {
        long bytes = settings.tempFileLimit().asLongValue();
        return bytes == 0 ? -1 : Math.min(Math.max(1, bytes / KILOBYTE), Integer.MAX_VALUE);
    }
}
