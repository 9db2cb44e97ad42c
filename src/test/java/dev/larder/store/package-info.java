/** Proves what the room {@code store} promises, on a real PostgreSQL. */
@NullMarked
package dev.larder.store;

import org.jspecify.annotations.NullMarked;
