/**
 * A real PostgreSQL with nothing installed: unpacked, started and stopped by the JVM that wants it. Tests take a
 * database each from {@link dev.larder.testing.Databases}; the launcher keeps its data with
 * {@link dev.larder.testing.EmbeddedPostgres}. Nothing of this is in the production jar.
 */
@NullMarked
package dev.larder.testing;

import org.jspecify.annotations.NullMarked;
