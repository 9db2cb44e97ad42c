@NullMarked
package dev.larder.cleanup;

import org.jspecify.annotations.NullMarked;
