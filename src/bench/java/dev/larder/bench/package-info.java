/**
 * Measures the figures that Larder promises: {@code ./mvnw -q -Pbench -Dbench=claim-rate}. The other names are in
 * {@code src/docs/benchmarks.md}.
 */
@NullMarked
package dev.larder.bench;

import org.jspecify.annotations.NullMarked;
