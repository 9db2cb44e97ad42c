package dev.larder.worker.postgres;

import dev.larder.model.Assignment;
import java.time.Duration;
import java.time.InstantSource;

/** How long the steps of a job may take, and what its roles may use. */
final class Limits {

    private static final Duration SHORTEST = Duration.ofSeconds(1);
    private static final Duration CLEARING_MAX = Duration.ofSeconds(10);
    private static final int CLEARING_PART = 5;
    private static final int KILOBYTE = 1024;

    private Limits() {}

    /** Until the job's deadline; at least a second. */
    static Duration left(Assignment assignment, InstantSource clock) {
        return atLeast(SHORTEST, Duration.between(clock.instant(), assignment.deadlineAt()));
    }

    /** For a version's files: a fifth of the time, at most 10 s, is kept for clearing up behind them. */
    static Duration forFiles(Assignment assignment, InstantSource clock) {
        Duration left = left(assignment, clock);
        Duration kept = left.dividedBy(CLEARING_PART);
        return left.minus(kept.compareTo(CLEARING_MAX) < 0 ? kept : CLEARING_MAX);
    }

    private static Duration atLeast(Duration least, Duration asked) {
        return asked.compareTo(least) < 0 ? least : asked;
    }

    /** As {@code temp_file_limit} takes it: kilobytes, -1 for no limit. */
    static long temporaryFiles(PostgresSettings settings) {
        long bytes = settings.tempFileLimit().asLongValue();
        return bytes == 0 ? -1 : Math.min(Math.max(1, bytes / KILOBYTE), Integer.MAX_VALUE);
    }
}
