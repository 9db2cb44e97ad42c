/** Proves what the room {@code access} promises. */
@NullMarked
package dev.larder.access;

import org.jspecify.annotations.NullMarked;
