/**
 * The main command: runs the production application on an embedded PostgreSQL that keeps its data, with a small demo
 * catalog on the first start. Nothing of it is in the production jar; whatever it does can be done by hand with
 * configuration and HTTP.
 */
@NullMarked
package dev.larder.launch;

import org.jspecify.annotations.NullMarked;
