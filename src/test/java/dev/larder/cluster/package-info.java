/**
 * Several real server processes on one database: what only shows between processes is shown here, with the application
 * as it is delivered.
 */
@NullMarked
package dev.larder.cluster;

import org.jspecify.annotations.NullMarked;
