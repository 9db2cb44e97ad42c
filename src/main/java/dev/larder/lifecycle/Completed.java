package dev.larder.lifecycle;

import dev.larder.model.JobStatus;
import dev.larder.model.Transition;
import java.time.Instant;

/**
 * How a job ended, as the database derived it.
 *
 * @param limited whether it counted for a limit; other jobs may wait for its place
 */
public record Completed(
        JobStatus status,
        Transition transition,
        boolean prebuild,
        boolean limited,
        Instant createdAt,
        Instant startedAt) {}
