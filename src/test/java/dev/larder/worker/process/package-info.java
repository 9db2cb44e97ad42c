/** Processes of jobs: their output, their signals, their names. */
@NullMarked
package dev.larder.worker.process;

import org.jspecify.annotations.NullMarked;
