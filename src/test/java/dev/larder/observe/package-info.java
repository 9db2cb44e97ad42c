/** Proves what the room {@code observe} promises. */
@NullMarked
package dev.larder.observe;

import org.jspecify.annotations.NullMarked;
