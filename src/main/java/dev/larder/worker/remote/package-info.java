/** A worker's desk at a server elsewhere, over HTTP (design, section 4). */
@NullMarked
package dev.larder.worker.remote;

import org.jspecify.annotations.NullMarked;
