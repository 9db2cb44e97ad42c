/** The state machine of workspaces, builds and jobs. No other room changes their state. */
@NullMarked
package dev.larder.lifecycle;

import org.jspecify.annotations.NullMarked;
