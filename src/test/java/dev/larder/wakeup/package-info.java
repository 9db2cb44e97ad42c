@NullMarked
package dev.larder.wakeup;

import org.jspecify.annotations.NullMarked;
