/** The same binary's subcommands. Without one it serves. */
@NullMarked
package dev.larder.cli;

import org.jspecify.annotations.NullMarked;
