@NullMarked
package dev.larder.wake;

import org.jspecify.annotations.NullMarked;
