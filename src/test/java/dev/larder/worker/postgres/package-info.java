/** The postgres backend against a server of its own, since what it proves is about every database of a server. */
@NullMarked
package dev.larder.worker.postgres;

import org.jspecify.annotations.NullMarked;
