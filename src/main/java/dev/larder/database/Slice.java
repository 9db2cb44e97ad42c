package dev.larder.database;

import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Rows of a list, in its order.
 *
 * @param examinedTo where the reader stopped before it had looked at all rows: the last id that it looked at
 */
public record Slice<T>(List<T> rows, Optional<UUID> examinedTo) {}
