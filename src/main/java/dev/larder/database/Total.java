package dev.larder.database;

/**
 * How many rows a list has.
 *
 * @param count at most 10,000
 * @param exact false where there may be more
 */
public record Total(long count, boolean exact) {}
