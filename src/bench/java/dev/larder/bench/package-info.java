/** Measures the figures that Larder promises: {@code ./mvnw -q -Pbench -Dbench=idle-cycle}. */
@NullMarked
package dev.larder.bench;

import org.jspecify.annotations.NullMarked;
