/** Proves what the room {@code database} promises, on a real PostgreSQL. */
@NullMarked
package dev.larder.database;

import org.jspecify.annotations.NullMarked;
