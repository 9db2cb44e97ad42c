/** Measures the figures that Larder promises: {@code ./mvnw -q -Pbench -Dbench=claim-rate}; README has the others. */
@NullMarked
package dev.larder.bench;

import org.jspecify.annotations.NullMarked;
