/** The exec backend with real scripts and real processes. */
@NullMarked
package dev.larder.worker.exec;

import org.jspecify.annotations.NullMarked;
