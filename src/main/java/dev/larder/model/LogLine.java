package dev.larder.model;

import java.time.Instant;

/**
 * One line of a job's log.
 *
 * @param stream {@code stdout}, {@code stderr} or {@code larder}
 */
public record LogLine(Instant at, String stream, String line) {}
