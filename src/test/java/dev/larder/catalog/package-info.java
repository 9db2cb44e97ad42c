/** What a declaration may say, and what applying, promoting and pausing does; over a real database where it matters. */
@NullMarked
package dev.larder.catalog;

import org.jspecify.annotations.NullMarked;
