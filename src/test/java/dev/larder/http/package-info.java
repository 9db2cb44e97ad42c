/** Proves what the room {@code http} promises. */
@NullMarked
package dev.larder.http;

import org.jspecify.annotations.NullMarked;
