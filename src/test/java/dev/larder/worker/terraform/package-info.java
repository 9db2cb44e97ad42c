@NullMarked
package dev.larder.worker.terraform;

import org.jspecify.annotations.NullMarked;
